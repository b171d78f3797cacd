"""One of several writers of a workspace: applies its own file again and again, and says how each time ended.

Run as a program: `concurrent_writer.py FOLDER ROUNDS`, the secrets of FOLDER's file and the registry's path in the environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler import Workspace
from reconciler.model.errors import AwsError, LockedError, PlanRejectedError, ReconcilerError, StaleError
from reconciler.model.outcome import Failed, Result


def kind(result: Result) -> str:
    """`applied`, `stale` where that is all that went wrong, or what else did."""
    errors = [found.error for found in result.outcomes if isinstance(found, Failed)]
    strange = [str(error) for error in errors if not came_too_late(error)]
    return strange[0] if strange else "stale" if errors else "applied"


def came_too_late(error: ReconcilerError) -> bool:
    """Whether the other one was there before: AWS itself says so of most of what is to be created."""
    made = isinstance(error, AwsError) and error.code == "ResourceAlreadyExistsException"
    return made or isinstance(error, StaleError)


def main(folder: Path, rounds: int) -> None:
    workspace = Workspace(folder / "desired_state.toml")
    for _ in range(rounds):
        try:
            plan = workspace.plan()
            if not plan:
                continue
            ended = kind(workspace.apply(plan))
        except LockedError as error:
            ended = f"locked: {error.holder}"
        except PlanRejectedError:  # what the other one has just made does not yet bear the workspace's mark
            ended = "refused"
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
