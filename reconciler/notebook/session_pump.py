"""The thread of a panel's session, which runs its tasks and is the only one that writes to the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from reconciler.notebook import get_thread_class
from reconciler.notebook.cell_error import build_error_view_with_excerpts
from reconciler.render.views.error import ErrorView

Task: TypeAlias = Callable[[], None]


class SessionPump:
    """A queue of tasks with the thread that runs them one by one, and the state that the page shows.

    The page gets the changes of the state at most once in `update_seconds`. `on_update` is called before, to renew what changes with
    time. `put`, `close` and `run_in_background` are thread-safe; only tasks may change the state.
    """

    def __init__(
        self,
        show_state: Callable[[Mapping[str, Any]], None],
        on_update: Task,
        on_error: Callable[[ErrorView], None],
        update_seconds: float,
    ) -> None:
        self.state: dict[str, Any] = {}
        self._show_state, self._on_update, self._on_error = show_state, on_update, on_error
        self._update_seconds = update_seconds
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._changes: dict[str, Any] = {}
        self._worker: threading.Thread | None = None
        self._thread = get_thread_class()(target=self._run, name="panel", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, task: Task) -> None:
        """Add a task."""
        self._tasks.put(task)

    def close(self) -> None:
        """Stop the thread after the tasks that are queued."""
        self._tasks.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for the thread to stop, for at most `seconds`, and return whether it did."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def update_state(self, **parts: Any) -> None:
        """Change parts of the state."""
        for name, value in parts.items():
            if self.state.get(name) != value:
                self.state[name] = self._changes[name] = value

    @property
    def is_busy(self) -> bool:
        """Whether a job runs in the background."""
        return self._worker is not None

    def run_in_background(self, job: Callable[[], Task]) -> None:
        """Run a job on a thread of its own; after it, the task that it returns runs, or its error is shown."""

        def run_job() -> None:
            try:
                next_task = job()
            except Exception as error:  # noqa: BLE001 (the user must see any error)
                view = build_error_view_with_excerpts(error)
                self.put(lambda: self._end_job(lambda: self._on_error(view)))
            else:
                self.put(lambda: self._end_job(next_task))

        self._worker = threading.Thread(target=run_job, name="panel-work", daemon=True)
        self._worker.start()

    def _end_job(self, next_task: Task) -> None:
        self._worker = None
        next_task()

    def _run(self) -> None:
        self._update_page()
        while self._run_tasks():
            self._update_page()
        self._update_page()

    def _update_page(self) -> None:
        self._on_update()
        if changes := self._changes:
            self._changes = {}
            self._show_state(changes)
            time.sleep(self._update_seconds)

    def _run_tasks(self) -> bool:
        """Run queued tasks, waiting for the first, until it is time to update the page.

        Returns False after `close`.
        """
        try:
            # While a job runs, the page is updated even without a task, because it shows the elapsed time.
            task = self._tasks.get(timeout=self._update_seconds if self.is_busy else None)
            deadline = time.monotonic() + self._update_seconds
            while task:
                task()
                if time.monotonic() > deadline:
                    return True
                task = self._tasks.get_nowait()
        except Empty:
            return True
        return False


class PanelSessionBase:
    """A panel's session, whose tasks a pump runs in the background.

    It is thread-safe, and every method but `wait` returns at once.
    """

    def __init__(self, show_state: Callable[[Mapping[str, Any]], None], update_seconds: float) -> None:
        self._pump = SessionPump(show_state, self._update_progress, self._show_failure, update_seconds)
        self._state = self._pump.state
        self._stop = threading.Event()

    def start(self) -> None:
        """Start the pump."""
        self._pump.start()

    def plan(self) -> None:
        """Plan again."""
        raise NotImplementedError

    def apply(self, digest: str, typed: str = "") -> None:
        """Apply what has this digest; `typed` is what the user typed to confirm it."""
        raise NotImplementedError

    def stop(self) -> None:
        """Finish the calls in flight and start no more; takes effect even while the pump is busy."""
        self._stop.set()
        self._pump.put(self._show_stopping)

    def retry(self) -> None:
        """Plan what was not applied, and apply it if it was approved before."""
        raise NotImplementedError

    def expand(self, row_number: int) -> None:
        """Send the details of one row."""
        self._pump.put(lambda: self._send_details(row_number))

    def close(self) -> None:
        """Stop the pump after the tasks that are queued."""
        self._pump.close()

    def wait(self, seconds: float) -> bool:
        """Wait for the pump to stop, for at most `seconds`, and return whether it did."""
        return self._pump.wait(seconds)

    def _update_progress(self) -> None:
        raise NotImplementedError

    def _show_failure(self, error: ErrorView) -> None:
        raise NotImplementedError

    def _show_stopping(self) -> None:
        raise NotImplementedError

    def _send_details(self, row_number: int) -> None:
        raise NotImplementedError
