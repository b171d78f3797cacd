"""Health checks of everything that an apply needs, in the order in which an apply uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from reconciler.model.check_result import CheckResult
from reconciler.model.errors import AwsError, InvalidDesiredStateError, JournalError, TargetError
from reconciler.model.text import format_time, quote

if TYPE_CHECKING:
    from reconciler.workspace import Workspace


def examine(workspace: Workspace, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Yield the results of the checks: package, versions, file, access to the target, lock, journal.

    A check that depends on a failed one is left out. Nothing is written, but an embedded registry that does not exist yet is
    created.
    """
    from reconciler.aws import preflight

    yield from _check_package()
    yield from preflight.check_versions()
    try:
        workspace.desired  # noqa: B018 (loads the file)
    except InvalidDesiredStateError as error:
        yield _build_invalid_file_result(workspace, error)
        return
    yield _build_valid_file_result(workspace)
    yield from _check_target(workspace, environ)
    yield _check_journal(workspace)


def _check_package() -> Iterator[CheckResult]:
    """Report another project that shares files with this one; without one, yield nothing."""
    from reconciler.model.distribution import find_package_problem

    if problem := find_package_problem():
        yield CheckResult("error", "package", problem.message, problem.advice)


def _build_invalid_file_result(workspace: Workspace, error: InvalidDesiredStateError) -> CheckResult:
    if not workspace.path.exists():
        advice = "create one with `reconciler init`, or name another with -f"
        return CheckResult("error", "file", f"{workspace.path}: no such file", advice)
    problem = f"{workspace.path}: {error.counts}"
    return CheckResult("error", "file", problem, "run `reconciler validate` for details")


def _build_valid_file_result(workspace: Workspace) -> CheckResult:
    from reconciler.render.views.labels import pluralize

    desired = workspace.desired
    place = f" in environment {quote(desired.environment_name)}" if desired.environment else ""
    summary = f"{workspace.path}{place}: {pluralize(len(desired.resources), 'resource')}"
    if not desired.warnings:
        return CheckResult("ok", "file", summary)
    warnings = pluralize(len(desired.warnings), "warning")
    return CheckResult("warning", "file", f"{summary}, {warnings}", "run `reconciler validate` for details")


def _check_target(workspace: Workspace, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Yield the results on access to the target, on what may be read, and on the workspace's lock.

    After an error on access, the other two are not checked.
    """
    from reconciler.engine.permissions.read_access import (
        check_change_feed,
        check_read_access,
        check_stored_secrets,
    )

    results = _check_access(workspace, environ)
    yield from results
    if any(result.level == "error" for result in results):
        return
    try:
        yield CheckResult("ok", "target", str(workspace.connection.target))
        yield from check_read_access(workspace.desired, workspace.connection.call)
        yield from check_stored_secrets(workspace.desired, workspace.connection.call)
        yield from check_change_feed(workspace.desired, workspace.connection.call)
        yield _check_lock(workspace)
    except (AwsError, TargetError) as error:
        yield CheckResult("error", "target", str(error))


def _check_access(workspace: Workspace, environ: Mapping[str, str]) -> Sequence[CheckResult]:
    """Check the embedded registry's database, or the access to AWS or to another endpoint."""
    from reconciler.aws import preflight
    from reconciler.aws.quotas import load_quotas
    from reconciler.engine.permissions.operations import find_needed_operations, find_outside_arns

    settings = workspace.desired.settings
    if settings.target == "embedded":
        return [*preflight.check_database(workspace.registry_path, settings.region or "eu-west-1", environ)]
    operations = find_needed_operations(workspace.desired, "apply")
    needs = preflight.Needs(operations, partial(find_outside_arns, workspace.desired.resources))
    return [*preflight.check_remote(settings, load_quotas(settings.quotas), environ, needs)]


def _check_lock(workspace: Workspace) -> CheckResult:
    lease = workspace.lease_holder()
    if lease is None:
        return CheckResult("ok", "lock", "not locked")
    return CheckResult(
        "warning",
        "lock",
        f"{lease} has been applying this workspace since {format_time(lease.since)}",
        "if that apply no longer runs, release the lock with `reconciler unlock`",
    )


def _check_journal(workspace: Workspace) -> CheckResult:
    try:
        history = workspace.history(1)
    except JournalError as error:
        return CheckResult("warning", "journal", str(error), "applies work without it")
    if history.problem:
        return CheckResult(
            "warning", "journal", history.problem, "`reconciler history` lists the readable runs"
        )
    if workspace.crashed_run():
        return CheckResult(
            "warning",
            "journal",
            "the last run did not finish (crashed or killed)",
            "run `reconciler apply` to complete it; `reconciler history` shows it",
        )
    return CheckResult("ok", "journal", "readable" if history.runs else "empty")
