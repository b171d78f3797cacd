"""The files of a workspace: its desired state and its registry."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import TargetError
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.aws.session import Connection
    from reconciler.model.quota import Quotas

_REGISTRY_VARIABLE = "RECONCILER_REGISTRY"


def _is_database(path: Path) -> bool:
    """Return whether a file is a SQLite database, which may be empty.

    The header is from SQLite, "Database File Format".
    """
    with path.open("rb") as file:
        return file.read(16) in {b"SQLite format 3\0", b""}


class WorkspaceFiles:
    """A desired state, loaded when first used, with its registry.

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

        `plan`, `open_plan`, `drift` and `show` do this by themselves. Outside notebooks, the first call of any of them does not: it
        uses the file as it was first loaded.

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
        return Path(path).expanduser() if path else self._state_folder / "registry.sqlite3"

    @property
    def _state_folder(self) -> Path:
        """The folder of the embedded registry and the journal, in the folder of the desired state."""
        folder = self.path if self.path.is_dir() else self.path.parent
        return folder / ".reconciler"

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
