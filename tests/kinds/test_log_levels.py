"""Log levels: found by target, owned by a marker group for each."""

from __future__ import annotations

import pytest

from reconciler.kinds.log_levels import LogLevel
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.address import Address
from reconciler.model.resource import External
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import list_problems
from tests.support.registry_client import Cloud

PUMP = {"targetType": "CLIENT_ID", "targetName": "pump"}
MARKER_PREFIX = "reconciler:log_levels:sha256-"


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    return module_cloud.reset()


def make_level(level: str = "INFO", name: str = "a", *, protected: bool = False, **target: object):
    lifecycle = {"prevent_destroy": True} if protected else {}
    return make_resource(
        "log_levels", name, LogLevel(level, **(target or {"client_id": "pump"})), **lifecycle
    )


def list_steps(plan) -> list[tuple[str, list[str]]]:
    return [
        (step.change.action, [call.operation for call in step.calls])
        for step in plan.steps
        if step.address.kind == "log_levels"
    ]


def read_levels(cloud: Cloud) -> dict[str, str]:
    return cloud.read_content()["log_levels"]


def count_markers(cloud: Cloud) -> int:
    return len(cloud.iot.list_thing_groups(namePrefixFilter=MARKER_PREFIX)["thingGroups"])


def test_a_level_is_created_updated_and_deleted_with_the_record_of_its_owner(cloud):
    assert list_steps(converge(make_state(make_level()), cloud)) == [
        ("create", ["CreateThingGroup", "SetV2LoggingLevel"])
    ]
    assert list_steps(converge(make_state(make_level("DEBUG")), cloud)) == [("update", ["SetV2LoggingLevel"])]
    assert read_levels(cloud) == {"CLIENT_ID:pump": "DEBUG"}
    assert list_steps(converge(make_state(), cloud)) == [
        ("delete", ["DeleteV2LoggingLevel", "DeleteThingGroup"])
    ]
    assert (read_levels(cloud), count_markers(cloud)) == ({}, 0)


def test_another_target_replaces_the_level(cloud):
    converge(make_state(make_level()), cloud)
    desired = make_state(make_level(source_ip="192.0.2.1"))
    assert list_steps(converge(desired, cloud)) == [
        ("replace", ["CreateThingGroup", "SetV2LoggingLevel", "DeleteV2LoggingLevel", "DeleteThingGroup"])
    ]
    assert (read_levels(cloud), count_markers(cloud)) == ({"SOURCE_IP:192.0.2.1": "INFO"}, 1)
    assert plan_state(desired, cloud).steps == ()


def test_a_level_of_a_thing_group_is_set_after_the_group_is_created(cloud):
    group = make_resource("thing_groups", "pumps", ThingGroup())
    desired = make_state(group, make_level(thing_group="pumps"))
    addresses = [step.address for step in converge(desired, cloud).steps]
    assert addresses.index(group.address) < addresses.index(Address("log_levels", "a"))
    assert read_levels(cloud) == {"THING_GROUP:pumps": "INFO"}
    assert plan_state(desired, cloud).steps == ()


def test_a_thing_group_outside_the_file_is_named_by_its_arn(cloud):
    cloud.iot.create_thing_group(thingGroupName="pumps")
    arn = "arn:aws:iot:eu-west-1:123456789012:thinggroup/pumps"
    desired = make_state(make_level(thing_group=External(arn)))
    converge(desired, cloud)
    assert read_levels(cloud) == {"THING_GROUP:pumps": "INFO"}
    assert plan_state(desired, cloud).steps == ()


def test_a_level_without_an_owner_has_to_be_imported(cloud):
    cloud.iot.set_v2_logging_level(logTarget=PUMP, logLevel="INFO")
    desired = make_state(make_level())
    assert get_rejection_reasons(desired, cloud) == [
        "log_levels.a: already exists and is not managed by this workspace; import it with --adopt log_levels.a"
    ]
    assert list_steps(converge(desired, cloud, adopt=[Address("log_levels", "a")])) == [
        ("update", ["CreateThingGroup"])
    ]
    assert plan_state(desired, cloud).steps == ()


def test_a_level_of_another_workspace_is_rejected_with_its_name(cloud):
    converge(make_state(make_level(), workspace="other"), cloud)
    assert get_rejection_reasons(make_state(make_level("DEBUG")), cloud) == [
        "log_levels.a: belongs to the workspace 'other', not to 'ws'"
    ]


def test_a_level_that_was_deleted_by_hand_is_set_again_or_forgotten(cloud):
    desired = make_state(make_level())
    converge(desired, cloud)
    cloud.iot.delete_v2_logging_level(**PUMP)
    assert list_steps(converge(desired, cloud)) == [("update", ["SetV2LoggingLevel"])]
    cloud.iot.delete_v2_logging_level(**PUMP)
    assert list_steps(converge(make_state(), cloud)) == [("delete", ["DeleteThingGroup"])]
    assert count_markers(cloud) == 0


def test_prevent_destroy_is_recorded_with_the_owner(cloud):
    converge(make_state(make_level()), cloud)
    assert list_steps(converge(make_state(make_level(protected=True)), cloud)) == [
        ("update", ["UpdateThingGroup"])
    ]
    assert get_rejection_reasons(make_state(), cloud) != []
    converge(make_state(make_level()), cloud)
    converge(make_state(), cloud)
    assert read_levels(cloud) == {}


def test_levels_need_logging_that_is_configured(cloud):
    cloud.reset(is_new_account=True)
    assert get_rejection_reasons(make_state(make_level()), cloud) == [
        (
            "log_levels.a: logging is not configured in this account and Region; configure it in [account.logging] "
            "(<memory>:1)"
        )
    ]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (LogLevel("INFO"), "has no target"),
        (LogLevel("INFO", client_id="a", source_ip="b"), "has the targets client_id and source_ip"),
    ],
)
def test_a_level_has_exactly_one_target(spec, problem):
    assert list_problems(make_resource("log_levels", "a", spec)) == [
        f"{problem}; expected one of thing_group, client_id, source_ip, principal_id"
    ]
