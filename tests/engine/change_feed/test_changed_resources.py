"""Every write operation of every kind: its event names the resource that it changed."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given

from reconciler.engine.change_feed.events import EVENT_SOURCES
from reconciler.engine.change_feed.feed import read_window
from reconciler.engine.change_feed.resources import find_changed_resources
from reconciler.engine.plan.compare import compare_states
from reconciler.engine.plan.refresh import refresh
from reconciler.kinds import all_kinds
from reconciler.model.change import ACTIONS, Delete
from reconciler.registry.trail import is_recorded
from reconciler.registry.wire.service import load_service
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import apply, list_failures, plan_state
from tests.support.examples import examples

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
READ_PREFIXES = ("Get", "Describe")
MARKER_OPERATIONS = {"CreateThingGroup", "UpdateThingGroup", "DeleteThingGroup"}
"""The operations of ownership markers, which are thing groups, for every kind but thing groups."""

OF_OTHER_KINDS = {
    ("credential_lockers", "UpdateManagedThing"): "managed_things",
    ("package_versions", "UpdatePackage"): "packages",
    ("things", "AttachPolicy"): "certificates",
    ("topic_rule_destinations", "ReplaceTopicRule"): "topic_rules",
}
"""The operations that a kind sends but that change a resource of another kind."""

ARN_TYPES = {
    "authorizers": "authorizer",
    "billing_groups": "billinggroup",
    "ca_certificates": "cacert",
    "certificates": "cert",
    "dynamic_thing_groups": "thinggroup",
    "package_versions": "package/firmware/version",
    "policies": "policy",
    "role_aliases": "rolealias",
    "thing_groups": "thinggroup",
    "topic_rule_destinations": "ruledestination/http",
    "topic_rules": "rule",
}
"""The types in the ARNs of resources, as the Service Authorization Reference has them; those of others are the table's name."""


def list_writes(table):
    kind = all_kinds()[table]
    return {
        (service, name)
        for purpose in ACTIONS
        for service, name in kind.list_operations(purpose)
        if not name.startswith(READ_PREFIXES) and name != "GetRegistrationCode"
    }


def list_own_writes():
    """Return the table, the service and the name of each operation that changes a resource of the table."""
    return [
        (table, service, name)
        for table, kind in sorted(all_kinds().items())
        if not kind.composed_of
        for service, name in sorted(list_writes(table))
        if (name not in MARKER_OPERATIONS or table == "thing_groups")
        and OF_OTHER_KINDS.get((table, name)) is None
    ]


def build_arn(table, service, name):
    type_name = ARN_TYPES.get(table, table.removesuffix("s").replace("_", ""))
    if service == "iot-managed-integrations":
        type_name = table.removesuffix("s").replace("_", "-")
    namespace = {"iot": "iot", "iot-managed-integrations": "iotmanagedintegrations"}[service]
    return f"arn:aws:{namespace}:eu-west-1:123456789012:{type_name}/{name}"


def build_members(table, service, operation):
    """Return a request and a response of the service model; each text is a name or an ARN."""
    model = load_service(service).get_operation(operation).model

    def build(shape):
        if shape is None or shape.type_name != "structure":
            return {}
        return {name: build_value(name, member) for name, member in shape.members.items()}

    def build_value(name, shape):
        if shape.type_name == "structure":
            return build(shape)
        is_arn = name.lower().endswith("arn") or name in {"principal", "target"}
        return (
            build_arn(table, service, "pump") if is_arn else "pump" if shape.type_name == "string" else None
        )

    return build(model.input_shape), build(model.output_shape)


@pytest.mark.parametrize(("table", "service", "operation"), list_own_writes())
def test_an_event_of_each_write_names_the_resource_that_it_changed(table, service, operation):
    request, response = build_members(table, service, operation)
    is_tagging = operation in {"TagResource", "UntagResource"}
    expected = {
        "log_levels": "pump:pump",
        "package_versions": "firmware/version/pump" if is_tagging else "pump/version/pump",
    }.get(table, all_kinds()[table].only_name or "pump")

    assert (table, expected) in find_changed_resources(service, operation, request, response)


def test_operations_that_change_resources_of_other_kinds_name_those():
    for (table, operation), changed_table in OF_OTHER_KINDS.items():
        service = all_kinds()[table].service
        members = build_members(changed_table, service, operation)
        resources = find_changed_resources(service, operation, *members)
        assert (changed_table, "pump") in resources


def test_an_attachment_changes_both_of_its_sides():
    certificate, group = (
        f"arn:aws:iot:eu-west-1:123456789012:{path}" for path in ("cert/c1", "thinggroup/pumps")
    )

    def find(operation, **request):
        return find_changed_resources("iot", operation, request, {})

    both = {("things", "pump"), ("certificates", "c1")}
    assert find("AttachThingPrincipal", thingName="pump", principal=certificate) == both
    assert find("DetachThingPrincipal", thingName="pump", principal=certificate) == both
    assert find("AttachPolicy", policyName="p", target=certificate) == {
        ("policies", "p"),
        ("certificates", "c1"),
    }
    assert find("DetachPolicy", policyName="p", target=group) == {
        ("policies", "p"),
        ("thing_groups", "pumps"),
        ("dynamic_thing_groups", "pumps"),
    }
    members = {("things", "pump"), ("thing_groups", "pumps")}
    assert find("AddThingToThingGroup", thingName="pump", thingGroupName="pumps") == members
    assert find("RemoveThingFromThingGroup", thingName="pump", thingGroupName="pumps") == members
    assert find("CreateThing", thingName="pump", thingTypeName="t", billingGroupName="b") == {
        ("things", "pump")
    }


def test_an_operation_that_no_kind_sends_names_what_its_parameters_name():
    def find(operation, request, response=None):
        return find_changed_resources("iot", operation, request, response or {})

    assert find("EnableTopicRule", {"ruleName": "r"}) == {("topic_rules", "r")}
    assert find("SetDefaultPolicyVersion", {"policyName": "p", "policyVersionId": "2"}) == {("policies", "p")}
    assert find("TransferCertificate", {"certificateId": "c1"}) == {
        ("certificates", "c1"),
        ("ca_certificates", "c1"),
    }
    arns = {
        "thing": "arn:aws:iot:eu-west-1:123456789012:thing/pump",
        "certificate": "arn:aws:iot:eu-west-1:123456789012:cert/c1",
    }
    assert find("RegisterThing", {"templateBody": "{}"}, {"resourceArns": arns}) == {
        ("things", "pump"),
        ("certificates", "c1"),
    }


@pytest.mark.hypothesis
@examples(8)
@given(before=desired_states(), after=desired_states())
def test_each_write_of_an_apply_has_an_event_that_names_its_resource(cloud, call, before, after):
    cloud.reset()
    for state, is_destroy in ((before, False), (after, False), (after, True)):
        plan = plan_state(state, cloud, destroy=is_destroy)
        assert list_failures(apply(plan, cloud)) == []
        live = compare_states(state, refresh(state, cloud.call, lambda *_: None), lambda *_: None).live
        changed_by_operation = {}
        for service in EVENT_SOURCES:
            for event in read_window(call, service, START).events:
                changed_by_operation.setdefault(event.operation, set()).update(event.resources)
        assert list(find_unnamed(plan, live, changed_by_operation)) == []


def find_unnamed(plan, live, changed_by_operation):
    """Yield the writes of a plan without an event that names the resource of their step."""
    own_writes = set(list_own_writes())
    for step in plan.steps:
        table = step.address.kind
        known = [getattr(step.change, "live", None)]
        known += [] if isinstance(step.change, Delete) else [live.get(step.address)]
        resources = {(table, item.identity) for item in known if item is not None}
        for request in step.calls:
            key = (table, request.service, request.operation)
            if key not in own_writes or request.ignored_errors or not is_recorded(*key[1:]):
                continue
            if not resources & changed_by_operation.get(request.operation, set()):
                yield (*key, resources)
