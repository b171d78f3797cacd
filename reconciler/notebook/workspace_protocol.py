"""The part of a workspace that the notebook uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from reconciler.model.address import Address

if TYPE_CHECKING:
    from reconciler.model.outcome import Outcome, Result
    from reconciler.model.plan import Plan
    from reconciler.render.rich_display import DisplayedPlan

ReadProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called while the registry is read, with what is being read, the number read so far, and the total or None."""


class NotebookWorkspace(Protocol):
    """The part of the Python API that the panel and the IPython magic use."""

    def plan(self, *, progress: ReadProgress | None = None) -> DisplayedPlan:
        """Plan from the file and the registry."""

    def apply(
        self,
        plan: Plan,
        *,
        on_outcome: Callable[[Outcome], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Result:
        """Send the plan's calls."""

    def partial_plan(self, plan: Plan, addresses: Collection[Address]) -> Plan:
        """Return the part of a plan that changes these addresses, with the steps that these changes depend on."""

    def count_unchanged_markers(self, plan: Plan) -> int:
        """Return how many of the unchanged resources are the workspace's ownership markers."""

    def drift(self) -> Any:
        """Return the differences between the registry and the file."""

    def show(self, address: str) -> Any:
        """Return one resource, desired and live."""

    def panel(self) -> Any:
        """Return a panel with a new plan."""

    def history(self) -> Any:
        """Return the latest runs."""

    def last_run(self) -> Any:
        """Return the latest run, or None before the first."""
