"""The command line's outer shell: which commands there are, and what a reader sees when something goes wrong."""

from __future__ import annotations

import difflib
import errno
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from reconciler.cli import exit_codes
from reconciler.cli.options import Options, common
from reconciler.model.errors import ReconcilerError
from reconciler.model.redaction import redact

_COMMANDS: Mapping[str, str] = {
    "init": "init",
    "validate": "validate",
    "plan": "plan",
    "apply": "apply",
    "rotate": "rotate",
    "destroy": "apply",
    "drift": "drift",
    "history": "history",
    "show": "show",
    "unlock": "unlock",
    "graph": "graph",
    "adopt": "adopt",
    "export": "export",
    "doctor": "doctor",
    "completion": "completion",
    "permissions": "permissions",
    "schema": "schema",
    "registry": "registry",
    "version": "version",
}
"""Every command and its module in `commands`, in the order in which help tells them."""

_STREAMS = ("stdout", "stderr")


class Shell(click.Group):
    """Loads a command when it is named; turns every error into a message for people and the exit code that it has.

    Exit code 2 means "there are changes" to a CI job, so a misspelt option must not give it either.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """In the order of a first day's work, not of the alphabet."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imported now, not at start."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"reconciler.cli.commands.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and the nearest command on a slip."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if self.get_command(ctx, args[0]):
                raise
            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            near = f"; did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"there is no command {args[0]!r}{near}", ctx) from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; `help` before a command means `--help` after it."""
        return super().parse_args(ctx, [*args[1:], "--help"] if args[:1] == ["help"] else args)

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run, and exit with what `exits` says, or what a command asked for."""
        options["standalone_mode"] = False
        for name in _STREAMS:  # a terminal without our glyphs shows their codes instead of failing
            if reconfigure := getattr(getattr(sys, name), "reconfigure", None):
                reconfigure(errors="backslashreplace")
        try:
            code = super().main(*args, **options)
        except click.ClickException as error:  # a slip before any command; the others are told in `invoke`
            _complain(error, Options())
            code = 1
        except click.Abort:
            click.echo("interrupted", err=True)
            code = 1
        except OSError as error:  # not even the help could be written
            _say(error.strerror or str(error), Options())
            code = 1
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> None:
        """One command, its errors told."""
        code = exit_codes.ERROR
        try:
            super().invoke(ctx)
        except ReconcilerError as error:
            _debug(ctx)
            _tell(ctx, error)
            code = exit_codes.of_error(error)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has seen enough
                sys.stdout = sys.stderr = None
                ctx.exit(1)
            _debug(ctx)
            name = f"{error.filename}: " if error.filename else ""
            _say(f"{name}{error.strerror or error}", Options.of(ctx))
        except click.ClickException as error:
            _complain(error, Options.of(ctx))
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 (the last boundary before the user)
            _debug(ctx)
            told = redact(f"{type(error).__name__}: {error}").splitlines()[0]
            hint = () if Options.of(ctx).debug else ("run again with --debug and report what it prints",)
            _say(f"this is a bug in reconciler, not in your file: {told}", Options.of(ctx), *hint)
        else:
            return
        ctx.exit(code)


def _complain(error: click.ClickException, options: Options) -> None:
    """A wrong command line in the form of every other error; where nothing was said, click's error is the help itself."""
    told, ctx = error.format_message(), getattr(error, "ctx", None)
    if ctx is None:
        _say(told, options)
    elif told == ctx.get_help():
        click.echo(told, err=True)
    else:
        told = told.rstrip(".")
        _say(told[:1].lower() + told[1:], options, f"`{ctx.command_path} --help` says what there is")


def _say(message: str, options: Options, *more: str) -> None:
    from reconciler.cli.errors import tell

    tell(message, options, *more)


def _debug(ctx: click.Context) -> None:
    if Options.of(ctx).debug:
        from reconciler.cli.wire_log import safe

        click.echo(safe(traceback.format_exc()), err=True)


def _tell(ctx: click.Context, error: ReconcilerError) -> None:
    from reconciler.cli.errors import tell_error

    tell_error(error, Options.of(ctx))


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 (click's signature)
    if wanted:
        import reconciler

        click.echo(f"reconciler {reconciler.__version__}")
        ctx.exit()


@click.command(
    cls=Shell,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@common(environment=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Say which version this is.",
)
def cli() -> None:
    """Desired state for AWS IoT: one file, a plan of exact API calls, applied in order.

    \b
    Start with     reconciler init
    then           reconciler plan
    and            reconciler apply
    """  # noqa: D301 (click reads \b)


def main() -> NoReturn:
    """The console script."""
    cli.main(prog_name="reconciler")
