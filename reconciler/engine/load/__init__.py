"""Load TOML files and manifests as a `DesiredState`, or report every diagnostic at once.

`load` is the only entry point.

Invariant: files are read from the folder tree of the TOML file that refers to them, and up to a size; nothing in a file is
executed; no secret is in a diagnostic.

- `load`: the pipeline, from a file or a folder
- `toml_file`: values and line numbers
- `declarations`, `declaration`: tables, each resource declared once
- `for_each`, `manifests`, `interpolation`: one declaration for each row
- `converters`, `table_shape`, `input_files`: a value of the file → the type of its field
- `resources`, `workspace_table`, `moved_removed`: a declaration → a resource, settings, or a statement
- `validation`: limits, references, duplicates, cycles, and what the kinds check
- `diagnostics`: problems → diagnostics in order
- `json_schema`: the schema of the file, for editors
"""
