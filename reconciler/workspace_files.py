"""The files of a workspace: its desired state, registry and journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import NO_JOURNAL_ADVICE, JournalError, TargetError
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.aws.session import Connection
    from reconciler.engine.apply.recorder import Recorder
    from reconciler.engine.journal.journal import Journal
    from reconciler.model.quota import Quotas

_STATE_FOLDER = ".reconciler"
_REGISTRY_VARIABLE = "RECONCILER_REGISTRY"


def _is_database(path: Path) -> bool:
    """Return whether a file is a SQLite database, which may be empty.

    The header is from SQLite, "Database File Format".
    """
    with path.open("rb") as file:
        return file.read(16) in {b"SQLite format 3\0", b""}


class WorkspaceFiles:
    """A desired state, loaded when first used, with its registry and its journal.

    `path` is a TOML file or a folder of TOML files; `environ` replaces the process's environment variables.
    """

    def __init__(
        self, path: str | Path = "desired_state.toml", *, environ: Mapping[str, str] | None = None
    ) -> None:
        self.path = Path(path)
        self._environ = os.environ if environ is None else environ
        self._was_used = False

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    @cached_property
    def desired(self) -> DesiredState:
        """The desired state in the file.

        Raises:
            InvalidDesiredStateError: If the file has errors. It has every diagnostic.
        """
        return self._load()

    def _load(self) -> DesiredState:
        from reconciler.aws.service_model import ServiceModelConstraints
        from reconciler.engine.load.load import load

        return load(self.path, constraints=ServiceModelConstraints(), environ=self._environ)

    def reload(self) -> None:
        """Read the file again, and reconnect if its settings changed.

        `plan`, `open_plan`, `drift` and `show` do this by themselves, except the first call of any of them: it uses the file as
        it was first loaded.

        Raises:
            InvalidDesiredStateError: If the file has errors.
        """
        desired, previous = self._load(), self.__dict__.get("desired")
        self.__dict__["desired"] = desired
        if previous and previous.settings != desired.settings:
            for name in ("_quotas", "_connection"):
                self.__dict__.pop(name, None)

    def _reload_if_used(self) -> None:
        """Reload the file, which may have been edited since the last call; do nothing in the first call."""
        if self._was_used:
            self.reload()
        self._was_used = True

    @property
    def connection(self) -> Connection:
        """The target, with the function and the boto3 clients that send calls to it.

        Whether a URL responds is not checked.

        Raises:
            TargetError: If there are no credentials, for example.
        """
        return self._connection

    @property
    def registry_path(self) -> Path:
        """The path of the embedded registry's database.

        It is the file that `RECONCILER_REGISTRY` names, or else `registry.sqlite3` in `.reconciler/` in the folder of the desired
        state.
        """
        path = self._environ.get(_REGISTRY_VARIABLE)
        return Path(path).expanduser() if path else self._folder / _STATE_FOLDER / "registry.sqlite3"

    @property
    def _folder(self) -> Path:
        """The folder of the desired state."""
        return self.path if self.path.is_dir() else self.path.parent

    def reset_registry(self) -> None:
        """Delete the embedded registry's database.

        Raises:
            TargetError: If `RECONCILER_REGISTRY` names a file that is not a SQLite database.
        """
        is_path_from_user = _REGISTRY_VARIABLE in self._environ
        if is_path_from_user and self.registry_path.exists() and not _is_database(self.registry_path):
            raise TargetError(
                f"{self.registry_path} is not a registry database and was not deleted; check {_REGISTRY_VARIABLE}"
            )
        self.__dict__.pop("_connection", None)
        for suffix in ("", "-wal", "-shm"):  # the database, and SQLite's files next to it
            self.registry_path.with_name(self.registry_path.name + suffix).unlink(missing_ok=True)

    @property
    def _journal(self) -> Journal:
        from reconciler.engine.journal.journal import Journal

        return Journal(self._folder / _STATE_FOLDER / "journal.sqlite3")

    @contextmanager
    def _hold_lease(self, plan: Plan) -> Iterator[Callable[[], None]]:
        """Hold the lease while a plan is applied, unless the plan is empty.

        Yields the guard, which is called before each write and raises LeaseLostError if the lease was lost or not renewed in time.
        """
        from reconciler.engine.ownership.lease import hold_lease
        from reconciler.engine.ownership.process import identify_this_process

        if not plan:  # nothing will be written
            yield lambda: None
            return
        with hold_lease(plan.workspace, self._connection.call, identify_this_process(self._environ)) as guard:
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
        from reconciler.engine.ownership.process import identify_this_process

        if not journal:
            yield NullRecorder()
            return
        recorder: Recorder
        path = self._journal.path
        try:
            path.parent.mkdir(exist_ok=True)
            recorder = self._journal.begin(
                plan, identify_this_process(self._environ), command, self.desired.digest
            )
        except OSError as error:
            recorder = NullRecorder(f"cannot create {path.parent}: {error.strerror}")
        except JournalError as error:
            recorder = NullRecorder(str(error))
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
        if settings.target == "embedded" and not self._environ.get(_REGISTRY_VARIABLE):
            self._create_state_folder()
        return connect(settings, self._quotas, self.registry_path, self._environ)

    def _create_state_folder(self) -> None:
        """Create `.reconciler/` for the default database; for another database, the user creates the folder."""
        folder = self.registry_path.parent
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(
                f"the embedded registry is not usable: cannot create {folder}: {error.strerror}; "
                f"name another file in {_REGISTRY_VARIABLE}"
            ) from error
