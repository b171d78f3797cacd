"""The remembered readings of a workspace: which edges a plan need not read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.arguments import check_choice
from reconciler.model.errors import name_environment
from reconciler.model.plan import Plan
from reconciler.workspace_files import WorkspaceFiles

if TYPE_CHECKING:
    from reconciler.engine.remembered.cache import CacheScope
    from reconciler.engine.remembered.edges import RememberedEdges
    from reconciler.model.edge_readings import ReadMode

READ_MODES = ("all", "changed")


class WorkspaceReadings(WorkspaceFiles):
    """A workspace whose readings may be remembered between its plans."""

    @contextmanager
    def _remember_edges(
        self, read: ReadMode | None, *, destroy: bool = False
    ) -> Iterator[RememberedEdges | None]:
        """Yield the remembered edges, or None if all edges are read: those of `read`, by default of the file.

        A destroy reads all edges, because it deletes everything that has them. Raises ValueError.
        """
        if read is not None:
            check_choice("read", read, READ_MODES)
        settings = self.desired.settings
        if (read or settings.read) == "all" or destroy:
            yield None
            return
        from reconciler.engine.remembered.cache import CacheError, ReadingCache
        from reconciler.engine.remembered.desired_digests import compute_desired_digests
        from reconciler.engine.remembered.edges import EDGE_OPERATION, RememberedEdges

        try:
            cache = ReadingCache(self._readings_folder, self._readings_scope)
        except CacheError:  # the plan reads everything
            yield None
            return
        buckets = self._quotas.find_buckets("iot", EDGE_OPERATION)
        with closing(cache), name_environment(self.desired.environment_name):
            yield RememberedEdges(
                cache,
                settings.remembered,
                settings.name,
                self.connection.call,
                compute_desired_digests(self.desired.resources),
                rate=float(min(bucket.rate for bucket in buckets)),
            )

    @contextmanager
    def _forget_written_things(self, plan: Plan) -> Iterator[None]:
        """Forget the remembered edges that an apply changes, before it changes them."""
        from reconciler.engine.remembered.cache import CacheError, ReadingCache
        from reconciler.engine.remembered.own_writes import forget_written_things

        if not plan or not self._readings_scope.find_path(self._readings_folder).exists():
            yield
            return
        try:
            cache = ReadingCache(self._readings_folder, self._readings_scope)
        except CacheError:
            self._readings_scope.find_path(self._readings_folder).unlink(missing_ok=True)
            yield
            return
        with closing(cache), forget_written_things(cache, plan, self.connection.call):
            yield

    @property
    def _readings_folder(self) -> Path:
        return self._state_folder / "readings"

    @property
    def _readings_scope(self) -> CacheScope:
        from reconciler.engine.remembered.cache import CacheScope

        return CacheScope(self.desired.settings.name, self.connection.target)
