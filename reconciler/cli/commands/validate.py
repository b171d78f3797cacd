"""`reconciler validate`: every error and warning in the file, at once and offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options
from reconciler.cli.rollout_options import all_environments_option

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.model.settings import DesiredState


@click.command()
@add_common_options()
@add_environment_options
@all_environments_option
@click.pass_context
def validate(ctx: click.Context) -> None:
    """Check the file without contacting AWS.

    With several environments, selected by --all-envs, several --env or a glob, every error of all of them is reported once.
    """
    from reconciler.cli.errors import print_warnings
    from reconciler.cli.terminal import Terminal

    options = Options.from_context(ctx)
    if options.is_rollout:
        _validate_environments(options)
        return
    desired = options.open_workspace(offline=True).desired
    print_warnings(desired.warnings, options)
    Terminal(color=options.color).print(_render_lines(desired, options.file))


def _validate_environments(options: Options) -> None:
    from reconciler.cli.errors import print_warnings
    from reconciler.cli.terminal import Terminal
    from reconciler.workspace import Workspace

    workspace = Workspace(
        options.file, variables=options.variables, allow_outside=options.allow_outside, offline=True
    )
    checked = workspace.check_environments(options.patterns)
    print_warnings(checked.warnings, options)
    Terminal(color=options.color).print(_render_environments(checked.resource_counts, options.file))


def _render_environments(resource_counts: Mapping[str, Mapping[str, int]], file: str) -> Iterator[Text]:
    """Yield the verdict, and the number of resources of each kind, once for environments with the same."""
    from rich.text import Text

    from reconciler.kinds import sort_tables
    from reconciler.model.text import join_some
    from reconciler.render.text.colors import COLORS
    from reconciler.render.views.labels import format_kind, pluralize

    environments = pluralize(len(resource_counts), "environment")
    yield Text.assemble(("✔ ", COLORS["applied"]), (file, "bold"), f" is valid in {environments}")
    names_by_counts: dict[frozenset[tuple[str, int]], list[str]] = {}
    for name, counts in resource_counts.items():
        names_by_counts.setdefault(frozenset(counts.items()), []).append(name)
    for pairs, names in names_by_counts.items():
        counts = dict(pairs)
        kinds = ", ".join(
            f"{counts[kind]:,} {format_kind(kind, counts[kind])}" for kind in sort_tables(counts)
        )
        total = pluralize(sum(counts.values()), "resource")
        yield Text(f"  {join_some(names)}: {total}{f' ({kinds})' if kinds else ''}", "dim")


def _render_lines(desired: DesiredState, file: str) -> Iterator[Text]:
    """Yield the verdict, and the number of resources of each kind."""
    from rich.text import Text

    from reconciler.kinds import sort_tables
    from reconciler.render.text.colors import COLORS
    from reconciler.render.views.labels import format_kind, pluralize

    resources = [resource for resource in desired.resources.values() if not resource.is_ownership_marker]
    place = f" in {desired.environment.name}" if desired.environment else ""
    yield Text.assemble(
        ("✔ ", COLORS["applied"]),
        (file, "bold"),
        f" is valid{place}: ",
        pluralize(len(resources), "resource"),
    )
    counts = Counter(resource.address.kind for resource in resources)
    width = max((len(f"{count:,}") for count in counts.values()), default=0)
    for kind in sort_tables(counts):
        yield Text(f"  {counts[kind]:>{width},}  {format_kind(kind, counts[kind])}", "dim")
