"""A program that plans and applies its own file repeatedly.

Another process does the same with another file at the same time, and both files declare the same workspace.

Run the program as `python -m tests.support.concurrent_writer FOLDER ROUNDS`: FOLDER has the file, ROUNDS is the number of
plans, and the environment has the file's secrets and the registry's path. The program prints one line for each round,
except for a round with an empty plan: `applied`, `stale`, `rejected`, `locked: HOLDER` or an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler import Workspace
from reconciler.model.errors import AwsError, LockedError, PlanRejectedError, ReconcilerError, StaleError
from reconciler.model.outcome import Failed, Result


def describe_result(result: Result) -> str:
    """Return the first error that the other writer did not cause, or else `stale` or `applied`.

    `stale` means that steps failed and the other writer caused every error; `applied` means that no step failed.
    """
    errors = [outcome.error for outcome in result.outcomes if isinstance(outcome, Failed)]
    unexpected_errors = [str(error) for error in errors if not is_caused_by_other_writer(error)]
    if unexpected_errors:
        return unexpected_errors[0]
    return "stale" if errors else "applied"


def is_caused_by_other_writer(error: ReconcilerError) -> bool:
    """Return whether a step failed because the other writer had changed or created its resource.

    Before an apply changes a resource, it reads the resource again, and the step fails with StaleError if the other writer
    has changed it. Before an apply creates a resource, it reads nothing; AWS rejects the creation if the resource exists.
    """
    already_exists = isinstance(error, AwsError) and error.code == "ResourceAlreadyExistsException"
    return already_exists or isinstance(error, StaleError)


def plan_and_apply(workspace: Workspace) -> str | None:
    """Plan and apply once; return the line to print, or None if the plan was empty."""
    try:
        plan = workspace.plan()
        return describe_result(workspace.apply(plan)) if plan else None
    except LockedError as error:
        return f"locked: {error.holder}"
    except PlanRejectedError:
        # The other writer has created a resource but not yet added its ownership marker, so the resource looks unmanaged.
        return "rejected"


def main(folder: Path, rounds: int) -> None:
    workspace = Workspace(folder / "desired_state.toml")
    for _ in range(rounds):
        line = plan_and_apply(workspace)
        if line is not None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
