"""The runs of a workspace: applies, under a lease and recorded in the journal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from reconciler.model.address import Address
from reconciler.model.arguments import check_count, check_function, check_seconds, check_stop, check_type
from reconciler.model.diagnostic import INVALID_JOURNAL
from reconciler.model.errors import (
    NO_JOURNAL_ADVICE,
    InvalidDesiredStateError,
    JournalError,
    ReconcilerError,
    SelectionError,
    name_environment,
)
from reconciler.model.plan import Plan, check_plan
from reconciler.notebook.default_progress import choose_apply_progress
from reconciler.workspace_readings import WorkspaceReadings

if TYPE_CHECKING:
    from reconciler.engine.apply.recorder import Recorder
    from reconciler.engine.journal.journal import Journal
    from reconciler.engine.journal.team_history import TeamHistory
    from reconciler.engine.ownership.stored_lease import LeaseHolder
    from reconciler.model.outcome import Outcome
    from reconciler.model.run import Run, RunCall
    from reconciler.render.displayed_values import DisplayedHistory, DisplayedResult, DisplayedRun

_MAX_RECENT_RUNS = 100
"""The latest runs among which that of a change is looked for."""


class WorkspaceRuns(WorkspaceReadings):
    """A workspace whose plans can be applied, with the runs that its journal has."""

    # ── applies ─────────────────────────────────────────────────────────────────────────────────

    def apply(  # noqa: PLR0913 (the options of an apply)
        self,
        plan: Plan,
        *,
        on_outcome: Callable[[Outcome], None] | None = None,
        stop: threading.Event | None = None,
        command: str = "apply",
        journal: bool = True,
        lock_timeout: float = 0.0,
        approved_digest: str = "",
    ) -> DisplayedResult:
        """Apply a plan, and return the outcome of each step.

        The error of a step is in its outcome; it is not raised.

        Args:
            plan: The plan, or a part of it.
            on_outcome: Called with every outcome as it happens. Without it, a notebook's cell shows the progress.
            stop: When it is set, running steps finish and the rest are canceled.
            command: The command of the run in the journal.
            journal: Whether to record every call in the journal; without it, `history` and `--retry-failed` do not know the run.
            lock_timeout: The seconds to wait if another apply of this workspace is running.
            approved_digest: The digest of the plan that was approved. The lease records it, so that another process can continue
                the apply if this one dies.

        Raises:
            JournalError: If the journal cannot be written. Nothing was sent then.
            LockedError: If another apply of this workspace is running.
            ReconcilerError: If the lease cannot be acquired for another reason.
            TypeError: If `plan`, `on_outcome` or `stop` has another type.
            ValueError: If `lock_timeout` is not valid.
        """
        from reconciler.engine.apply.executor import apply_plan
        from reconciler.engine.processors import stay_on_one_processor
        from reconciler.model.outcome import Started, Waiting
        from reconciler.render.displayed_values import DisplayedResult

        check_plan(plan)
        check_function("on_outcome", on_outcome)
        check_stop(stop)
        check_seconds("lock_timeout", lock_timeout)
        started_at = time.monotonic()
        final_outcomes: list[Outcome] = []
        stop = stop or threading.Event()
        if plan and journal:
            self._check_journal()
        self.release_stale_lease(plan)
        with (
            stay_on_one_processor(),
            self._hold_lease(plan, lock_timeout, approved_digest, stop) as guard,
            self._forget_written_things(plan),
            self._record_run(plan, command, journal=journal) as recorder,
            choose_apply_progress(plan, on_outcome, stop) as report,
            closing(
                apply_plan(plan, self._connection.call, stop=stop, guard=guard, recorder=recorder)
            ) as outcomes,
        ):
            for outcome in outcomes:
                if not isinstance(outcome, Waiting):
                    recorder.record_outcome(outcome)
                report(outcome)
                if not isinstance(outcome, Started | Waiting):
                    final_outcomes.append(outcome)
        return DisplayedResult(plan, tuple(final_outcomes), time.monotonic() - started_at, recorder.problem)

    def lease_holder(self) -> LeaseHolder | None:
        """Return the lease that prevents another apply at present, or None.

        If an apply has crashed on another machine, its lease prevents other applies until the lease expires.
        """
        from reconciler.engine.ownership.lease import find_lease_holder

        return find_lease_holder(self.desired.settings.name, self.connection.call)

    def wait_for_lease(self, timeout_seconds: float, stop: threading.Event) -> None:
        """Wait until no other apply of this workspace is running.

        Args:
            timeout_seconds: The maximum time to wait.
            stop: When it is set, stop waiting.

        Raises:
            LockedError: If another apply is still running at the end.
            ValueError: If `timeout_seconds` is not valid.
        """
        from reconciler.engine.ownership.lease import wait_until_free

        check_stop(stop)
        check_seconds("timeout_seconds", timeout_seconds)
        wait_until_free(self.desired.settings.name, self.connection.call, timeout_seconds, stop)

    def interrupted_digest(self) -> str | None:
        """Return the approved digest of an apply of this workspace that was interrupted; None without one."""
        from reconciler.engine.ownership.lease import find_interrupted_digest

        return find_interrupted_digest(self.desired.settings.name, self.connection.call)

    def unlock(self) -> LeaseHolder | None:
        """Release the lease, even one that another process holds, and return it; None without a lease.

        If another caller changes the workspace's group at the same moment, the lease is returned but not released.
        """
        from reconciler.engine.ownership.lease import force_unlock

        return force_unlock(self.desired.settings.name, self.connection.call)

    def release_stale_lease(self, plan: Plan) -> None:
        """If a plan is empty, release a lease that has expired or whose process has died.

        Applying a plan with steps does this by acquiring the lease.
        """
        from reconciler.engine.ownership.lease import release_stale_lease

        check_plan(plan)
        if not plan:
            release_stale_lease(plan.workspace, self.connection.call)

    # ── runs ────────────────────────────────────────────────────────────────────────────────────

    def history(self, limit: int | None = 20) -> DisplayedHistory:
        """Return the latest runs of all workspaces in the desired state's folder, newest first.

        If the file names a `journal` of the team, its runs are included; `problem` is why they could not be read. If the journal is damaged, these are the runs that can still be read, and `problem` describes the damage.

        Args:
            limit: The maximum number of runs, or None for all.

        Raises:
            JournalError: If the journal cannot be read.
            ValueError: If `limit` is not valid.
        """
        from reconciler.engine.journal.team_history import merge_histories
        from reconciler.model.run import History
        from reconciler.render.displayed_values import DisplayedHistory

        check_count("limit", limit)
        history = self._journal.read_history(limit)

        try:
            team = self._find_team_history()
            team_runs = team.read_history(limit) if team else History()
        except JournalError as error:  # the runs of this machine are shown
            team_runs = History((), str(error))
        history = merge_histories(history, team_runs, limit)
        return DisplayedHistory(history.runs, history.problem)

    def run(self, id_part: str) -> DisplayedRun:
        """Return the run whose ID starts or ends with `id_part`, with its steps and calls.

        Args:
            id_part: A run's ID, or the first or last characters of one.

        Raises:
            JournalError: If the journal cannot be read.
            ReconcilerError: If not exactly one run matches.
        """
        from reconciler.render.displayed_values import DisplayedRun

        check_type("id_part", id_part, str, "the ID of a run, or a part of one")
        record = None
        try:
            team = self._find_team_history()
            record = team.find_record(id_part) if team else None
        except JournalError as error:
            try:
                record = self._journal.find_record(id_part)
            except ReconcilerError:
                raise error from None
        return DisplayedRun.from_value(record or self._journal.find_record(id_part))

    def last_run(self) -> DisplayedRun | None:
        """Return this workspace's latest run with its steps and calls, or None before the first.

        Raises:
            JournalError: If the journal cannot be read.
        """
        latest = self._journal.list_runs(1, self.desired.settings.name, self._journal_target)
        return self.run(latest[0].id) if latest else None

    def last_run_on_target(self) -> Run | None:
        """Return this workspace's latest run on this target; None without one or without a readable journal."""
        try:
            latest = self._journal.list_runs(1, self.desired.settings.name, str(self.connection.target))
        except JournalError:
            return None
        return latest[0] if latest else None

    def _list_recent_runs(self) -> Sequence[Run]:
        """Return this workspace's latest runs on this target; none without a readable journal."""
        try:
            return self._journal.list_runs(
                _MAX_RECENT_RUNS, self.desired.settings.name, str(self.connection.target)
            )
        except JournalError:
            return ()

    def crashed_run(self) -> Run | None:
        """Return this workspace's latest run if it crashed; None if it did not or the journal is not readable."""
        try:
            latest = self._journal.list_runs(1, self.desired.settings.name, self._journal_target)
        except JournalError:
            return None
        return latest[0] if latest and latest[0].status == "crashed" else None

    def record_noop_run(self, plan: Plan, command: str = "apply") -> None:
        """Record a run without calls if the last run crashed, to show that nothing is left to do."""
        check_plan(plan)
        if self.crashed_run():
            with self._record_run(plan, command):
                pass

    def unfinished_addresses(self) -> Collection[Address]:
        """Return the addresses that this workspace's last run on this target did not complete.

        Raises:
            PlanRejectedError: If there was no such run, or if it is still running, was a destroy or completed every step.
            JournalError: If the journal cannot be read.
        """
        from reconciler.engine.apply.retry_failed import find_unfinished_addresses

        target = str(self.connection.target)
        latest = self._journal.list_runs(1, self.desired.settings.name, target)
        return find_unfinished_addresses(self._journal.read_record(latest[0].id) if latest else None)

    @property
    def _journal_target(self) -> str | None:
        """The target whose runs are those of this workspace; None: all.

        The environments of a file may have the same workspace name, each on a target of its own.
        """
        return str(self.connection.target) if self.desired.environment else None

    @property
    def _journal(self) -> Journal:
        from reconciler.engine.journal.journal import Journal

        return Journal(self._state_folder / "journal.sqlite3")

    def _list_unanswered_calls(self) -> Sequence[RunCall]:
        """Return the calls of ended runs that may have created a certificate whose key was not saved.

        A journal that cannot be read has none: then no plan deletes such a certificate.
        """
        from reconciler.kinds.shared.lost_keys import KEY_OPERATIONS

        try:
            return self._journal.list_unanswered_calls(
                self.desired.settings.name, str(self.connection.target), KEY_OPERATIONS
            )
        except JournalError:
            return ()

    def _find_team_history(self) -> TeamHistory | None:
        """Return the journal of the team to read; None if the file names none or is not valid.

        The runs of this machine can be read without the file. Raises JournalError if `journal` is what is not valid.
        """
        try:
            return self._open_team_history()
        except SelectionError:
            return None
        except InvalidDesiredStateError as error:
            for diagnostic in error.diagnostics:
                if diagnostic.code == INVALID_JOURNAL:
                    place = f"{diagnostic.file}:{diagnostic.line}"
                    raise JournalError(place, diagnostic.problem) from error
            return None

    def _open_team_history(self) -> TeamHistory | None:
        """Return the journal of the team, or None if the file names none.

        Raises JournalError if the folder is outside the repository and not allowed.
        """
        store = self._open_team_store()
        if store is None:
            return None
        from reconciler.engine.journal.team_history import TeamHistory

        return TeamHistory(store)

    @contextmanager
    def _hold_lease(
        self, plan: Plan, lock_timeout: float, approved_digest: str, stop: threading.Event
    ) -> Iterator[Callable[[], None]]:
        """Hold the lease while a plan is applied, unless the plan is empty.

        Yields the guard, which is called before each write and raises LeaseLostError if the lease was lost or not renewed in time.
        """
        from reconciler.engine.ownership.lease import hold_lease
        from reconciler.engine.ownership.process import identify_this_process

        if not plan:  # nothing will be written
            yield lambda: None
            return

        def pause(seconds: float) -> None:
            if stop.wait(seconds):
                raise ReconcilerError(
                    "stopped while waiting for another apply of the workspace; nothing was sent"
                )

        with (
            name_environment(self.desired.environment_name),
            hold_lease(
                plan.workspace,
                self.connection.call,
                identify_this_process(self._environ),
                approved_digest=approved_digest,
                timeout_seconds=lock_timeout,
                pause=pause,
            ) as guard,
        ):
            yield guard

    def _check_journal(self) -> None:
        """Check that a run can be recorded. Raises JournalError, whose message has the ways out."""
        journal = self._journal
        try:
            journal.path.parent.mkdir(exist_ok=True)
            journal.check_writable()
        except OSError as error:
            problem = f"cannot be created: {error.strerror}"
            raise JournalError(str(journal.path), problem, NO_JOURNAL_ADVICE) from error

    @contextmanager
    def _record_run(self, plan: Plan, command: str, *, journal: bool = True) -> Iterator[Recorder]:
        """Record a run in the journal.

        Without a journal, and if it can no longer be written, yield a recorder without effect.
        """
        from reconciler.engine.apply.recorder import NullRecorder
        from reconciler.engine.journal.team_history import TeamRecorder
        from reconciler.engine.ownership.process import identify_this_process

        if not journal:
            yield NullRecorder()
            return
        recorder: Recorder
        path = self._journal.path
        try:
            path.parent.mkdir(exist_ok=True)
            recorder = begun = self._journal.begin(
                plan, identify_this_process(self._environ), command, self.desired.digest
            )
            if self.desired.settings.journal is not None:
                recorder = TeamRecorder(begun, self._journal, self._open_team_history, plan.target)
                recorder.begin(holds_lease=bool(plan))
        except OSError as error:
            recorder = NullRecorder(f"cannot create {path.parent}: {error.strerror}")
        except JournalError as error:
            recorder = NullRecorder(str(error))
        try:
            yield recorder
        finally:
            recorder.end()
