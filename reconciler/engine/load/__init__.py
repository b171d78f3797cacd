"""Load TOML files and manifests as a `DesiredState`, or report every diagnostic at once.

Invariant: a TOML file can refer only to files in its own folder and the folders below it; the size of every file is limited;
nothing in a file is executed; no diagnostic contains a secret.

- `load`: the entry point, from the path of a file or folder to a `DesiredState`
- `toml_file`: the values and line numbers of one TOML file
- `declarations`, `declaration`: the tables of all files; each resource may be declared only once
- `for_each`, `manifests`, `interpolation`: tables with `for_each`, which declare one resource per row
- `converters`, `table_shape`, `input_files`: convert the values in the file to the types of their fields, and read the files
  that they refer to
- `resources`, `workspace_table`, `moved_removed`: convert declarations to resources, settings, and moved or removed addresses
- `evaluation`: what the kinds derive from the resources
- `validation`: AWS's constraints, references, duplicates, cycles, and the kinds' own checks
- `diagnostics`: convert problems to diagnostics, and sort them
- `json_schema`: the JSON Schema of the file, for editors
"""
