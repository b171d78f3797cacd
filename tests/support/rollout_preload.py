"""A module that applies once when it is imported, so that forks have imported all that tasks need."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import distributed  # noqa: F401 (workers of Dask need it)

from reconciler.rollout import Rollout
from tests.support.rollouts import write_environments


def _plan_once() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rollout = Rollout(write_environments(Path(folder), 1))
        assert rollout.apply(rollout.plan()).ok


_plan_once()
assert threading.active_count() == 1, "a process with threads cannot be forked safely"
