"""What every test may ask for: certificates made on the spot, and an environment of its own."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.support.desired_states", "tests.support.registry_client")

from tests.support.declared_operations import check_declared_operations  # noqa: E402
from tests.support.pki import Authority  # noqa: E402


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("Factory CA")


@pytest.fixture(scope="session", autouse=True)
def _declared_operations_only():
    """Every call that a kind builds in any test is one that the kind declares."""
    with pytest.MonkeyPatch.context() as patch:
        check_declared_operations(patch)
        yield


@pytest.fixture(autouse=True)
def _no_ambient_aws(monkeypatch):
    """No test sees the credentials, the region or the profile of whoever runs it, nor that a workflow does."""
    for name in (
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "RECONCILER_REGISTRY",
        "GITHUB_ACTIONS",
        "GITHUB_WORKSPACE",
    ):
        monkeypatch.delenv(name, raising=False)
