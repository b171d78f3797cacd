"""The runs of many environments, from the journal of their file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from reconciler.aws.session import find_known_target
from reconciler.engine.journal.team_history import merge_histories
from reconciler.model.run import History, Run
from reconciler.model.settings import Environment, Settings
from reconciler.render.json.rollout_file import EnvironmentHistory, RolloutHistory
from reconciler.workspace import Workspace


def read_rollout_history(
    environments: Sequence[Environment], open_workspace: Callable[[str], Workspace], limit: int | None
) -> RolloutHistory:
    """Return the runs of each environment, the newest first, at most `limit` of each.

    `open_workspace` returns the workspace of an environment. Raises JournalError if the journal of this machine cannot be read.
    """
    targets = {
        environment.name: find_known_target(environment.settings, os.environ) for environment in environments
    }
    known_targets = {name: str(target) for name, target in targets.items() if target}
    return group_runs(environments, known_targets, _read_journals(environments, open_workspace), limit)


def _read_journals(
    environments: Sequence[Environment], open_workspace: Callable[[str], Workspace]
) -> History:
    """Return the runs in the journal of this machine, and in those of the team that the file names."""
    history, problems = History(), dict[str, None]()
    names_by_journal = {environment.settings.journal: environment.name for environment in environments}
    for name in names_by_journal.values():
        journal = open_workspace(name).history(limit=None)
        problems[journal.problem] = None
        history = merge_histories(history, journal, None)
    return History(history.runs, "; ".join(filter(None, problems)))


def group_runs(
    environments: Sequence[Environment],
    targets: Mapping[str, str],
    history: History,
    limit: int | None = None,
) -> RolloutHistory:
    """Return the runs of each environment, at most `limit` of each; runs of no environment are left out.

    `targets` has the targets of the environments, as far as they are known without a call. A run belongs to the environment with
    its workspace and its target or, if the target is not known, with its endpoint and the parts of its target that are in the
    file.
    """
    histories = []
    for environment in environments:
        target = targets.get(environment.name)
        runs = [run for run in history.runs if _is_of_environment(run, environment.settings, target)]
        histories.append(
            EnvironmentHistory(
                environment=environment.name, workspace=environment.settings.name, runs=tuple(runs[:limit])
            )
        )
    return RolloutHistory(environments=tuple(histories), problem=history.problem)


def _is_of_environment(run: Run, settings: Settings, target: str | None) -> bool:
    if run.workspace != settings.name:
        return False
    if target:
        return run.target == target
    parts = run.target.split(" · ")
    account = settings.account or settings.role_account
    known_parts = (settings.target, account, settings.region)
    return len(parts) == len(known_parts) and all(
        known is None or known == part for known, part in zip(known_parts, parts, strict=True)
    )
