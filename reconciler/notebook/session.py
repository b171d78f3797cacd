"""The panel's state machine: what it shows and does, independent of the widget that draws it.

One thread, the pump, owns all state. Workers and buttons put tasks into its queue (`session_pump`).
"""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from reconciler.model.address import Address
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Plan
from reconciler.model.text import escape_invisible
from reconciler.notebook.cell_progress import UPDATE_SECONDS
from reconciler.notebook.plan_table import PlanTable, render_error, render_result
from reconciler.notebook.session_pump import PanelSessionBase, Task
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.views.error import ErrorView
from reconciler.render.views.progress import ProgressTracker, format_read_progress

_MAX_LOG_LINES = 300


class PanelPage(Protocol):
    """The page that draws a session; only the pump calls it."""

    def show_state(self, changes: Mapping[str, Any]) -> None:
        """Show the parts of the state that changed."""

    def send_message(self, message: Mapping[str, Any]) -> None:
        """Send the details that the user requested."""

    def on_plan(self, plan: Plan) -> None:
        """Handle a new plan."""

    def on_result(self, result: Result) -> None:
        """Handle the result of an apply."""


class PanelSession(PanelSessionBase):
    """A panel's session, which plans, applies, stops and retries in the background.

    It is thread-safe, and every method but `wait` returns at once.
    """

    def __init__(
        self,
        workspace: NotebookWorkspace,
        plan: Plan,
        page: PanelPage,
        update_seconds: float = UPDATE_SECONDS,
    ) -> None:
        super().__init__(page.show_state, update_seconds)
        self._workspace, self._page = workspace, page
        self._tracker: ProgressTracker | None = None
        self._log: deque[str] = deque(maxlen=_MAX_LOG_LINES)
        self._table = PlanTable(workspace, plan)
        # The action and address of each change that the user approved.
        self._approved_changes: frozenset[tuple[str, Address]] = frozenset()
        self._show_plan(plan)

    # ── requests, from any thread ───────────────────────────────────────────────────────────────

    def plan(self) -> None:
        """Plan again from the file and the registry as they are now."""
        self._pump.put(self._start_planning)

    def apply(self, digest: str, typed: str = "") -> None:
        """Apply the plan with this digest.

        If it deletes or replaces something, `typed` must be the workspace's name.
        """
        self._pump.put(lambda: self._start_applying(digest, typed))

    def retry(self) -> None:
        """Plan the steps that were not applied, and apply that plan if all its changes were approved before."""
        self._pump.put(self._start_retrying)

    def expand_group(self, group_number: int) -> None:
        """Send the details of one group of alike rows."""
        self._pump.put(lambda: self._send_group_details(group_number))

    def show_graph(self, around: str = "") -> None:
        """Show the graph, whole or around an address."""
        self._pump.put(lambda: self._show_graph(around))

    def export_csv(self, row_numbers: Iterable[int]) -> None:
        """Send rows of the table, in this order, as CSV."""
        self._pump.put(lambda: self._send_csv(row_numbers))

    # ── the pump ────────────────────────────────────────────────────────────────────────────────

    def _update_progress(self) -> None:
        if self._tracker and self._state["phase"] in ("applying", "stopping"):
            self._update_statuses()

    def _update_statuses(self) -> None:
        assert self._tracker
        self._pump.update_state(
            progress=_to_progress(self._tracker),
            statuses=self._table.statuses,
            graph_progress=self._table.graph_progress,
        )

    # ── planning ────────────────────────────────────────────────────────────────────────────────

    def _start_planning(self) -> None:
        if self._pump.is_busy:
            return
        self._pump.update_state(phase="reading", banner="", reading="reading the registry …")

        def make_plan() -> Task:
            plan = self._workspace.plan(progress=self._on_read_progress)
            return lambda: self._show_new_plan(plan)

        self._pump.run_in_background(make_plan)

    def _on_read_progress(self, subject: str, done: int, total: int | None) -> None:
        text = format_read_progress(subject, done, total)
        self._pump.put(lambda: self._pump.update_state(reading=text))

    def _show_new_plan(self, plan: Plan) -> None:
        self._show_plan(plan)
        self._page.on_plan(plan)

    def _show_plan(self, plan: Plan) -> None:
        self._table = PlanTable(self._workspace, plan)
        self._pump.update_state(
            phase="planned",
            header=self._table.header,
            rows=self._table.rows,
            groups=self._table.groups,
            unfolded=self._table.unfolded_rows,
            statuses=self._table.statuses,
            confirmation=self._table.confirmation,
            notes=self._table.notes,
            graph="",
            graph_progress={},
            retry="",
            banner="",
            reading="",
            progress={},
        )
        self._append_to_log(str(plan))

    def _send_details(self, row_number: int) -> None:
        self._page.send_message({"row": row_number, "html": self._table.render_details(row_number)})

    def _send_group_details(self, group_number: int) -> None:
        html = self._table.render_group_details(group_number)
        self._page.send_message({"group": group_number, "html": html})

    def _send_csv(self, row_numbers: Iterable[int]) -> None:
        text = self._table.render_csv(row_numbers)
        self._page.send_message({"csv": text, "name": f"plan-{self._table.plan.digest[:12]}.csv"})

    def _show_graph(self, around: str) -> None:
        self._pump.update_state(
            graph=self._table.render_graph(around), graph_progress=self._table.graph_progress
        )

    # ── applying ────────────────────────────────────────────────────────────────────────────────

    def _start_applying(self, digest: str, typed: str) -> None:
        plan, expected = self._table.plan, self._table.confirmation["expected"]
        if self._pump.is_busy or not plan:
            return
        if digest != plan.digest:
            self._show_error("the plan on this page is outdated; review the new one")
        elif expected and typed.strip() != expected:
            self._show_error(f"nothing was sent; to continue, type the workspace's name: {expected}")
        else:
            self._approved_changes = frozenset((step.change.action, step.address) for step in plan.steps)
            self._apply(plan)

    def _apply(self, plan: Plan) -> None:
        self._stop.clear()
        self._tracker = ProgressTracker(plan)
        self._pump.update_state(phase="applying", banner="", progress=_to_progress(self._tracker))

        def apply_plan() -> Task:
            result = self._workspace.apply(plan, on_outcome=self._on_outcome, stop=self._stop)
            return lambda: self._show_result(result)

        self._pump.run_in_background(apply_plan)

    def _on_outcome(self, outcome: Outcome) -> None:
        self._pump.put(lambda: self._show_outcome(outcome))

    def _show_outcome(self, outcome: Outcome) -> None:
        assert self._tracker
        view = self._tracker.record(outcome)
        self._table.set_status(outcome.change.address, view.status)
        if view.status not in ("started", "waiting"):
            self._append_to_log(
                f"{view.glyph} {view.action:<7} {view.address}  {view.status}  {view.details}"
            )

    def _show_stopping(self) -> None:
        if self._state["phase"] == "applying":
            self._pump.update_state(phase="stopping")
            self._append_to_log("stopping: finishing calls in flight, starting no more")

    def _show_result(self, result: Result) -> None:
        assert self._tracker
        retry_label = self._table.retry_label
        self._pump.update_state(
            phase="done" if result.ok else "unfinished",
            banner=render_result(result, retry_label),
            retry=retry_label,
        )
        self._update_statuses()
        self._append_to_log(str(result))
        self._page.on_result(result)

    # ── retrying ────────────────────────────────────────────────────────────────────────────────

    def _start_retrying(self) -> None:
        if self._pump.is_busy or self._state["phase"] != "unfinished":
            return
        addresses = self._table.find_unfinished_addresses()
        self._pump.update_state(phase="reading", banner="", reading="planning the remaining steps …")

        def make_partial_plan() -> Task:
            whole_plan = self._workspace.plan(progress=self._on_read_progress)
            plan = self._workspace.partial_plan(whole_plan, addresses)
            return lambda: self._apply_if_approved(plan)

        self._pump.run_in_background(make_partial_plan)

    def _apply_if_approved(self, plan: Plan) -> None:
        self._show_new_plan(plan)
        if plan and self._approved_changes.issuperset(
            (step.change.action, step.address) for step in plan.steps
        ):
            self._apply(plan)

    # ── errors and the log ──────────────────────────────────────────────────────────────────────

    def _show_failure(self, error: ErrorView) -> None:
        """Show the error of a background job."""
        retry_label = self._table.retry_label
        is_done = self._table.has_any_status and not retry_label
        phase = "unfinished" if retry_label else "done" if is_done else "planned"
        self._pump.update_state(phase=phase, retry=retry_label, reading="", banner=render_error(error))
        self._append_to_log(f"✖ {error.title}")

    def _show_error(self, message: str) -> None:
        self._pump.update_state(banner=render_error(ErrorView(message)))

    def _append_to_log(self, line: str) -> None:
        self._log.append(f"{datetime.datetime.now():%H:%M:%S}  {escape_invisible(line)}")  # noqa: DTZ005 (the user's own clock)
        self._pump.update_state(log="\n".join(self._log))


def _to_progress(tracker: ProgressTracker) -> Mapping[str, Any]:
    """Return the progress as the page's script reads it."""
    view = tracker.build_view()
    return {
        "executed": view.executed,
        "total": view.total,
        "counts": [[status, count] for status, count in view.counts.items() if count],
        "time": view.time_text,
    }
