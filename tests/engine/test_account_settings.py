"""Account settings: one owner, and settings that stay when they are removed."""

from __future__ import annotations

import pytest

from reconciler.kinds.account_indexing import CustomField, Indexing
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.model.address import Address
from tests.support.desired_states import (
    apply,
    converge,
    get_rejection_reasons,
    list_failures,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.registry_client import Cloud

INDEXING = Address.parse("account.indexing")
MARKER = "reconciler:account-indexing"


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    """Return a registry whose fleet indexing is off, as it is in a new account."""
    return module_cloud.reset(is_new_account=True)


def make_indexing(**fields: object):
    return make_resource("account.indexing", "indexing", Indexing(**fields))


def read_things_configuration(cloud: Cloud) -> dict[str, object]:
    configuration = dict(cloud.iot.get_indexing_configuration()["thingIndexingConfiguration"])
    configuration.pop("managedFields", None)
    return configuration


def read_owner(cloud: Cloud) -> str | None:
    groups = cloud.iot.list_thing_groups(namePrefixFilter=MARKER)["thingGroups"]
    if not groups:
        return None
    properties = cloud.iot.describe_thing_group(thingGroupName=MARKER)["thingGroupProperties"]
    return properties["attributePayload"]["attributes"]["workspace"]


def list_changes(plan) -> list[tuple[str, str, list[str]]]:
    return [
        (step.change.action, str(step.address), [call.operation for call in step.calls])
        for step in plan.steps
        if step.address.kind != "thing_groups"
    ]


def test_an_apply_records_the_owner_first_and_the_next_plan_is_empty(cloud):
    fields = (CustomField("attributes.version", "Number"), CustomField("attributes.a", "String"))
    desired = make_state(make_indexing(thing_indexing_mode="REGISTRY", thing_custom_fields=fields))
    plan = converge(desired, cloud)
    assert list_changes(plan) == [
        ("create", "account.indexing", ["CreateThingGroup", "UpdateIndexingConfiguration"])
    ]
    assert read_owner(cloud) == "ws"
    assert plan_state(desired, cloud).steps == ()


def test_fields_that_the_file_does_not_set_keep_their_values(cloud):
    converge(make_state(make_indexing(thing_indexing_mode="REGISTRY")), cloud)
    cloud.iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY",
            "thingConnectivityIndexingMode": "STATUS",
        },
    )
    desired = make_state(make_indexing(thing_indexing_mode="REGISTRY_AND_SHADOW"))
    plan = converge(desired, cloud)
    assert list_changes(plan) == [("update", "account.indexing", ["UpdateIndexingConfiguration"])]
    assert read_things_configuration(cloud) == {
        "thingIndexingMode": "REGISTRY_AND_SHADOW",
        "thingConnectivityIndexingMode": "STATUS",
        "deviceDefenderIndexingMode": "OFF",
        "namedShadowIndexingMode": "OFF",
        "filter": {"namedShadowNames": []},
    }
    assert plan_state(desired, cloud).steps == ()


@pytest.mark.parametrize("destroy", [False, True])
def test_removed_settings_stay_in_aws_and_only_lose_their_owner(cloud, destroy):
    desired = make_state(make_indexing(thing_indexing_mode="REGISTRY"))
    converge(desired, cloud)
    plan = converge(desired if destroy else make_state(), cloud, destroy=destroy)
    assert list_changes(plan) == [("forget", "account.indexing", ["DeleteThingGroup"])]
    assert [note.text for note in plan.notes if note.address == INDEXING] == [
        (
            "the settings stay as they are in AWS; only their ownership marker is removed. "
            "To manage them again later, use --adopt account.indexing"
        )
    ]
    assert read_owner(cloud) is None
    assert read_things_configuration(cloud)["thingIndexingMode"] == "REGISTRY"


def test_removed_settings_keep_their_owner_if_nothing_is_pruned(cloud):
    converge(make_state(make_indexing(thing_indexing_mode="REGISTRY")), cloud)
    assert plan_state(make_state(prune="never"), cloud).steps == ()


def test_settings_of_another_workspace_are_rejected_with_its_name(cloud):
    converge(make_state(make_indexing(thing_indexing_mode="REGISTRY"), workspace="other"), cloud)
    assert get_rejection_reasons(make_state(make_indexing(thing_indexing_mode="OFF")), cloud) == [
        "account.indexing: belongs to the workspace 'other', not to 'ws'"
    ]


def test_only_the_first_of_two_workspaces_gets_the_settings(cloud):
    indexing = make_indexing(thing_indexing_mode="REGISTRY")
    plan = plan_state(make_state(indexing), cloud)
    converge(make_state(indexing, workspace="other"), cloud)
    assert [text.partition(":")[0] for text in list_failures(apply(plan, cloud))] == [
        "failed account.indexing"
    ]
    assert read_owner(cloud) == "other"


def test_changed_settings_without_an_owner_have_to_be_adopted(cloud):
    cloud.iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
    desired = make_state(make_indexing(thing_indexing_mode="REGISTRY"))
    assert get_rejection_reasons(desired, cloud) == [
        "account.indexing: already exists and is not managed by this workspace; import it with --adopt account.indexing"
    ]
    plan = converge(desired, cloud, adopt=[INDEXING])
    assert list_changes(plan) == [("update", "account.indexing", ["CreateThingGroup"])]
    assert plan_state(desired, cloud).steps == ()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"thing_connectivity_indexing_mode": "STATUS"},
            "thing_connectivity_indexing_mode needs indexed things, but thing_indexing_mode is OFF; change one of them",
        ),
        (
            {"named_shadow_names": ("a",)},
            "named_shadow_names needs indexed things, but thing_indexing_mode is OFF; change one of them",
        ),
        (
            {"thing_indexing_mode": "REGISTRY", "named_shadow_indexing_mode": "ON"},
            "named_shadow_indexing_mode is ON without named_shadow_names; set these too",
        ),
    ],
)
def test_settings_that_aws_rejects_together_are_rejected_in_the_plan(cloud, fields, problem):
    assert get_rejection_reasons(make_state(make_indexing(**fields)), cloud) == [
        f"account.indexing: {problem} (<memory>:1)"
    ]


def test_a_dynamic_group_may_need_the_indexing_that_the_same_plan_turns_on(cloud):
    group = make_resource("dynamic_thing_groups", "pumps", DynamicThingGroup("thingName:pump*"))
    assert get_rejection_reasons(make_state(group), cloud) == [
        (
            "dynamic_thing_groups.pumps: query_string: the query needs fleet indexing, which is off in this account and "
            'Region; turn it on with thing_indexing_mode = "REGISTRY" in [account.indexing] (<memory>:1)'
        )
    ]
    desired = make_state(make_indexing(thing_indexing_mode="REGISTRY"), group)
    assert plan_state(desired, cloud).steps != ()
