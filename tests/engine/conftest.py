"""An empty embedded registry for every test in this folder."""

from __future__ import annotations

import pytest

from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    """Return the registry of a module; its boto3 clients are slow to create."""
    return Cloud()


@pytest.fixture
def cloud(module_cloud) -> Cloud:
    """Return the registry of the module, emptied."""
    return module_cloud.reset()
