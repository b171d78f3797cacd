"""What a panel shows and does, whatever draws it.

Everything it shows is kept by one thread, the pump. Workers, and whoever presses a button, leave it notes in a queue; it takes
them as they come, and writes what changed at most five times a second.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeAlias

from reconciler.model.address import Address
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Plan
from reconciler.model.text import visible
from reconciler.notebook.cell_progress import EVERY
from reconciler.notebook.plan_table import Sheet
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.views.error import ErrorView, build_error_view
from reconciler.render.views.progress import ProgressTracker

_LINES = 300
"""Of the log, as many as are kept."""

Note: TypeAlias = Callable[[], None]


class Page(Protocol):
    """What draws a session. Only the pump calls it."""

    def show(self, state: Mapping[str, Any]) -> None:
        """These parts of the state changed."""

    def answer(self, message: Mapping[str, Any]) -> None:
        """What a reader of the page asked for."""

    def planned(self, plan: Plan) -> None:
        """There is another plan."""

    def finished(self, result: Result) -> None:
        """An apply has ended."""


class Session:
    """Plan, apply, stop, retry: each may be asked for from any thread and returns at once."""

    def __init__(self, workspace: NotebookWorkspace, plan: Plan, page: Page, every: float = EVERY) -> None:
        self._workspace, self._page, self._every = workspace, page, every
        self._notes: SimpleQueue[Note | None] = SimpleQueue()
        self._stop = threading.Event()
        self._worker: threading.Thread | None = None
        self._pace: ProgressTracker | None = None
        self._log: deque[str] = deque(maxlen=_LINES)
        self._state: dict[str, Any] = {}
        self._changed: dict[str, Any] = {}
        self._sheet = Sheet(workspace, plan)
        self._agreed: frozenset[tuple[str, Address]] = frozenset()
        self._planned(plan)
        self._pump = threading.Thread(target=self._run, name="panel", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._pump.start()

    # ── what may be asked for ───────────────────────────────────────────────────────────────────

    def plan(self) -> None:
        """Read the file and the registry again."""
        self._notes.put(self._begin_planning)

    def apply(self, digest: str, typed: str = "") -> None:
        """Send the plan with this digest; `typed` must be the workspace's name where the plan destroys something."""
        self._notes.put(lambda: self._begin_applying(digest, typed))

    def stop(self) -> None:
        """Finish what is in flight and begin nothing new; at once, whatever the pump is at."""
        self._stop.set()
        self._notes.put(self._stopping)

    def retry(self) -> None:
        """Plan what the last apply did not bring about, and apply it if it is nothing but what was agreed to."""
        self._notes.put(self._begin_retrying)

    def expand(self, row: int) -> None:
        """Answer with all that is behind one row."""
        self._notes.put(lambda: self._page.answer({"details": row, "html": self._sheet.details(row)}))

    def graph(self, around: str = "") -> None:
        """Draw the graph, whole or around an address."""
        self._notes.put(lambda: self._set(graph=self._sheet.graph(around)))

    def close(self) -> None:
        """End the pump, once it has written what is known."""
        self._notes.put(None)

    def wait(self, seconds: float) -> bool:
        """Whether the pump has ended within so many seconds."""
        self._pump.join(seconds)
        return not self._pump.is_alive()

    # ── the pump ────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        self._write()
        while self._take():
            self._write()
        self._write()

    def _write(self) -> None:
        if self._pace and self._state["phase"] in ("applying", "stopping"):
            self._set(progress=self._progress(self._pace), ends=self._sheet.ends)
        if changed := self._changed:
            self._changed = {}
            self._page.show(changed)
            time.sleep(self._every)

    def _take(self) -> bool:
        """Take all notes that are there; wait for one where there is none. False when it is time to end."""
        try:
            note = self._notes.get(timeout=self._every if self._worker else None)
            while note:
                note()
                note = self._notes.get_nowait()
        except Empty:
            return True
        return False

    def _set(self, **parts: Any) -> None:
        for name, value in parts.items():
            if self._state.get(name) != value:
                self._state[name] = self._changed[name] = value

    def _work(self, job: Callable[[], Note]) -> None:
        """Do it on a thread of its own; the note that it returns is taken by the pump, and so is its error."""

        def work() -> None:
            try:
                after = job()
            except Exception as error:  # noqa: BLE001 (whatever it is, the reader of the page must see it)
                told = build_error_view(error)
                self._notes.put(lambda: self._failed(told))
            else:
                self._notes.put(after)

        self._worker = threading.Thread(target=work, name="panel-work", daemon=True)
        self._worker.start()

    @property
    def _busy(self) -> bool:
        return self._worker is not None

    # ── what happens ────────────────────────────────────────────────────────────────────────────

    def _begin_planning(self) -> None:
        if self._busy:
            return
        self._set(phase="reading", banner="", reading="reading the registry …")

        def job() -> Note:
            plan = self._workspace.plan(progress=self._reading)
            return lambda: self._replanned(plan)

        self._work(job)

    def _reading(self, words: str, done: int, total: int | None) -> None:
        many = f" {done:,} of {total:,}" if total else f" {done:,}" if done else ""
        told = f"{visible(words)}{many} …"
        self._notes.put(lambda: self._set(reading=told))

    def _planned(self, plan: Plan) -> None:
        self._worker = None
        self._sheet = Sheet(self._workspace, plan)
        self._set(
            phase="planned",
            head=self._sheet.head,
            rows=self._sheet.rows,
            ends=self._sheet.ends,
            confirm=self._sheet.confirm,
            remarks=self._sheet.remarks,
            graph="",
            banner="",
            reading="",
            progress={},
        )
        self._say(str(plan))

    def _begin_applying(self, digest: str, typed: str) -> None:
        plan, confirm = self._sheet.plan, self._sheet.confirm
        if self._busy or not plan:
            return
        if digest != plan.digest:
            self._set(
                banner=self._sheet.error(
                    ErrorView("The plan on this page is not the latest; look at it again.")
                )
            )
            return
        if confirm["type"] and typed.strip() != confirm["type"]:
            asked = f"Nothing was sent: to go on, type the workspace's name, {confirm['type']}."
            self._set(banner=self._sheet.error(ErrorView(asked)))
            return
        self._agreed = frozenset((step.change.action, step.address) for step in plan.steps)
        self._send(plan)

    def _send(self, plan: Plan) -> None:
        self._stop.clear()
        self._pace = ProgressTracker(plan)
        self._set(phase="applying", banner="", progress=self._progress(self._pace))

        def job() -> Note:
            result = self._workspace.apply(plan, on_outcome=self._heard, stop=self._stop)
            return lambda: self._applied(result)

        self._work(job)

    def _heard(self, outcome: Outcome) -> None:
        self._notes.put(lambda: self._take_in(outcome))

    def _take_in(self, outcome: Outcome) -> None:
        assert self._pace
        end = self._pace.record(outcome)
        self._sheet.mark(outcome.change.address, end.status)
        if end.status not in ("started", "waiting"):
            self._say(f"{end.glyph} {end.action:<7} {end.address}  {end.status}  {end.details}")

    def _stopping(self) -> None:
        if self._state["phase"] == "applying":
            self._set(phase="stopping")
            self._say("stopping: finishing calls in flight, starting no more")

    def _applied(self, result: Result) -> None:
        assert self._pace
        self._worker = None
        self._set(
            phase="done" if result.ok else "unfinished",
            banner=self._sheet.result(result),
            progress=self._progress(self._pace),
            ends=self._sheet.ends,
        )
        self._say(str(result))
        self._page.finished(result)

    def _begin_retrying(self) -> None:
        if self._busy or self._state["phase"] != "unfinished":
            return
        left = self._sheet.unfinished()
        self._set(phase="reading", banner="", reading="planning what is left …")

        def job() -> Note:
            plan = self._workspace.partial_plan(self._workspace.plan(progress=self._reading), left)
            return lambda: self._go_on(plan)

        self._work(job)

    def _replanned(self, plan: Plan) -> None:
        self._planned(plan)
        self._page.planned(plan)

    def _go_on(self, plan: Plan) -> None:
        self._replanned(plan)
        if plan and self._agreed.issuperset((step.change.action, step.address) for step in plan.steps):
            self._send(plan)

    def _failed(self, told: ErrorView) -> None:
        self._worker = None
        self._set(phase="unfinished" if self._agreed and self._sheet.begun else "planned", reading="")
        self._set(banner=self._sheet.error(told))
        self._say(f"✖ {told.title}")

    def _say(self, line: str) -> None:
        self._log.append(f"{datetime.datetime.now():%H:%M:%S}  {visible(line)}")  # noqa: DTZ005 (the reader's own clock)
        self._set(lines="\n".join(self._log))

    def _progress(self, pace: ProgressTracker) -> Mapping[str, Any]:
        now = pace.build_view()
        return {
            "ended": now.ended,
            "total": now.total,
            "counts": [[word, count] for word, count in now.counts.items() if count],
            "time": now.time_text,
        }
