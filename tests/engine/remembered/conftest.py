"""A fleet of four devices whose edges are remembered."""

from __future__ import annotations

import pytest

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.things import Thing
from reconciler.model.pem import Pem
from reconciler.model.settings import DesiredState
from tests.support.desired_states import AUTHORITIES, converge, make_ca, make_resource, make_state
from tests.support.registry_client import Cloud
from tests.support.remembered_fleets import DAY, HOUR, RememberedFleet

NAMES = ("a", "b", "c", "d")
PEMS = {name: AUTHORITIES["alpha"].get_device_pem(name) for name in (*NAMES, "e", "f")}
IDS = {name: Pem.parse(pem).fingerprint for name, pem in PEMS.items()}
ARN_PREFIX = "arn:aws:iot:eu-west-1:123456789012:cert/"


def make_fleet(certificates: dict[str, tuple[str, ...]]) -> DesiredState:
    """Return a desired state, given the names of the certificates of each thing."""
    declared = sorted({name for names in certificates.values() for name in names})
    return make_state(
        make_ca(),
        *(
            make_resource("certificates", name, Certificate(Pem.parse(PEMS[name]), ca="alpha"))
            for name in declared
        ),
        *(make_resource("things", name, Thing(certificates=names)) for name, names in certificates.items()),
    )


def prepare_fleet(cloud: Cloud, folder, desired: DesiredState) -> RememberedFleet:
    """Return a fleet in the desired state whose edges an earlier plan has read."""
    fleet = RememberedFleet(cloud, folder).open()
    cloud.iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
    converge(desired, cloud)
    cloud.iot.create_thing(thingName="foreign")
    fleet.clock.advance(DAY)
    assert not fleet.plan(desired)
    fleet.clock.advance(HOUR)
    fleet.sent.clear()
    return fleet


@pytest.fixture(scope="session")
def prepared_fleet(tmp_path_factory) -> RememberedFleet:
    """Each of four things with a certificate."""
    folder = tmp_path_factory.mktemp("prepared")
    return prepare_fleet(Cloud(), folder, make_fleet({name: (name,) for name in NAMES}))


@pytest.fixture
def fleet(prepared_fleet, tmp_path) -> RememberedFleet:
    """A copy of the prepared fleet."""
    copy = RememberedFleet(prepared_fleet.cloud, tmp_path / "fleet").copy_from(prepared_fleet)
    copy.clock.advance(0)
    return copy
