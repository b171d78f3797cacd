"""The remembered readings of a workspace: which edges a plan need not read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.edge_readings import check_read_mode
from reconciler.model.errors import JournalError, name_environment
from reconciler.model.plan import Plan
from reconciler.workspace_files import WorkspaceFiles

if TYPE_CHECKING:
    from reconciler.engine.journal.run_store import RunStore
    from reconciler.engine.remembered.cache import CacheError, CacheScope, ReadingCache
    from reconciler.engine.remembered.edges import RememberedEdges
    from reconciler.engine.remembered.shared import SharedReadings
    from reconciler.model.edge_readings import ReadMode


class WorkspaceReadings(WorkspaceFiles):
    """A workspace whose readings may be remembered between its plans."""

    @contextmanager
    def _remember_edges(
        self, read: ReadMode | None, *, destroy: bool = False
    ) -> Iterator[RememberedEdges | None]:
        """Yield the remembered edges, or None if all edges are read: those of `read`, by default of the file.

        A destroy reads all edges, because it deletes everything that has them. Raises ValueError.
        """
        check_read_mode(read)
        settings = self.desired.settings
        if (read or settings.read) == "all" or destroy:
            yield None
            return
        from reconciler.engine.remembered.edges import EDGE_OPERATION, RememberedEdges
        from reconciler.kinds.shared.edges import compute_desired_digests, count_things, has_certificates

        cache, problem = self._open_cache()
        buckets = self._quotas.find_buckets("iot", EDGE_OPERATION)
        with closing(cache), name_environment(self.desired.environment_name):
            remembered = RememberedEdges(
                cache,
                settings.remembered,
                settings.name,
                self.connection.call,
                compute_desired_digests(self.desired.resources),
                rate=float(min(bucket.rate for bucket in buckets)),
                thing_count=count_things(self.desired.resources),
                uses_certificates=has_certificates(self.desired.resources),
                shared=self._open_shared_readings(),
            )
            if problem:
                remembered.give_up(problem)
            yield remembered

    @contextmanager
    def _forget_written_things(self, plan: Plan) -> Iterator[None]:
        """Forget the remembered edges that an apply changes, before it changes them."""
        from reconciler.engine.remembered.own_writes import forget_written_things

        has_cache = self._readings_scope.find_path(self._readings_folder).exists()
        if not plan or not (has_cache or self.desired.settings.read == "changed"):
            yield
            return
        shared = self._open_shared_readings()
        with forget_written_things(self._open_cache_to_write, shared, plan, self.connection.call):
            yield

    def _open_cache(self) -> tuple[ReadingCache, CacheError | None]:
        """Return the cache, or an empty one in memory and why the cache cannot be used."""
        from reconciler.engine.remembered.cache import CacheError, ReadingCache

        folder, scope = self._readings_folder, self._readings_scope
        try:
            return ReadingCache(folder, scope), None
        except CacheError as error:
            return ReadingCache(folder, scope, is_in_memory=True), error

    def _open_cache_to_write(self) -> ReadingCache:
        """Return the cache; if it cannot be used, it is deleted, so that no later plan uses it."""
        from reconciler.engine.remembered.cache import delete_cache

        cache, problem = self._open_cache()
        if problem:
            with suppress(OSError):
                delete_cache(cache.path)
        return cache

    def _open_shared_readings(self) -> SharedReadings | None:
        """Return the readings that the team shares, or None if the file names no place for them.

        A place that cannot be used counts as none; the run reports that.
        """
        from reconciler.engine.remembered.shared import SharedReadings

        try:
            store = self._open_team_store()
        except JournalError:
            return None
        if store is None:
            return None
        return SharedReadings(store, self._readings_scope, self.desired.settings.remembered.max_age_seconds)

    def _open_team_store(self) -> RunStore | None:
        """Return the place of the team's runs and readings, or None if the file names none.

        Raises JournalError if the folder is outside the repository and not allowed.
        """
        settings = self.desired.settings
        if settings.journal is None:
            return None
        from reconciler.engine.journal.run_store import FolderStore
        from reconciler.engine.load.include import is_allowed

        if "://" in settings.journal:
            from reconciler.aws.s3_store import open_s3_store

            return open_s3_store(settings.journal, settings, self._environ)
        main_folder = self._state_folder.parent
        folder = main_folder / settings.journal
        if not is_allowed(folder, main_folder, self._choice.allowed_folders):
            advice = "name a folder in it, or allow this one with `--allow-outside`"
            raise JournalError(str(folder), "is outside the repository", advice)
        return FolderStore(folder)

    @property
    def _readings_folder(self) -> Path:
        return self._state_folder / "readings"

    @property
    def _readings_scope(self) -> CacheScope:
        from reconciler.engine.remembered.cache import CacheScope

        return CacheScope(self.desired.settings.name, self.connection.target)
