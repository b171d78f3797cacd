"""Where a workspace stands: its file, the registry that it is about, the journal and the lease of its applies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import JournalError, TargetError
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.aws.session import Connection
    from reconciler.engine.apply.recorder import Recorder
    from reconciler.engine.journal.journal import Journal
    from reconciler.model.quota import Quotas

_STATE_FOLDER = ".reconciler"
_REGISTRY = "RECONCILER_REGISTRY"
_ELSEWHERE = f"name another file in {_REGISTRY}"


def _is_database(path: Path) -> bool:
    """Whether a file is SQLite's, by its first bytes (SQLite, "Database File Format"); an empty one may become one."""
    with path.open("rb") as file:
        return file.read(16) in {b"SQLite format 3\0", b""}


class Place:
    """A file, and all that is found by what it says.

    `path` is a TOML file or a folder of them; `environ` stands for the process's environment variables.
    """

    def __init__(
        self, path: str | Path = "desired_state.toml", *, environ: Mapping[str, str] | None = None
    ) -> None:
        self.path = Path(path)
        self._environ = os.environ if environ is None else environ
        self._used = False

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    @cached_property
    def desired(self) -> DesiredState:
        """What the file says. Raises InvalidDesiredStateError with every mistake."""
        return self._load()

    def _load(self) -> DesiredState:
        from reconciler.aws.service_model import ServiceModelConstraints
        from reconciler.engine.load.load import load

        return load(self.path, limits=ServiceModelConstraints(), environ=self._environ)

    def reload(self) -> None:
        """Read the file again, and connect anew where it names another target. Raises InvalidDesiredStateError.

        A second plan does this by itself: it is of the file as it then is.
        """
        now, before = self._load(), self.__dict__.get("desired")
        self.__dict__["desired"] = now
        if before and before.settings != now.settings:
            for name in ("_quotas", "_connection"):
                self.__dict__.pop(name, None)

    def _anew(self) -> None:
        """The file as it is now: it may have been edited since something was last made of it."""
        if self._used:
            self.reload()
        self._used = True

    @property
    def connection(self) -> Connection:
        """Which registry this is about, and how it is called. Raises TargetError when that cannot be."""
        return self._connection

    @property
    def registry_path(self) -> Path:
        """Where the embedded registry keeps its database: beside the file, or at `RECONCILER_REGISTRY`."""
        given = self._environ.get(_REGISTRY)
        return Path(given) if given else self._folder / _STATE_FOLDER / "registry.sqlite3"

    @property
    def _folder(self) -> Path:
        """Where the file is."""
        return self.path if self.path.is_dir() else self.path.parent

    def reset_registry(self) -> None:
        """Forget everything that the embedded registry holds. Raises TargetError when its path is some other file's."""
        named = "RECONCILER_REGISTRY" in self._environ
        if named and self.registry_path.exists() and not _is_database(self.registry_path):
            raise TargetError(f"{self.registry_path} is no registry, so it is left alone")
        self.__dict__.pop("_connection", None)
        for suffix in ("", "-wal", "-shm"):
            self.registry_path.with_name(self.registry_path.name + suffix).unlink(missing_ok=True)

    @property
    def _journal(self) -> Journal:
        from reconciler.engine.journal.journal import Journal

        return Journal(self._folder / _STATE_FOLDER / "journal.sqlite3")

    @contextmanager
    def _leased(self, plan: Plan) -> Iterator[Callable[[], None]]:
        """One writer at a time; a plan of nothing writes nothing."""
        from reconciler.engine.ownership.lease import leased
        from reconciler.engine.ownership.process import this_process

        if not plan:
            yield lambda: None
            return
        with leased(plan.workspace, self._connection.call, this_process(self._environ)) as guard:
            yield guard

    @contextmanager
    def _recorded(self, plan: Plan, command: str) -> Iterator[Recorder]:
        """A run in the journal; where that cannot be written the run goes on, and says so at its end."""
        from reconciler.engine.apply.recorder import Unrecorded
        from reconciler.engine.ownership.process import this_process

        journal = self._journal
        recorder: Recorder
        try:
            journal.path.parent.mkdir(exist_ok=True)
            recorder = journal.begin(plan, this_process(self._environ), command, self.desired.digest)
        except OSError as error:
            recorder = Unrecorded(f"{journal.path.parent} cannot be made: {error.strerror}")
        except JournalError as error:
            recorder = Unrecorded(str(error))
        try:
            yield recorder
        finally:
            recorder.end()

    @cached_property
    def _quotas(self) -> Quotas:
        from reconciler.aws.quotas import load_quotas

        return load_quotas(self.desired.settings.quotas)

    @cached_property
    def _connection(self) -> Connection:
        from reconciler.aws.session import connect

        settings = self.desired.settings
        if settings.target == "embedded" and not self._environ.get(_REGISTRY):
            self._make_state_folder()
        return connect(settings, self._quotas, self.registry_path, self._environ)

    def _make_state_folder(self) -> None:
        """The only folder that is made unasked."""
        folder = self.registry_path.parent
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            told = f"{folder} cannot be made: {error.strerror}"
            raise TargetError(f"the embedded registry cannot be used: {told}; {_ELSEWHERE}") from error
