"""`reconciler permissions`: the IAM policy that a file needs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options, out_option
from reconciler.cli.terminal import echo

if TYPE_CHECKING:
    from reconciler.model.plan import Target
    from reconciler.workspace import Workspace

_PURPOSES = ("plan", "show", "drift", "apply", "destroy")


@click.command()
@add_common_options()
@add_environment_options
@click.option(
    "--for",
    "purpose",
    type=click.Choice(_PURPOSES),
    default="apply",
    help="Command that the policy is for, drift with --who; every policy allows reading (default: apply).",
)
@out_option
@click.pass_context
def permissions(ctx: click.Context, purpose: str, out: Path | None) -> None:
    """Print the minimal IAM policy for the file.

    It allows writing only what the file declares, and reading every kind, because the workspace may own resources that the file no longer has.
    """
    import json

    from reconciler.aws import iam
    from reconciler.engine.durable_files import name_file_in_errors
    from reconciler.engine.permissions.operations import (
        find_needed_operations,
        find_needed_roles,
        find_outside_arns,
    )

    workspace = _open_workspace(Options.from_context(ctx))
    target = _find_target(workspace)
    operations = find_needed_operations(workspace.desired, purpose)
    passed_roles = find_needed_roles(workspace.desired.resources) if purpose == "apply" else ()
    stored_secrets, keys = workspace.desired.stored_secrets, workspace.desired.key_secrets
    access = iam.SecretAccess(
        read=() if purpose == "destroy" else stored_secrets,
        describe=keys,
        create=keys if purpose == "apply" else (),
    )
    outside_arns: dict[tuple[str, str], Collection[str]] = (
        dict(find_outside_arns(workspace.desired.resources, target)) if purpose in {"plan", "apply"} else {}
    )
    if workspace.desired.s3_urls:
        outside_arns["s3", "GetObject"] = [
            iam.build_object_arn(url, target) for url in workspace.desired.s3_urls
        ]
    policy = iam.build_iam_policy(operations, target, passed_roles, access, outside_arns)
    text = json.dumps(policy, indent=2) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        with name_file_in_errors(out):
            out.write_text(text, encoding="utf-8")
        echo(f"wrote {out}", stderr=True)
    if target.endpoint == "embedded":
        echo(
            f"warning: the policy names account {target.account} of the embedded registry; "
            'replace it, or set target = "aws" and run the command with AWS credentials',
            stderr=True,
        )
    if access.read or access.create:
        echo(
            "note: a secret that a KMS key of your own encrypts also needs kms:Decrypt for that key",
            stderr=True,
        )
    size = len("".join(text.split()))  # AWS does not count white space
    if size > iam.MAX_POLICY_CHARACTERS:
        echo(
            f"warning: the policy has {size:,} characters, but IAM allows a managed policy only {iam.MAX_POLICY_CHARACTERS:,}; "
            "split it into several policies",
            stderr=True,
        )


def _open_workspace(options: Options) -> Workspace:
    """Return the workspace, without its objects in S3 if their permission is what is still missing."""
    from reconciler.model.errors import InvalidDesiredStateError
    from reconciler.model.s3_object import UNREADABLE_OBJECT

    workspace = options.open_workspace()
    try:
        _ = workspace.desired
    except InvalidDesiredStateError as error:
        errors = [diagnostic for diagnostic in error.diagnostics if diagnostic.severity == "error"]
        if any(diagnostic.code != UNREADABLE_OBJECT for diagnostic in errors):
            raise
        for diagnostic in errors:
            echo(str(diagnostic), stderr=True)
        echo(
            "the policy allows reading these objects; run the command again with it, for the whole policy",
            stderr=True,
        )
        return options.open_workspace(offline=True)
    return workspace


def _find_target(workspace: Workspace) -> Target:
    """Return the target, with placeholders for what is unknown if it cannot be reached."""
    from reconciler.model.errors import TargetError
    from reconciler.model.plan import Target

    try:
        return workspace.connection.target
    except TargetError as error:
        settings = workspace.desired.settings
        placeholders = "ACCOUNT" if settings.region else "ACCOUNT and REGION"
        echo(f"{error}\nreplace {placeholders} in the policy", stderr=True)
        return Target(endpoint=settings.target, region=settings.region or "REGION", account="ACCOUNT")
