"""The options that every command takes, before or after its name, and the arguments that several share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import Factory, define

from reconciler.model.address import Address

_Function = TypeVar("_Function", bound=Callable[..., Any])

DEFAULT_FILE = "desired_state.toml"


@define
class Options:
    """What was said, wherever in the line."""

    file: str = DEFAULT_FILE
    debug: bool = False
    color: bool = True
    allow: dict[str, str] = Factory(dict)

    @classmethod
    def of(cls, ctx: click.Context) -> Options:
        """The options of this run; one object for the whole line."""
        root = ctx.find_root()
        if not isinstance(root.obj, cls):
            root.obj = cls()
        return root.obj


def common(*, environment: bool = False) -> Callable[[_Function], _Function]:
    """Adds `--file`, `--debug` and `--no-color`; the environment is read once, where the line begins."""

    def add(function: _Function) -> _Function:
        for option in (
            click.option(
                "--no-color",
                is_flag=True,
                expose_value=False,
                callback=_keep("color", lambda _given: False),
                help="No colour, as NO_COLOR has it too.",
            ),
            click.option(
                "--debug",
                is_flag=True,
                expose_value=False,
                callback=_keep("debug", _watched),
                help="Show what is sent and answered, and the traceback of an error; no secrets.",
            ),
            click.option(
                "-f",
                "--file",
                envvar="RECONCILER_FILE" if environment else None,
                metavar="PATH",
                expose_value=False,
                callback=_keep("file"),
                help="The desired state: a TOML file or a folder of them; else RECONCILER_FILE, else desired_state.toml.",
            ),
        ):
            function = option(function)
        return function

    return add


def _keep(name: str, turn: Callable[[Any], Any] = lambda given: given) -> Callable[..., None]:
    def callback(ctx: click.Context, _parameter: click.Parameter, given: Any) -> None:
        if given:
            setattr(Options.of(ctx), name, turn(given))

    return callback


def _watched(given: Any) -> Any:
    """From where the option is read to the end of the line."""
    from reconciler.cli.wire_log import show_wire

    ctx = click.get_current_context().find_root()
    if not Options.of(ctx).debug:
        ctx.call_on_close(show_wire())
    return given


def checked(_ctx: click.Context, _parameter: click.Parameter, given: Any) -> Any:
    """One address or several, refused when one is not kind.name."""
    try:
        for written in (given,) if isinstance(given, str) else given:
            Address.parse(written)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return given


def complete(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The addresses of the file; none while it cannot be read."""
    from reconciler.model.errors import ReconcilerError
    from reconciler.workspace import Workspace

    try:
        known = sorted(map(str, Workspace(Options.of(ctx).file).desired.resources))
    except (ReconcilerError, OSError):
        return []
    return [address for address in known if address.startswith(incomplete)]


adopting = click.option(
    "--adopt",
    multiple=True,
    callback=checked,
    shell_complete=complete,
    metavar="ADDRESS",
    help="Take over this resource, which exists without the workspace's mark. May be given again.",
)


def allowing(function: _Function) -> _Function:
    """Adds `--allow-delete` and `--allow-replace`, which are kept with the line's options."""
    for action in ("replace", "delete"):
        function = click.option(
            f"--allow-{action}",
            callback=_allow(action),
            expose_value=False,
            metavar="LIMIT",
            help=f"Let this run {action} so many, such as 50, or such a part, as 10%, whatever the limits say.",
        )(function)
    return function


def _allow(action: str) -> Callable[..., None]:
    def callback(ctx: click.Context, _parameter: click.Parameter, given: str | None) -> None:
        from reconciler.model.plan_options import LimitOverride

        if given is None:
            return
        try:
            LimitOverride.parse(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        Options.of(ctx).allow[action] = given

    return callback


answering = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def selecting(function: _Function) -> _Function:
    """Adds `--select` and `--exclude`."""
    for name, told in (
        ("exclude", "Leave these out. May be given again."),
        (
            "select",
            "Only these: addresses, globs, kinds; + in front adds what they need, behind what needs them. May be given again.",
        ),
    ):
        function = click.option(
            f"--{name}", multiple=True, shell_complete=complete, metavar="SELECTOR", help=told
        )(function)
    return function


def digest(_ctx: click.Context, _parameter: click.Parameter, given: str | None) -> str | None:
    """A plan's digest, or as much of the beginning as plans show."""
    if given is not None and not re.fullmatch("[0-9a-f]{12,64}", given):
        raise click.BadParameter(
            f"{given!r} is no digest of a plan; expected at least the 12 digits that plans show"
        )
    return given


summarizing = click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append it as Markdown to this file, such as $GITHUB_STEP_SUMMARY.",
)
