"""The tables that declare no resource: `[workspace]`, `[variables]` and `[environments]`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from reconciler.engine.load.declaration import TomlTable
from reconciler.engine.load.declarations import ENVIRONMENTS, SETTINGS_TABLES, VARIABLES, WORKSPACE
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.toml_file import TomlFile
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.text import describe_value


@frozen
class SettingsTables:
    """The settings tables of all files; `workspace` is the first `[workspace]`, if there is one."""

    workspace: TomlTable | None
    variables: Sequence[TomlTable]
    environments: Sequence[TomlTable]


def collect_settings_tables(
    files: Iterable[TomlFile], included: Collection[TomlFile], diagnostics: DiagnosticCollector
) -> SettingsTables:
    """Return the settings tables, and report those in the wrong place or of the wrong type.

    `files` are all files, `included` those of `include`: they may declare variables, but neither the workspace nor environments.
    """
    tables = {name: list(_find_tables(name, files, diagnostics)) for name in SETTINGS_TABLES}
    for name in (WORKSPACE, ENVIRONMENTS):
        for table in [table for table in tables[name] if table.file in included]:
            problem = f"an included file cannot have [{name}]"
            diagnostics.add(table, ValueProblem("misplaced-table", problem, "it in the main file"))
            tables[name].remove(table)
    workspaces = tables[WORKSPACE]
    for table in workspaces[1:]:
        problem, expected = f"already declared at {workspaces[0].origin}", "one [workspace] for all files"
        diagnostics.add(table, ValueProblem("duplicate-declaration", problem, expected))
    workspace = workspaces[0] if workspaces else None
    return SettingsTables(workspace, tables[VARIABLES], tables[ENVIRONMENTS])


def _find_tables(
    name: str, files: Iterable[TomlFile], diagnostics: DiagnosticCollector
) -> Iterator[TomlTable]:
    for file in files:
        entries = file.data.get(name)
        if isinstance(entries, dict):
            yield TomlTable((name,), entries, file)
        elif entries is not None:
            problem = f"got {describe_value(entries)}"
            expected = f"tables [{name}.NAME]" if name == ENVIRONMENTS else f"a table [{name}]"
            diagnostics.add(TomlTable((name,), {}, file), ValueProblem("wrong-type", problem, expected))
