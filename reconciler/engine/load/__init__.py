"""From TOML files and manifests to a `DesiredState`, or to every mistake in them at once.

Law: what a file names is read from its own folder tree, bounded in size; nothing of a file is ever executed; no secret is
told. `load` is the only way in.

- `load`             one file or a folder of them
- `toml_source`      values with their lines
- `declared`, `declaration`, `fleet`, `manifests`, `patterns`    tables, written out or made by the rows of a manifest
- `structure`, `values`, `files`    what a field's annotation asks for, from what is written and what it names
- `resources`, `workspace_table`    a table as a resource, or as the settings
- `checks`           limits, references, cycles, and what the kinds say
- `report`, `wrong`  mistakes on their way to people
"""
