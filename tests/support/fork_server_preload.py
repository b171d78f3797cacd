"""A module that runs a few commands when it is imported.

Everything that the commands import and cache is then available in all forks of this process.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import threading
from pathlib import Path
from unittest.mock import patch

from reconciler.cli.main import cli
from tests.support.small_fleet import SMALL_FLEET, get_secret_variables


def _run_commands() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        patch.dict(os.environ, get_secret_variables()),
    ):
        SMALL_FLEET.write_files(Path(folder))
        for arguments in (["apply", "--yes"], ["plan"], ["drift"], ["history"]):
            output = io.StringIO()
            with (
                contextlib.redirect_stdout(output),
                contextlib.redirect_stderr(output),
                contextlib.suppress(SystemExit),
            ):
                cli(arguments)


_run_commands()
assert threading.active_count() == 1, "a process with threads cannot be forked safely"
