"""The command group: it finds commands, reports their errors, and sets the exit code."""

from __future__ import annotations

import errno
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword
from typing import Any, NoReturn

import click

from reconciler.cli import exit_codes
from reconciler.cli.environment_options import add_environment_options
from reconciler.cli.options import Options, add_common_options
from reconciler.model.distribution import check_package, get_version
from reconciler.model.errors import ReconcilerError
from reconciler.model.text import closest_match, format_suggestion

_COMMANDS: Mapping[str, str] = {
    "init": "init",
    "validate": "validate",
    "env": "env",
    "plan": "plan",
    "apply": "apply",
    "rotate": "rotate",
    "destroy": "apply",
    "drift": "drift",
    "history": "history",
    "show": "show",
    "output": "output",
    "registration-code": "registration_code",
    "unlock": "unlock",
    "graph": "graph",
    "adopt": "adopt",
    "export": "export",
    "import": "import_resources",
    "doctor": "doctor",
    "completion": "completion",
    "permissions": "permissions",
    "schema": "schema",
    "registry": "registry",
    "version": "version",
}
"""Command → its module in `commands`, in the order of the help.

The function has the name of the command; if that is a keyword of Python, with an underscore at its end.
"""

_EXIT_CODES = """\b
Exit codes:
  0  success, or nothing to do
  1  error
  2  changes (plan --detailed-exitcode) or drift (drift)
  3  plan rejected or prompt declined, workspace locked, or every step that
     failed was stale or lost the lease (others may be applied)
"""


_MAX_END_SECONDS = 2.0
"""Seconds for which an interrupted process waits for its threads."""


class _InterruptedExit(SystemExit):
    """The exit of a command that the user has interrupted."""


class ReconcilerGroup(click.Group):
    """Import a command when it is named, and turn every error into a message and an exit code.

    Click exits with 2 for a wrong command line; here 2 means "there are changes", so a wrong command line exits with 1.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return the commands in the order in which a new user needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; return None if there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"reconciler.cli.commands.{_COMMANDS[cmd_name]}")
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(module, f"{name}_" if iskeyword(name) else name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the closest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if self.get_command(ctx, args[0]):
                raise  # the command exists, so the error is another one
            suggestion = format_suggestion(closest_match(args[0], _COMMANDS))
            raise click.UsageError(f"there is no command {args[0]!r}{suggestion}", ctx) from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; `help COMMAND` means `COMMAND --help`."""
        return super().parse_args(ctx, [*args[1:], "--help"] if args[:1] == ["help"] else args)

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run a command and exit with its code."""
        options["standalone_mode"] = False
        collect_garbage_rarely()
        _replace_closed_streams()
        _escape_unprintable_output()
        try:
            code = super().main(*args, **options)
        except click.ClickException as error:
            # Raised before any command runs; `invoke` reports the errors of commands.
            _report_click_error(error, Options())
            code = exit_codes.ERROR
        except click.Abort:
            click.echo("interrupted", err=True)
            raise _InterruptedExit(exit_codes.ERROR) from None
        except OSError as error:
            # The help or the version cannot be written; `invoke` reports the errors of commands.
            _print_error(error.strerror or str(error), Options())
            code = exit_codes.ERROR
        # Click returns the code given to `ctx.exit`, or what the command returned, which is None.
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> None:
        """Run one command and report its errors."""
        try:
            check_package()
            super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 (the last boundary before the user)
            ctx.exit(_report_error(error, ctx))


def collect_garbage_rarely() -> None:
    """Let the process of a command search for cyclic garbage after more new objects than by default.

    The millions of values of a large fleet are in no cycles, and the searches take a sixth of the CPU. The modules alone have 140,000 objects.
    """
    gc.set_threshold(500_000, 20, 20)


def _replace_closed_streams() -> None:
    """Discard what is written to stdout or stderr if the shell has closed it (`>&-`), instead of failing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (open until the process ends)


def _escape_unprintable_output() -> None:
    """Show the codes of characters that the terminal cannot encode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _report_error(error: Exception, ctx: click.Context) -> int:
    """Report any error of a command, and return the exit code."""
    options = Options.from_context(ctx)
    match error:
        case ReconcilerError():
            from reconciler.cli.errors import report_error

            _print_traceback(options)
            report_error(error, options)
            return exit_codes.get_error_code(error)
        case OSError(errno=errno.EPIPE):
            # The reader of our output closed the pipe, so Python must not flush these streams at exit.
            sys.stdout = sys.stderr = None
        case OSError():
            _print_traceback(options)
            prefix = f"{error.filename}: " if error.filename else ""
            _print_error(f"{prefix}{error.strerror or error}", options)
        case click.ClickException():
            _report_click_error(error, options)
        case _:
            from reconciler.cli.errors import report_internal_error

            _print_traceback(options)
            report_internal_error(error, options)
    return exit_codes.ERROR


def _report_click_error(error: click.ClickException, options: Options) -> None:
    """Report a wrong command line like every other error.

    If the command line has no arguments, the message of click's error is the whole help.
    """
    message, ctx = error.format_message(), getattr(error, "ctx", None)
    if ctx is None:
        _print_error(message, options)
    elif message == ctx.get_help():
        click.echo(message, err=True)
    else:
        # Click's messages begin with a capital letter and end with a period; ours do neither.
        message = " ".join(message.rstrip(".").split())  # the choices of an argument are lines with tabs
        usage = f"run `{ctx.command_path} --help` for usage"
        _print_error(message[:1].lower() + message[1:], options, usage)


def _print_error(message: str, options: Options, *details: str) -> None:
    from reconciler.cli.errors import print_error

    print_error(message, options, *details)


def _print_traceback(options: Options) -> None:
    if options.debug:
        from reconciler.cli.wire_log import sanitize

        click.echo(sanitize(traceback.format_exc()), err=True)


def _print_version(ctx: click.Context, _parameter: click.Parameter, is_requested: bool) -> None:  # noqa: FBT001 (click's signature)
    if is_requested:
        click.echo(f"reconciler {get_version()}")
        ctx.exit()


@click.command(
    cls=ReconcilerGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
    epilog=_EXIT_CODES,
)
@add_common_options(read_environment=True)
@add_environment_options
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Manage AWS IoT from one file: plan, then apply.

    \b
    Get started:
      reconciler init     write a starter file
      reconciler plan     show what an apply would change
      reconciler apply    make the changes
    """  # noqa: D301 (click reads \b)


def main() -> NoReturn:
    """Run the console script."""
    try:
        cli.main(prog_name="reconciler")
    except _InterruptedExit:
        _end_interrupted_process()
        raise
    finally:
        gc.freeze()  # the end of the process frees everything, so Python does not have to look for garbage


def _end_interrupted_process() -> None:
    """End the process without waiting for threads that plan or apply in many environments.

    They have a moment to finish their calls. Python would wait for them without a limit.
    """
    deadline = time.monotonic() + _MAX_END_SECONDS
    with suppress(KeyboardInterrupt):
        for thread in threading.enumerate():
            if not (thread.daemon or thread is threading.current_thread()):
                thread.join(max(0.0, deadline - time.monotonic()))
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(exit_codes.ERROR)
