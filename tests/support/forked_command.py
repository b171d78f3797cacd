"""Commands that run in forked processes instead of new interpreters.

A fork server imports everything once, and every command runs in a process that is forked from it. Like the
installed command, such a process has its own folder, environment, output and exit code. But no time is spent on starting an
interpreter, importing boto3 and parsing AWS's service models, which takes longer than most commands.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import TextIO

from attrs import frozen

_FORK_SERVER = get_context("forkserver")
_FORK_SERVER.set_forkserver_preload(["tests.support.fork_server_preload"])


@frozen
class Command:
    """A command's arguments, folder and environment, and the files for its output."""

    arguments: tuple[str, ...]
    folder: Path
    environ: Mapping[str, str]
    stdout: Path
    stderr: Path


def run_forked_command(command: Command, timeout_seconds: float) -> int:
    """Run the command and return its exit code."""
    process = _FORK_SERVER.Process(target=_run, args=(command,))
    process.start()
    process.join(timeout_seconds)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{command.arguments} has not ended after {timeout_seconds} seconds")
    return process.exitcode


def _run(command: Command) -> None:
    from reconciler.cli.main import cli

    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environ)
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 (it stays open until the process ends)
    sys.stdout, sys.stderr = _redirect(1, command.stdout), _redirect(2, command.stderr)
    sys.argv = ["reconciler", *command.arguments]
    cli()


def _redirect(descriptor: int, path: Path) -> TextIO:
    """Make a file descriptor of this process write to a file, and return the file as a text stream."""
    stream = path.open("w", encoding="utf-8")
    os.dup2(stream.fileno(), descriptor)
    return stream
