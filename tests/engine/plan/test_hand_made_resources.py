"""Log levels and credential lockers that were made by hand are listed, exported and imported."""

from __future__ import annotations

import pytest

from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.model.address import Address
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.exports import export_registry, load_export
from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    return module_cloud.reset()


def set_level(cloud: Cloud) -> None:
    cloud.iot.create_thing_group(thingGroupName="g")
    for target_type, name in (("CLIENT_ID", "pump"), ("THING_GROUP", "g")):
        cloud.iot.set_v2_logging_level(
            logTarget={"targetType": target_type, "targetName": name}, logLevel="DEBUG"
        )


def create_locker(cloud: Cloud) -> None:
    cloud.managed_integrations.create_credential_locker(Name="keys", Tags={"line": "A"})


MAKERS = {"log_levels": (set_level, 2), "credential_lockers": (create_locker, 1)}


@pytest.mark.parametrize("table", MAKERS)
def test_a_hand_made_resource_is_listed_and_imported_without_a_change(cloud, table):
    make, count = MAKERS[table]
    make(cloud)
    listed = [len(item.ids) for item in plan_state(make_state(), cloud).unmanaged if table in item.tables]
    assert listed == [count]
    before = cloud.read_content()[table]
    desired = load_export(export_registry(cloud))
    addresses = [address for address in desired.resources if address.kind == table]
    assert len(addresses) == count
    plan = converge(desired, cloud, adopt=desired.resources)
    paths = {field.path for step in plan.steps if step.address in addresses for field in step.change.fields}
    assert paths == {"workspace"}
    assert plan_state(desired, cloud).steps == ()
    if table == "log_levels":
        assert cloud.read_content()[table] == before
    assert [item for item in plan_state(desired, cloud).unmanaged if table in item.tables] == []


def test_a_locker_with_the_name_of_an_unmanaged_one_needs_an_import(cloud):
    create_locker(cloud)
    state = make_state(make_resource("credential_lockers", "l", CredentialLocker("keys", {"line": "A"})))
    assert get_rejection_reasons(state, cloud) == [
        "credential_lockers.l: already exists and is not managed by this workspace; import it with --adopt credential_lockers.l"
    ]
    converge(state, cloud, adopt=[Address("credential_lockers", "l")])
    assert len(cloud.managed_integrations.list_credential_lockers()["Items"]) == 1
    assert plan_state(state, cloud).steps == ()


def test_an_account_without_logging_has_no_levels_to_list(cloud):
    plan = plan_state(make_state(), cloud.reset(is_new_account=True))
    assert [item.tables for item in plan.unmanaged] == []
    assert [note.text for note in plan.notes if "log level" in note.text] == []
