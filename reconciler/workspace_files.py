"""The files of a workspace: its desired state and its registry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import evolve

from reconciler.model.arguments import ENVIRONMENT_NAMES, parse_folders, parse_names
from reconciler.model.environment import EnvironmentChoice, VariableValue, format_variables
from reconciler.model.errors import TargetError, name_environment
from reconciler.model.secret import ReadSecrets
from reconciler.model.settings import DesiredState, Environment, Settings
from reconciler.model.tables import check_tables
from reconciler.model.text import join_some

if TYPE_CHECKING:
    from reconciler.aws.session import Connection
    from reconciler.engine.load.check_environments import CheckedEnvironments
    from reconciler.engine.load.environment_loader import LoadInputs
    from reconciler.engine.load.input_files import CopiedFolder
    from reconciler.engine.load.load import SelectedEnvironments
    from reconciler.model.call import ApiCall
    from reconciler.model.plan import Target
    from reconciler.model.quota import Quotas
    from reconciler.model.s3_object import S3Object

_REGISTRY_VARIABLE = "RECONCILER_REGISTRY"


def _is_database(path: Path) -> bool:
    """Return whether a file is a SQLite database, which may be empty.

    The header is from SQLite, "Database File Format".
    """
    with path.open("rb") as file:
        return file.read(16) in {b"SQLite format 3\0", b""}


class WorkspaceFiles:
    """A desired state, loaded when first used, with its registry.

    - `path`: a TOML file or a folder of TOML files;
    - `environment`: the name of one of its environments, or a glob that matches one;
    - `variables`: the values of variables, by name;
    - `allow_outside`: folders outside the repository from which `include` may read;
    - `environ`: replaces the process's environment variables;
    - `offline`: whether `{aws.…}` has sample values where only a call would give the real ones, and objects in S3 are not read;
    - `tables`: the tables that `for_each = { table = … }` names.
    """

    _copied_folder: CopiedFolder | None = None
    """The copy that the path is in, on a worker of a rollout that does not have the files."""

    def __init__(  # noqa: PLR0913 (what one desired state depends on)
        self,
        path: str | Path = "desired_state.toml",
        *,
        environment: str | None = None,
        variables: Mapping[str, VariableValue] = MappingProxyType({}),
        allow_outside: str | Path | Sequence[str | Path] = (),
        environ: Mapping[str, str] | None = None,
        offline: bool = False,
        tables: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.path = Path(path)
        self._choice = EnvironmentChoice(
            environment,
            format_variables(variables),
            parse_folders("allow_outside", allow_outside),
        )
        self._environ = os.environ if environ is None else environ
        self._offline = offline
        self._tables = check_tables(tables)
        self._was_used = False
        self._connected: tuple[Settings, Connection] | None = None
        self._read_secrets: ReadSecrets | None = None

    def __repr__(self) -> str:
        environment = f", environment={self._choice.name!r}" if self._choice.name else ""
        return f"Workspace({str(self.path)!r}{environment})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the bytes would contain credentials and the environment variables."""
        raise TypeError("a Workspace cannot be pickled, because it has credentials; send its path instead")

    @property
    def desired(self) -> DesiredState:
        """The desired state in the file.

        Raises:
            InvalidDesiredStateError: If the file has errors. It has every diagnostic.
            SelectionError: If the environment or a variable is not valid.
        """
        # Not a `cached_property`: in Python 3.11, one lock would let the workspaces of a rollout load only one after another.
        if "desired" not in self.__dict__:
            self.__dict__["desired"] = self._load()
        desired: DesiredState = self.__dict__["desired"]
        return desired

    def _choose(self, choice: EnvironmentChoice) -> None:
        """Use another environment, or other variables, from now on."""
        if choice != self._choice:
            self._choice = choice
            self._read_secrets = None
            for name in ("desired", "_quotas"):
                self.__dict__.pop(name, None)

    def _load(self) -> DesiredState:
        from reconciler.aws.service_model import ServiceModelConstraints
        from reconciler.engine.load.load import load

        return load(
            self.path,
            constraints=ServiceModelConstraints(),
            environ=self._environ,
            choice=self._choice,
            find_target=self._find_target,
            copied_folder=self._copied_folder,
            read_secrets=self._read_secrets or ReadSecrets(),
            tables=self._tables,
            open_object=self._open_object,
            verification_cache=self._state_folder / "certificates.sqlite3",
        )

    def _load_with_secrets(self, *, with_values: bool = True) -> DesiredState:
        """Return the desired state with what AWS stores of its secrets, which is read only once.

        Without `with_values`, secrets have no values: only those for private keys are described.

        Raises InvalidDesiredStateError with the problem of each secret that cannot be read.
        """
        while True:
            read = self._read_secrets or ReadSecrets()
            values = self.desired.stored_secrets - read.values.keys() if with_values else frozenset()
            keys = self.desired.key_secrets - read.keys.keys()
            if not (values or keys):
                return self.desired
            from reconciler.engine.stored_secrets import describe_key_secrets, read_stored_secrets

            workspace, call = self.desired.settings.name, self.connection.call
            self._read_secrets = ReadSecrets(
                {**read.values, **read_stored_secrets(values, call)},
                {**read.keys, **describe_key_secrets(keys, workspace, call)},
            )
            self.__dict__["desired"] = self._load()

    def _load_settings(self) -> Environment:
        """Return the selected environment, without reading the resources."""
        from reconciler.engine.load.load import load_settings

        return load_settings(self.path, self._build_inputs())

    def _build_inputs(self) -> LoadInputs:
        from reconciler.aws.service_model import ServiceModelConstraints
        from reconciler.engine.load.environment_loader import LoadInputs

        return LoadInputs(
            ServiceModelConstraints(),
            self._environ,
            self._choice,
            self._find_target,
            tables=self._tables,
            open_object=self._open_object,
        )

    def list_environments(self) -> tuple[Environment, ...]:
        """Return all environments of the file with their settings and variables; none if it declares none.

        Raises:
            InvalidDesiredStateError: If the settings of any of them have errors, or if two are the same workspace in the
                same account and Region.
            SelectionError: If a variable is not valid.
        """
        return self.select_environments(None).environments

    def select_environments(self, patterns: str | Iterable[str] | None) -> SelectedEnvironments:
        """Return the environments that names or globs match, with their settings and variables (None: all).

        Raises:
            InvalidDesiredStateError: As for `list_environments`, but of these environments.
            SelectionError: If a name or glob matches no environment, or a variable is not valid.
        """
        from reconciler.aws.service_model import ServiceModelConstraints
        from reconciler.engine.load.load import load_environments

        return load_environments(
            self.path,
            patterns=None if patterns is None else parse_names("patterns", patterns, ENVIRONMENT_NAMES),
            constraints=ServiceModelConstraints(),
            environ=self._environ,
            choice=self._choice,
        )

    def check_environments(self, patterns: str | Iterable[str] = "*") -> CheckedEnvironments:
        """Check the desired state in all environments that names or globs match.

        Raises:
            InvalidDesiredStateError: If it has errors in any of them. It has every diagnostic once.
            SelectionError: If a name or glob matches no environment, or a variable is not valid.
        """
        from reconciler.engine.load.check_environments import check_environments

        names = parse_names("patterns", patterns, ENVIRONMENT_NAMES)
        return check_environments(self.path, names, self._build_inputs())

    @property
    def _open_object(self) -> Callable[[Settings, str, int], AbstractContextManager[S3Object]] | None:
        """The function that opens an object in S3, given the settings; None if nothing may be called."""
        if self._offline:
            return None
        from reconciler.aws.s3_objects import open_s3_object

        return partial(open_s3_object, self._environ)

    def _find_target(self, settings: Settings) -> Target:
        """Return the target that `{aws.…}` describes; if possible, without a call."""
        from reconciler.aws.session import build_sample_target, find_known_target

        known = find_known_target(settings, self._environ)
        if known:
            return known
        return (
            build_sample_target(settings, self._environ) if self._offline else self._connect(settings).target
        )

    def reload(self) -> None:
        """Read the file again, and reconnect if its settings changed.

        `plan`, `open_plan`, `drift` and `show` do this by themselves. Outside notebooks, the first call of any of them does not: it
        uses the file as it was first loaded.

        Raises:
            InvalidDesiredStateError: If the file has errors.
        """
        self._read_secrets = None
        desired, previous = self._load(), self.__dict__.get("desired")
        self.__dict__["desired"] = desired
        if previous and previous.settings != desired.settings:
            self.__dict__.pop("_quotas", None)

    def _reload_if_used(self) -> None:
        """Reload the file, which may have been edited since the last call; do nothing in the first call."""
        if self._was_used:
            self.reload()
        self._was_used = True

    @property
    def connection(self) -> Connection:
        """The target, with the function and the boto3 clients that send calls to it.

        Whether a URL responds is not checked. The errors of the function name the environment.

        Raises:
            TargetError: If there are no credentials, for example, or if the desired state is not complete, because the workspace is
                offline.
        """
        if self.desired.unread_urls:
            problem = (
                f"the workspace is offline, so {join_some(sorted(self.desired.unread_urls))} was not read"
            )
            raise TargetError(f"{problem}; open it without offline")
        connection, environment = self._connection, self.desired.environment_name

        def call(api_call: ApiCall) -> Mapping[str, Any]:
            with name_environment(environment):
                return connection.call(api_call)

        return evolve(connection, call=call) if environment else connection

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
        """The folder of the embedded registry, the journal and caches, in the folder of the desired state."""
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
        self._connected = None
        for suffix in ("", "-wal", "-shm"):  # the database, and SQLite's files next to it
            self.registry_path.with_name(self.registry_path.name + suffix).unlink(missing_ok=True)

    @cached_property
    def _quotas(self) -> Quotas:
        from reconciler.aws.quotas import load_quotas

        return load_quotas(self.desired.settings.quotas)

    @property
    def _connection(self) -> Connection:
        """The connection whose calls raise errors that do not name the environment."""
        with name_environment(self.desired.environment_name):
            return self._connect(self.desired.settings)

    def _connect(self, settings: Settings) -> Connection:
        """Return the connection for the settings, which is kept until they change."""
        if self._connected and self._connected[0] == settings:
            return self._connected[1]
        from reconciler.aws.quotas import load_quotas
        from reconciler.aws.session import connect

        if settings.target == "embedded" and not self._environ.get(_REGISTRY_VARIABLE):
            self._create_state_folder()
        connection = connect(settings, load_quotas(settings.quotas), self.registry_path, self._environ)
        self._connected = settings, connection
        return connection

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
