"""Fixtures for all tests: an authority, a browser, a clean environment, repeatable properties."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path

import pytest

# jsonschema checks IRIs with this module, if it can be imported. No test needs that, and the import takes two seconds.
sys.modules["rfc3987_syntax"] = None

pytest.register_assert_rewrite("tests.support.desired_states", "tests.support.registry_client")

from reconciler.model import redaction  # noqa: E402
from tests.support.declared_operations import forbid_undeclared_operations  # noqa: E402
from tests.support.examples import load_profile  # noqa: E402
from tests.support.pki import Authority  # noqa: E402

load_profile()

AMBIENT_SETTINGS = (
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "COLUMNS",
    "RECONCILER_REGISTRY",
    "GITHUB_ACTIONS",
    "GITHUB_WORKSPACE",
)
"""The environment variables of the user or of a CI job that would change what the tests see."""

# Tests start many processes, which should share compiled modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Before Python 3.11.9, Dask's profiler can block a process that has both a worker and the test's own threads.
os.environ["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Return three workers for two cores, because tests wait for other processes and for the disk, too."""
    return 3 * (os.cpu_count() or 1) // 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Start the slowest tests first in an xdist worker, so that no worker is idle at the end.

    These are the groups of tests that one worker runs, and the property tests.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=_rank_by_duration)


def _rank_by_duration(item):
    if item.get_closest_marker("xdist_group"):
        return 0
    return 1 if item.get_closest_marker("hypothesis") else 2


def pytest_collection_finish():
    """Exempt all imported modules from garbage collection, which would scan them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("Factory CA")


@pytest.fixture
def memory_folder():
    """Return an empty folder, in memory if possible, because writes to a disk are slow."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def chrome():
    """Start the only browser of this process: Playwright can be started once at a time."""
    from tests.support.jupyter_lab import find_chromium, launch_browser

    if find_chromium() is None:
        problem = "Chromium is not installed; run `make browser`"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    with launch_browser() as chromium_browser:
        yield chromium_browser


@pytest.fixture(scope="session", autouse=True)
def _declared_operations_only():
    """Check in every test that a kind builds only calls of operations that it declares."""
    with pytest.MonkeyPatch.context() as patch:
        forbid_undeclared_operations(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_ambient_settings_at_first():
    """Remove them before a fixture that several tests share is set up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in AMBIENT_SETTINGS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def _own_redaction(monkeypatch):
    """Forget the secrets of other tests, which would be redacted in this one."""
    monkeypatch.setattr(redaction, "_PROCESS_REGISTER", redaction._Register())


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch):
    """Remove them again, if an earlier test has set one."""
    for name in AMBIENT_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    # Python's readline sets these in the environment of child processes, but not in os.environ.
    for name in ("COLUMNS", "LINES"):
        os.unsetenv(name)
