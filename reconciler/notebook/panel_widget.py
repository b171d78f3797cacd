"""The widget of every panel: the traits that its page draws, and a saved output."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, ClassVar

import anywidget
import htpy as h
import traitlets
from IPython.display import DisplayHandle

from reconciler.notebook.kernel_interrupt import set_interrupt_handler
from reconciler.notebook.saved_output import SavedOutput, SavedPart
from reconciler.notebook.session_pump import PanelSessionBase, Task
from reconciler.render.html.page import load_stylesheet

_PAGE = files(__package__) / "page"
_NO_WIDGETS = "The panel requires a front end that supports widgets; use `{}` instead."


def load_scripts(*names: str) -> str:
    """Return the scripts of a panel's page as one module."""
    return "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in names)


def load_styles() -> str:
    """Return the styles of a panel's page."""
    return f"{load_stylesheet()}\n{(_PAGE / 'panel.css').read_text(encoding='utf-8')}"


class PanelWidget(anywidget.AnyWidget):
    """A widget that, as the last value of a cell, shows itself, and that other widgets may contain.

    It shows what is in its traits, so that a reloaded page shows the same; only the details of expanded rows are messages.
    """

    saved_output = traitlets.Unicode().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    own_traits: ClassVar[frozenset[str]] = frozenset()
    """The parts of the state that are traits of their own, so that a change of one does not send the others."""

    alternative: ClassVar[str] = ""
    """The code that does the same without widgets."""

    _session: PanelSessionBase

    def __init__(self, digest: str, part: SavedPart) -> None:
        super().__init__(saved_output=digest[:12])
        self._output = SavedOutput(self.saved_output, part)

    def _start(self) -> None:
        """Start the session, and pass the messages of the page to it."""
        self._session.start()
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        """Pass a message, which may arrive on any thread, to the session, whose methods return at once."""
        match content:
            case {"command": "plan"}:
                self._session.plan()
            case {"command": "apply", "digest": str(digest), "typed": str(typed)}:
                self._session.apply(digest, typed)
            case {"command": "stop"}:
                self._session.stop()
            case {"command": "retry"}:
                self._session.retry()
            case {"command": "expand", "row": int(row_number)}:
                self._session.expand(row_number)

    def _ipython_display_(self) -> None:
        """Write the saved output and the widget into the cell's output; IPython calls this.

        The page hides the saved output where it shows the widget.
        """
        self._output.display()
        widget = {"model_id": self.model_id, "version_major": 2, "version_minor": 0}
        message = _NO_WIDGETS.format(self.alternative)
        DisplayHandle().display(
            {
                "application/vnd.jupyter.widget-view+json": widget,
                "text/plain": message,
                "text/html": str(h.p[message]),
            },
            raw=True,
        )

    def _stop(self) -> None:
        """Stop the apply; called on an interrupt of the kernel."""
        self._session.stop()

    def show_state(self, changes: Mapping[str, Any]) -> None:
        """Update the traits that changed; during an apply, let an interrupt of the kernel stop it."""
        if "phase" in changes:
            handler: Task | None = self._stop if changes["phase"] == "applying" else None
            set_interrupt_handler(handler)
        remaining = dict(changes)
        with self.hold_sync():
            for name in remaining.keys() & self.own_traits:
                self.set_trait(name, remaining.pop(name))
            if remaining:
                self.state = {**self.state, **remaining}

    def send_message(self, message: Mapping[str, Any]) -> None:
        """Send the page the details of the row that the user expanded."""
        self.send(dict(message))
