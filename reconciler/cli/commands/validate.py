"""`reconciler validate`: every error and warning in the file, at once and offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.model.settings import DesiredState


@click.command()
@add_common_options()
@add_environment_options
@click.pass_context
def validate(ctx: click.Context) -> None:
    """Check the file without contacting AWS."""
    from reconciler.cli.errors import print_warnings
    from reconciler.cli.terminal import Terminal

    options = Options.from_context(ctx)
    desired = options.open_workspace(offline=True).desired
    print_warnings(desired.warnings, options)
    Terminal.open(color=options.color).print(_render_lines(desired, options.file))


def _render_lines(desired: DesiredState, file: str) -> Iterator[Text]:
    """Yield the verdict, and the number of resources of each kind."""
    from rich.text import Text

    from reconciler.render.text.parts import COLORS
    from reconciler.render.views.labels import format_kind, get_kind_position, pluralize

    resources = [resource for resource in desired.resources.values() if not resource.is_ownership_marker]
    yield Text.assemble(
        ("✔ ", COLORS["applied"]), (file, "bold"), " is valid: ", pluralize(len(resources), "resource")
    )
    counts = Counter(resource.address.kind for resource in resources)
    width = max((len(f"{count:,}") for count in counts.values()), default=0)
    for kind in sorted(counts, key=lambda kind: (get_kind_position(kind), kind)):
        yield Text(f"  {counts[kind]:>{width},}  {format_kind(kind, counts[kind])}", "dim")
