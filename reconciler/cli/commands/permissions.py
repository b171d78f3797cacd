"""`reconciler permissions`: the IAM policy that a file needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options, common

if TYPE_CHECKING:
    from reconciler.model.plan import Target
    from reconciler.workspace import Workspace

_PURPOSES = ("plan", "apply", "destroy")


@click.command()
@common()
@click.option(
    "--for",
    "purpose",
    type=click.Choice(_PURPOSES),
    default="apply",
    show_default=True,
    help="What is to be done; each of them reads.",
)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.pass_context
def permissions(ctx: click.Context, purpose: str, out: Path | None) -> None:
    """Print the least IAM policy for the file."""
    import json

    from reconciler.aws import iam
    from reconciler.engine.permissions.operations import needed_operations, needed_roles
    from reconciler.workspace import Workspace

    workspace = Workspace(Options.of(ctx).file)
    target = _target(workspace)
    wanted = needed_operations(workspace.desired, purpose)
    passed = needed_roles(workspace.desired.resources) if purpose == "apply" else ()
    policy = iam.iam_policy(wanted, target, passed)
    text = json.dumps(policy, indent=2) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"wrote {out}", err=True)
    size = len("".join(text.split()))
    if size > iam.MAX_POLICY_CHARACTERS:
        click.echo(
            f"{size:,} characters: a managed policy takes {iam.MAX_POLICY_CHARACTERS:,}, so divide it",
            err=True,
        )


def _target(workspace: Workspace) -> Target:
    """The target with its account; where nobody tells it, with words to be replaced."""
    from reconciler.model.errors import TargetError
    from reconciler.model.plan import Target

    try:
        return workspace.connection.target
    except TargetError as error:
        click.echo(f"{error}\nACCOUNT and REGION stand for what is not known", err=True)
        settings = workspace.desired.settings
        return Target(settings.target, settings.region or "REGION", "ACCOUNT")
