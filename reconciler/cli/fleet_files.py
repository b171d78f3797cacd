"""The option `--as-fleet`: CSV files with a row for each device, for the commands that write tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.terminal import echo

if TYPE_CHECKING:
    from reconciler.engine.export.export import Table

as_fleet_option = click.option(
    "--as-fleet",
    is_flag=True,
    help="Write alike devices as tables with `for_each`, and as rows of CSV files.",
)


@contextmanager
def write_fleets(file: Path, tables: Sequence[Table], *, as_fleet: bool) -> Iterator[Sequence[Table]]:
    """Yield the tables; with `as_fleet`, alike devices share tables with `for_each`.

    The CSV files with a row for each device are next to `file`, the TOML file, and are deleted again if the `with` block raises.
    """
    from reconciler.engine.export.append import read_headers
    from reconciler.engine.export.files import write_manifests
    from reconciler.engine.export.fleet import group_into_fleets
    from reconciler.render.views.labels import pluralize

    if not as_fleet:
        yield tables
        return
    folder = file.parent
    fleets = group_into_fleets(
        tables, lambda name: (folder / name).exists(), declared=read_headers(file) if file.exists() else ()
    )
    with write_manifests(folder, fleets.manifests):
        for manifest in fleets.manifests:
            echo(f"wrote {folder / manifest.file}: {pluralize(len(manifest.rows), 'row')}", stderr=True)
        yield fleets.tables
