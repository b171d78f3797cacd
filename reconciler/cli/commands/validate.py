"""`reconciler validate`: every mistake in the file, at once; nothing is reached."""

from __future__ import annotations

import click

from reconciler.cli.options import Options, common


@click.command()
@common()
@click.pass_context
def validate(ctx: click.Context) -> None:
    """Check the file; nothing is read from AWS."""
    from collections import Counter

    from rich.text import Text

    from reconciler.cli.errors import annotate, sources
    from reconciler.cli.terminal import Terminal
    from reconciler.render.text.diagnostics import render_diagnostics_text
    from reconciler.render.text.plan import COLORS
    from reconciler.render.views.diagnostics import build_diagnostics_view
    from reconciler.render.views.plan import format_kind, get_kind_position, pluralize
    from reconciler.workspace import Workspace

    options = Options.of(ctx)
    terminal = Terminal.open(color=options.color)
    desired = Workspace(options.file).desired
    if desired.warnings:
        view = build_diagnostics_view(desired.warnings, sources(desired.warnings, options.file))
        terminal.remark([*render_diagnostics_text(view), Text()])
        annotate(desired.warnings, options)
    told = [resource for resource in desired.resources.values() if not resource.is_ownership_marker]
    counts = Counter(resource.address.kind for resource in told)
    ordered = sorted(counts, key=lambda kind: (get_kind_position(kind), kind))
    room = max((len(f"{counts[kind]:,}") for kind in ordered), default=0)
    lines = [Text(f"  {counts[kind]:>{room},}  {format_kind(kind, counts[kind])}", "dim") for kind in ordered]
    head = Text.assemble(
        ("✔ ", COLORS["applied"]), (options.file, "bold"), " is valid: ", pluralize(len(told), "resource")
    )
    terminal.tell([head, *lines])
