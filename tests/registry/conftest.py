"""Fixtures: a registry in this process, its clients, and a registered CA and device certificate."""

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define

from reconciler.registry import Registry, RegistrySettings
from tests.support.direct_client import SERVICES, ManualClock, create_client, register_ca, remove_metadata
from tests.support.pki import Authority
from tests.support.registry_server import RunningServer, serve_registry


@define
class CurrentRegistry:
    """The registry that the clients of `session_clients` use in the current test."""

    registry: Registry | None = None

    def get(self) -> Registry:
        assert self.registry is not None, "the test does not use the fixture `registry`"
        return self.registry


@pytest.fixture(scope="session")
def current_registry() -> CurrentRegistry:
    return CurrentRegistry()


@pytest.fixture(scope="session")
def session_clients(current_registry: CurrentRegistry) -> dict[str, Any]:
    return {service: create_client(service, current_registry.get) for service in SERVICES}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(clock: ManualClock) -> RegistrySettings:
    return RegistrySettings(clock=clock, detach_lag_seconds=5.0, managed_thing_deletion_seconds=60.0)


@pytest.fixture
def registry(current_registry: CurrentRegistry, settings: RegistrySettings) -> Iterator[Registry]:
    registry = Registry(":memory:", settings)
    current_registry.registry = registry
    yield registry
    current_registry.registry = None
    registry.close()


@pytest.fixture(scope="module")
def running_server() -> Iterator[RunningServer]:
    with serve_registry() as server:
        yield server


@pytest.fixture
def server(running_server: RunningServer) -> RunningServer:
    """A served registry, which is emptied before the test."""
    running_server.reset()
    return running_server


@pytest.fixture
def iot(registry: Registry, session_clients: dict[str, Any]) -> Any:
    return session_clients["iot"]


@pytest.fixture
def managed(registry: Registry, session_clients: dict[str, Any]) -> Any:
    return session_clients["iot-managed-integrations"]


@pytest.fixture
def ssm(registry: Registry, session_clients: dict[str, Any]) -> Any:
    return session_clients["ssm"]


@pytest.fixture
def secrets_manager(registry: Registry, session_clients: dict[str, Any]) -> Any:
    return session_clients["secretsmanager"]


@pytest.fixture
def cloudtrail(registry: Registry, session_clients: dict[str, Any]) -> Any:
    return session_clients["cloudtrail"]


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("Factory CA")


@pytest.fixture(scope="session")
def other_authority() -> Authority:
    return Authority("Other CA")


@pytest.fixture(scope="session")
def device_pem(authority: Authority) -> str:
    return authority.issue("pump-7")


@pytest.fixture
def ca(iot: Any, authority: Authority) -> dict[str, Any]:
    """A registered, active CA."""
    return remove_metadata(register_ca(iot, authority, setAsActive=True))


@pytest.fixture
def device(iot: Any, ca: dict[str, Any], device_pem: str) -> dict[str, Any]:
    """A registered, active device certificate of that CA."""
    return remove_metadata(iot.register_certificate(certificatePem=device_pem, status="ACTIVE"))
