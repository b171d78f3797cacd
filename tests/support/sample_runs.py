"""A past run, for tests of formats and views."""

from __future__ import annotations

import datetime

from reconciler.model.run import ProcessIdentity, Run


def make_sample_run(workspace: str, target: str, time: datetime.datetime) -> Run:
    """Return a run that was applied at once, at a time."""
    return Run(
        id="r1",
        workspace=workspace,
        target=target,
        process=ProcessIdentity("ada", "ci", pid=1),
        command="apply",
        file_digest="0" * 64,
        plan_digest="1" * 64,
        started_at=time,
        ended_at=time,
        status="applied",
    )
