"""The commands `reconciler`, `python` and `aws` as files that fork instead of starting Python.

A server process imports everything once and waits for connections on a Unix socket. The executable file, a small Python script
without imports of packages, passes its arguments, environment, folder and open streams to that server, which forks a process that
runs the command. Like the installed command, this process has its own exit code and writes to the streams of its caller.
SIGTERM is passed on to it. But no time is spent on importing boto3 and parsing AWS's service models, which takes longer than most commands.

`python` is in the subfolder `python` of the folder of `reconciler`. It runs a script, a module (`-m`), or code (`-c`, `-`). `aws` has a
server of its own, as importing it takes long and few tests use it.

The server ends with the process that called `get_forked_command`.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from select import select
from typing import NoReturn

Program = Callable[[list[str]], object]
"""A function that runs a program with its arguments; it can raise SystemExit."""

ROOT = Path(__file__).parents[2]
_LENGTH_BYTES = 8
_EXECUTABLE = """\
#!{python} -IS
import json, os, signal, socket, sys
request = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(request).to_bytes({length_bytes}, "big")], [0, 1, 2])
    server.sendall(request)
    signal.signal(signal.SIGTERM, lambda *_: server.sendall(b"T"))
    exit_code = server.recv(1)
sys.exit(exit_code[0] if exit_code else "the forked command has died")
"""


@cache
def get_forked_command(name: str = "reconciler") -> Path:
    """Return the path of the executable file `reconciler` or `aws`; the first call starts its server.

    Its exit code is that of the command, and 1 with a message if the process has died.
    """
    folder = tempfile.TemporaryDirectory(prefix="forked-")
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, name, folder.name],
        cwd=ROOT,
        env=os.environ | {"AWS_CONFIG_FILE": os.devnull},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the tests
    )

    def stop() -> None:
        server.communicate()
        folder.cleanup()

    atexit.register(stop)
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    return Path(folder.name, name)


def serve(programs: Mapping[str, Program], folder: Path) -> None:
    """Write an executable file for each program, and run commands until the standard input ends."""
    address = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        for name in programs:
            executable = folder / name
            executable.parent.mkdir(exist_ok=True)
            executable.write_text(
                _EXECUTABLE.format(python=sys.executable, address=address, length_bytes=_LENGTH_BYTES)
            )
            executable.chmod(0o755)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the forked processes are not waited for
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                _run_and_exit(connection, programs)
            connection.close()


def _load_reconciler() -> Mapping[str, Program]:
    from reconciler.cli.main import main
    from tests.support import fork_server_preload  # noqa: F401 (it imports what the commands need)

    def run_reconciler(arguments: list[str]) -> None:
        sys.argv = ["reconciler", *arguments]
        main()

    return {"reconciler": run_reconciler, "python/python": _run_python, "python/python3": _run_python}


def _load_aws() -> Mapping[str, Program]:
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    driver.session.create_client(  # parses and caches the service model
        "iot", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    return {"aws": lambda arguments: sys.exit(driver.main(arguments))}


def _run_and_exit(connection: socket.socket, programs: Mapping[str, Program]) -> NoReturn:
    """Run the requested command in this process, send its exit code, and exit."""
    exit_code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        arguments = _take_over_request(connection)
        threading.Thread(target=_follow_caller, args=(connection,), daemon=True).start()
        programs_by_name = {Path(name).name: program for name, program in programs.items()}
        exit_code = _run(programs_by_name[Path(arguments[0]).name], arguments[1:])
    finally:
        connection.sendall(bytes([exit_code]))
        os._exit(0)


def _take_over_request(connection: socket.socket) -> list[str]:
    """Give this process the folder, environment and streams of the caller, and return the arguments."""
    length, streams, *_ = socket.recv_fds(connection, _LENGTH_BYTES, maxfds=3)
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += connection.recv(1 << 20)
    arguments, folder, environ = json.loads(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    if host := environ.get("HOSTNAME"):
        socket.gethostname = lambda: host  # outputs show it
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (it stays open until the process ends)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    return arguments


def _follow_caller(connection: socket.socket) -> None:
    """Pass on SIGTERM, and kill this process when the caller ends, which closes the connection."""
    while connection.recv(1):
        os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGKILL)


def _run(program: Program, arguments: list[str]) -> int:
    """Run the program, and return its exit code."""
    try:
        program(arguments)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)  # noqa: T201 (as Python itself does)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception:  # noqa: BLE001 (as Python itself does)
        traceback.print_exc()
        return 1
    else:
        return 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            # The command discards a stream that its reader has closed, and a program can close one.
            if stream and not stream.closed:
                stream.flush()


def _run_python(arguments: list[str]) -> None:
    """Run what Python would run with these arguments."""
    match arguments:
        case ["-m", module, *_]:
            sys.argv = arguments[1:]
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["-c", code, *_]:
            sys.argv = ["-c", *arguments[2:]]
            sys.path.insert(0, "")
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
        case ["-"] | []:
            sys.argv = ["-"]
            sys.path.insert(0, "")
            exec(compile(sys.stdin.read(), "<stdin>", "exec"), {"__name__": "__main__"})
        case [script, *_]:
            sys.argv = arguments
            sys.path.insert(0, str(Path(script).resolve().parent))
            runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    load = {"reconciler": _load_reconciler, "aws": _load_aws}[sys.argv[1]]
    serve(load(), Path(sys.argv[2]))
