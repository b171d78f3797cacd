"""Processes of pools and of Dask clusters that start within milliseconds.

They are forks of a server process without threads, which has imported everything. A fork of the tests' own process could hang, because
that has threads.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster, Worker, WorkerPlugin

from tests.support.killed_workers import install


@cache
def get_fork_context() -> Any:
    """Return the context for pools; the first call starts the server process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.rollout_preload"])
    forkserver.ensure_running()
    return context


@contextmanager
def open_forking_cluster(workers: int, threads: int) -> Iterator[Client]:
    """Yield the client of a cluster whose workers are forks."""
    get_fork_context()
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


class KillPoints(WorkerPlugin):
    """Installs kill points in every worker of a cluster, also in those that replace killed ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def setup(self, worker: Worker) -> None:
        """Install them in a worker's process before it runs tasks."""
        install(self._folder)
