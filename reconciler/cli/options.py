"""Options that all commands take, options that several commands share, and checks of their values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import Factory, define

from reconciler.model.address import Address

if TYPE_CHECKING:
    from reconciler.model.edge_readings import ReadMode
    from reconciler.model.settings import Environment
    from reconciler.workspace import Workspace

_Function = TypeVar("_Function", bound=Callable[..., Any])

DEFAULT_FILE = "desired_state.toml"
FORMATS = ("text", "json", "jsonl", "markdown", "html")
"""The output formats of plans and drift: text, and those of `render.formats`."""


class IntegerRange(click.IntRange):
    """A range of integers whose help has no formula such as `[0<=x<=65535]`."""

    def _describe_range(self) -> str:
        return ""


@define
class Options:
    """The values of the common options, given before or after the command, and of the limit options.

    `allow` maps an action, "delete" or "replace", to its limit as written: `50` or `10%`. `allow_cascade` is whether deletions
    may remove what the workspace does not own. `journal` is whether an apply is recorded. `environments` are names and globs,
    `read` is which edges are read, None as in the file. `all_environments` is whether all are selected, `scheduler` the Dask scheduler for several, `variables` values as text, `allow_outside` the folders outside the repository that `include` may read from.
    """

    file: str = DEFAULT_FILE
    environments: tuple[str, ...] = ()
    all_environments: bool = False
    scheduler: str | None = None
    variables: dict[str, str] = Factory(dict)
    allow_outside: tuple[Path, ...] = ()
    debug: bool = False
    color: bool = True
    allow: dict[str, str] = Factory(dict)
    allow_cascade: bool = False
    journal: bool = True
    read: ReadMode | None = None

    @classmethod
    def from_context(cls, ctx: click.Context) -> Options:
        """Return the options of this run: one object for the whole command line."""
        root = ctx.find_root()
        if not isinstance(root.obj, cls):
            root.obj = cls()
        return root.obj

    def list_environments(self) -> Sequence[Environment]:
        """Return the environments of the file that `--env` selects, or all of them without `--env`.

        Raises SelectionError if one selects nothing.
        """
        from reconciler.workspace import Workspace

        workspace = Workspace(self.file, variables=self.variables, allow_outside=self.allow_outside)
        patterns = self.patterns if self.is_rollout else self.environments
        return workspace.select_environments(patterns or None).environments

    @property
    def is_rollout(self) -> bool:
        """Whether several environments are selected: by `--all-envs`, several `--env`, or a glob."""
        return self.all_environments or len(self.patterns) > 1 or any(map(_is_glob, self.patterns))

    @property
    def patterns(self) -> tuple[str, ...]:
        """The names and globs of the selected environments; those of `--env` override RECONCILER_ENV."""
        from reconciler.engine.load.environments import ENVIRONMENT_VARIABLE

        if self.all_environments:
            return ("*",)
        from_environ = os.environ.get(ENVIRONMENT_VARIABLE)
        return self.environments or ((from_environ,) if from_environ else ())

    def _describe_selection(self) -> str:
        if self.all_environments:
            return "--all-envs"
        return " ".join(f"--env {pattern}" for pattern in self.environments) or "RECONCILER_ENV"

    def open_workspace(self, *, offline: bool = False) -> Workspace:
        """Return the workspace of the file in the one environment that the options choose.

        `offline`: whether nothing may be called to find the account.

        Raises UsageError if several are chosen.
        """
        from reconciler.workspace import Workspace

        if self.is_rollout:
            raise click.UsageError(
                f"this command works on one environment, and {self._describe_selection()} selects several; "
                "give --env once, with one name"
            )
        if self.scheduler is not None:
            raise click.UsageError(
                "--scheduler is for several environments; select them with --all-envs or --env 'GLOB', or leave it out"
            )
        return Workspace(
            self.file,
            environment=self.environments[0] if self.environments else None,
            variables=self.variables,
            allow_outside=self.allow_outside,
            offline=offline,
        )


def reject_ambiguous_selection(ctx: click.Context) -> None:
    """Raise UsageError if both `--env` and `--all-envs` are used: one of the two is a mistake."""
    options = Options.from_context(ctx)
    if options.all_environments and options.environments:
        raise click.UsageError("--env and --all-envs exclude each other; leave out one of them", ctx)


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def add_common_options(*, read_environment: bool = False) -> Callable[[_Function], _Function]:
    """Add `--file`, `--debug` and `--no-color`.

    The group and every command have these options. Only the group reads RECONCILER_FILE (`read_environment`): if the command
    read it too, the variable would override a `--file` before the command.
    """

    def add(function: _Function) -> _Function:
        for option in (
            click.option(
                "--no-color",
                is_flag=True,
                expose_value=False,
                callback=_store("color", lambda _value: False),
                help="Disable color output (also: NO_COLOR).",
            ),
            click.option(
                "--debug",
                is_flag=True,
                expose_value=False,
                callback=_store("debug", _start_wire_log),
                help="Log requests and responses, without secrets, and show tracebacks.",
            ),
            click.option(
                "-f",
                "--file",
                envvar="RECONCILER_FILE" if read_environment else None,
                metavar="PATH",
                expose_value=False,
                callback=_store("file"),
                help=(
                    "Desired state: a TOML file, or a folder of TOML files "
                    f"(default: RECONCILER_FILE, else {DEFAULT_FILE})."
                ),
            ),
        ):
            function = option(function)
        return function

    return add


def _store(name: str, convert: Callable[[Any], Any] = lambda value: value) -> Callable[..., None]:
    """Return an option's callback that stores the converted value in `Options`, if the option is used."""

    def store(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(Options.from_context(ctx), name, convert(value))

    return store


def _start_wire_log(value: Any) -> Any:
    """Start the wire log, which stops when the command ends; return the option's value unchanged."""
    from reconciler.cli.wire_log import start_wire_log

    ctx = click.get_current_context().find_root()
    if not Options.from_context(ctx).debug:  # --debug may be used twice
        ctx.call_on_close(start_wire_log())
    return value


def validate_addresses(_ctx: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """Return one address or several as written, after checking that each has the form kind.name."""
    try:
        for address in (value,) if isinstance(value, str) else value:
            Address.parse(address)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


def complete_addresses(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the addresses in the file that complete a word, or none if the file cannot be loaded."""
    from reconciler.model.errors import ReconcilerError

    try:
        workspace = Options.from_context(ctx).open_workspace(offline=True)
        addresses = sorted(map(str, workspace.desired.resources))
    except (ReconcilerError, click.UsageError, OSError):
        return []
    return [address for address in addresses if address.startswith(incomplete)]


def validate_adopted(ctx: click.Context, parameter: click.Parameter, value: Sequence[str]) -> Sequence[str]:
    """Return addresses, globs and kinds as written, after checking that each of the others is an address."""
    from reconciler.engine.plan.address_patterns import is_pattern

    validate_addresses(ctx, parameter, [text for text in value if not is_pattern(text)])
    return value


adopt_option = click.option(
    "--adopt",
    multiple=True,
    callback=validate_adopted,
    shell_complete=complete_addresses,
    metavar="SELECTOR",
    help="Import these unmanaged resources: an address, a glob or a kind. Repeatable.",
)


def add_limit_options(function: _Function) -> _Function:
    """Add `--allow-delete` and `--allow-replace`, which are stored in `Options.allow`."""
    # The help lists the options in the reverse of the order in which they are added.
    for action, noun in (("replace", "replacement"), ("delete", "deletion")):
        function = click.option(
            f"--allow-{action}",
            callback=_store_limit(action),
            expose_value=False,
            metavar="LIMIT",
            help=f"Override the {noun} limit for this run: a count (50) or a percentage (10%).",
        )(function)
    return function


def _store_limit(action: str) -> Callable[..., None]:
    """Return an option's callback that checks a limit and stores it in `Options.allow`."""

    def store(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        from reconciler.model.plan_options import LimitOverride

        if value is None:
            return
        try:
            LimitOverride.parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        Options.from_context(ctx).allow[action] = value

    return store


allow_cascade_option = click.option(
    "--allow-cascade",
    is_flag=True,
    expose_value=False,
    callback=_store("allow_cascade"),
    help="Allow deletions that remove what others own, such as other things' membership in a group.",
)

read_option = click.option(
    "--read",
    type=click.Choice(("all", "changed")),
    expose_value=False,
    callback=_store("read"),
    help="Read the certificates of all things, or only those that may have changed: all, changed (default: from the file).",
)
"""For every command that plans in one environment or finds drift."""

no_journal_option = click.option(
    "--no-journal",
    is_flag=True,
    expose_value=False,
    callback=_store("journal", lambda _value: False),
    help="Do not record the run; `history` and `--retry-failed` will not know it.",
)
"""For every command that applies."""

yes_option = click.option("-y", "--yes", is_flag=True, help="Skip confirmation.")
"""For every command that calls `prompt.confirm`."""


def add_selection_options(function: _Function) -> _Function:
    """Add `--select` and `--exclude`."""
    # The help lists the options in the reverse of the order in which they are added.
    for name, help_text in (
        ("exclude", "Leave out these resources; written as for --select. Repeatable."),
        (
            "select",
            (
                "Limit to these resources: an address, a glob or a kind; +SELECTOR adds their dependencies, "
                "SELECTOR+ their dependents. Repeatable."
            ),
        ),
    ):
        function = click.option(
            f"--{name}",
            multiple=True,
            shell_complete=complete_addresses,
            metavar="SELECTOR",
            help=help_text,
        )(function)
    return function


def validate_digest(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Return a plan's digest as written: all of it, or at least the first 12 digits, which plans show."""
    if value is not None and not re.fullmatch("[0-9a-f]{12,64}", value):
        raise click.BadParameter(
            f"{value!r} is not a plan digest; expected 12 to 64 hexadecimal digits, as plans show them"
        )
    return value


format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="text",
    help="Output format (default: text).",
)


class UserPath(click.Path):
    """A path, with errors in our words; `advice` is the next step if it does not exist."""

    def __init__(self, *, is_folder: bool = False, exists: bool = False, advice: str = "") -> None:
        super().__init__(exists=exists, file_okay=not is_folder, dir_okay=is_folder, path_type=Path)
        self._advice = advice

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. Raises UsageError if it is missing or of the wrong type."""
        path = Path(value)
        noun, other_noun = ("folder", "file") if self.dir_okay else ("file", "folder")
        if self.exists and not path.exists():
            raise click.UsageError(f"{path}: no such {noun}{self._advice}", ctx)
        if path.exists() and path.is_dir() != self.dir_okay:
            raise click.UsageError(f"{path} is a {other_noun}, not a {noun}", ctx)
        return Path(super().convert(value, param, ctx))  # type: ignore[arg-type]


class OutputFilePath(UserPath):
    """The path of a file to write, but not of a TOML file.

    If TOML files were accepted, `-o desired_state.toml`, a slip for `-f`, would overwrite the desired state.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. Raises UsageError, for a TOML file, too."""
        path = super().convert(value, param, ctx)
        if path.suffix == ".toml":
            self.fail(
                f"{path} may be a desired state and would be overwritten; choose another name", param, ctx
            )
        return path


full_option = click.option(
    "--full",
    is_flag=True,
    help="List every resource and warning, instead of groups of alike ones, and show long values in full.",
)

event_format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "jsonl")),
    default="text",
    help="Output format: text, or jsonl for one event per line as it happens (default: text).",
)

summary_option = click.option(
    "--summary",
    type=OutputFilePath(),
    metavar="FILE",
    help="Append the output as Markdown to this file, such as $GITHUB_STEP_SUMMARY.",
)

pem_dir_option = click.option(
    "--pem-dir",
    type=UserPath(is_folder=True),
    metavar="FOLDER",
    help="Write certificates to files in this folder (default: inline in the TOML).",
)

out_option = click.option(
    "-o",
    "--out",
    type=OutputFilePath(),
    metavar="FILE",
    help="Write to this file (default: stdout).",
)
