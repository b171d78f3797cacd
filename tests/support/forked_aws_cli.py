"""The aws CLI, with each command in a fork of one process that has imported it.

Starting an interpreter, importing the CLI and parsing AWS's service models takes longer than any command. `run_aws_cli` starts that
process, whose code is `main`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 60


@contextmanager
def run_aws_cli(folder: Path, environ: Mapping[str, str]) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Return a function that runs an aws command in the folder.

    The function returns the exit code, and the texts of standard output and standard error.
    """
    with subprocess.Popen(
        [sys.executable, "-P", __file__],
        cwd=folder,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run(*arguments: str) -> tuple[int, str, str]:
            process.stdin.write(json.dumps(arguments) + "\n")
            process.stdin.flush()
            exit_code = int(process.stdout.readline())
            return exit_code, (folder / "stdout").read_text(), (folder / "stderr").read_text()

        yield run


def main() -> None:
    """Run the commands that standard input has, one on each line, and print their exit codes."""
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    driver.session.create_client("iot")  # parses and caches the service model
    for line in sys.stdin:
        process = get_context("fork").Process(target=_run_command, args=(driver, json.loads(line)))
        process.start()
        process.join(TIMEOUT_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        print(process.exitcode, flush=True)  # noqa: T201 (`run_aws_cli` reads it)


def _run_command(driver: Any, arguments: list[str]) -> None:
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.exit(driver.main(arguments))


if __name__ == "__main__":
    main()
