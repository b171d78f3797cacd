"""Everything that stands between a file and its apply, looked at in the order in which it would stop one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.model.check_result import CheckResult
from reconciler.model.errors import AwsError, InvalidDesiredStateError, JournalError, TargetError

if TYPE_CHECKING:
    from reconciler.workspace import Workspace


def examine(workspace: Workspace, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """What is in order and what is not. Nothing is written but, where there is none, an embedded registry is begun."""
    from reconciler.aws import preflight

    yield from preflight.check_versions()
    try:
        state = workspace.desired
    except InvalidDesiredStateError as error:
        told = f"{workspace.path}: {len(error.diagnostics)} mistakes"
        yield CheckResult("error", "file", told, "`reconciler validate` tells them with their lines")
        return
    warnings = len(state.warnings)
    doubt = f", {warnings} warnings" if warnings else ""
    advice = "`reconciler validate` tells them" if warnings else None
    told = f"{workspace.path}: {len(state.resources)} resources{doubt}"
    yield CheckResult("warning" if warnings else "ok", "file", told, advice)
    yield from _target(workspace, environ)
    yield from _journal(workspace)


def _lock(workspace: Workspace) -> Iterator[CheckResult]:
    held = workspace.lease_holder()
    if held is None:
        yield CheckResult("ok", "lock", "nobody is applying this workspace")
    else:
        told = f"{held} has been applying this workspace since {held.since:%Y-%m-%d %H:%M:%S} UTC"
        yield CheckResult(
            "warning", "lock", told, "`reconciler unlock` breaks the lease, if nobody is any more"
        )


def _journal(workspace: Workspace) -> Iterator[CheckResult]:
    try:
        runs = workspace.history(1)
    except JournalError as error:
        yield CheckResult("warning", "journal", f"{error}", "applies go on without it")
        return
    if workspace.crashed_run():
        told = "the last run ended without a word"
        yield CheckResult(
            "warning", "journal", told, "`reconciler apply` goes on from there; `reconciler history` shows it"
        )
    else:
        yield CheckResult("ok", "journal", "in order" if runs.runs else "empty")


def _target(workspace: Workspace, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    from reconciler.aws import preflight
    from reconciler.aws.quotas import load_quotas
    from reconciler.engine.permissions.operations import needed_operations
    from reconciler.engine.permissions.probe import probe

    state = workspace.desired
    settings = state.settings
    if settings.target == "embedded":
        found = [*preflight.check_database(workspace.registry_path, settings.region or "eu-west-1")]
    else:
        wanted = needed_operations(state, "apply")
        found = [*preflight.check_remote(settings, load_quotas(settings.quotas), environ, wanted)]
    yield from found
    if any(each.level == "error" for each in found):
        return
    try:
        yield CheckResult("ok", "target", str(workspace.connection.target))
        yield from probe(state, workspace.connection.call)
        yield from _lock(workspace)
    except (AwsError, TargetError) as error:
        yield CheckResult("error", "target", str(error))
