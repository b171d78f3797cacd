"""The commands `reconciler` and `python` as files that fork a process instead of starting Python.

A server process imports everything once and waits for connections on a Unix socket. The executable file, a small Python script
without imports of packages, passes its arguments, environment, folder and open streams to that server, which forks a process that
runs the command. Like the installed command, this process has its own exit code and writes to the streams of its caller.
SIGTERM is passed on to it. But no time is spent on importing boto3 and parsing AWS's service models, which takes longer than most commands.

`python` is in the subfolder `python`. It runs a script, a module (`-m`), or code (`-c`, `-`).

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
from functools import cache
from pathlib import Path
from select import select
from typing import NoReturn

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
def get_forked_command() -> Path:
    """Return the path of the executable file; the first call starts the server.

    Its exit code is that of the command, and 1 with a message if the process has died.
    """
    folder = tempfile.TemporaryDirectory(prefix="forked-")
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, folder.name],
        cwd=ROOT,
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
    return Path(folder.name, "reconciler")


def serve(folder: Path) -> None:
    """Write the executable file to the folder, and run commands until the standard input ends."""
    from tests.support import fork_server_preload  # noqa: F401 (it imports what the commands need)

    address = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        (folder / "python").mkdir()
        for name in ("reconciler", "python/python", "python/python3"):
            executable = folder / name
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
                _run_and_exit(connection)
            connection.close()


def _run_and_exit(connection: socket.socket) -> NoReturn:
    """Run the requested command in this process, send its exit code, and exit."""
    exit_code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        arguments = _take_over_request(connection)
        threading.Thread(target=_follow_caller, args=(connection,), daemon=True).start()
        exit_code = _run(arguments)
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


def _run(arguments: list[str]) -> int:
    """Run the command, and return its exit code."""
    from reconciler.cli.main import main

    program = Path(arguments[0]).name
    try:
        if program == "reconciler":
            sys.argv = [program, *arguments[1:]]
            main()
        else:
            _run_python(arguments[1:])
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
    serve(Path(sys.argv[1]))
