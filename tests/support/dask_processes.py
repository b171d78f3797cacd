"""A Dask cluster of separate processes: a scheduler, and workers that are restarted when killed.

This module is also what `dask worker --preload` loads: each worker then writes its process ID to the folder in WORKER_IDS.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.killed_workers import kill_any

_FOLDER_VARIABLE = "WORKER_IDS"


def dask_setup(_worker: Any) -> None:
    """Write this worker's process ID."""
    (Path(os.environ[_FOLDER_VARIABLE]) / f"worker-{os.getpid()}").touch()


class DaskProcesses:
    """The processes of a cluster."""

    def __init__(self, folder: Path, workers: int, threads: int) -> None:
        self.address = f"tcp://127.0.0.1:{_find_free_port()}"
        self._folder = folder
        self._size = ["--nworkers", str(workers), "--nthreads", str(threads)]
        self._closed = threading.Event()
        self._scheduler = self._start_scheduler()
        self._workers = self._start_workers()
        self._supervisor = threading.Thread(target=self._supervise)
        self._supervisor.start()

    def _start_scheduler(self) -> subprocess.Popen[bytes]:
        return self._start("scheduler", "--host", self.address, "--dashboard-address", "127.0.0.1:0")

    def _start_workers(self) -> subprocess.Popen[bytes]:
        return self._start("worker", self.address, *self._size, "--preload", __name__, "--no-dashboard")

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        environ = {
            **os.environ,
            _FOLDER_VARIABLE: str(self._folder),
            "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "60s",
        }
        with (self._folder.parent / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words], env=environ, stdout=log, stderr=log
            )

    def _supervise(self) -> None:
        """Start the workers' process again when it ends, which it does when it loses the scheduler."""
        while not self._closed.wait(0.2):
            if self._workers.poll() is not None:
                self._workers = self._start_workers()

    def kill_worker(self, choice: random.Random) -> bool:
        """Kill a random worker; return whether there was one."""
        return kill_any(self._folder, choice)

    def restart_scheduler(self) -> None:
        """Kill the scheduler, and start another one at its address."""
        self._scheduler.kill()
        self._scheduler.wait()
        self._scheduler = self._start_scheduler()

    def close(self) -> None:
        self._closed.set()
        self._supervisor.join()
        for process in (self._workers, self._scheduler):
            process.terminate()
        for process in (self._workers, self._scheduler):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        while self.kill_worker(random.Random(0)):
            pass


@contextmanager
def run_dask_processes(folder: Path, workers: int, threads: int) -> Iterator[DaskProcesses]:
    (folder / "ids").mkdir(parents=True)
    processes = DaskProcesses(folder / "ids", workers, threads)
    try:
        yield processes
    finally:
        processes.close()


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
