"""Provisioned things: one call creates every part, and existing parts are updated one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve, fields
from msgspec.structs import replace

from reconciler.engine.plan.diff import compare_specs
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import KIND, ProvisionedThing
from reconciler.kinds.shared.certificate_retirement import DENY_ALL
from reconciler.kinds.shared.provisioned_thing_spec import Provisioned, ProvisionedThingFacts, Registration
from reconciler.kinds.shared.provisioning_template import CERTIFICATE, POLICY, THING
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.change import Create, Update
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Live, Resource
from tests.support.desired_states import AUTHORITIES, make_ca, make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    build_arn,
    compute_effective_resource,
    list_calls,
    list_create_calls,
    list_plan_errors,
    list_problems,
    make_iot_call,
    make_plan_context,
    make_scope,
    read_kind,
)

PEM, OLD_PEM = (Pem.parse(AUTHORITIES["alpha"].get_device_pem("pump", generation)) for generation in (1, 2))
CERTIFICATE_ARN, OLD_CERTIFICATE_ARN = (build_arn(f"cert/{pem.fingerprint}") for pem in (PEM, OLD_PEM))
EXISTS = {"ResourceAlreadyExistsException"}
PROPERTIES = {"ThingName": "pump", "AttributePayload": {"site": "oslo"}, "ThingGroups": ["hall"]}


def make_body(**properties: Any) -> Document:
    """Return a template of a thing, a certificate and a policy.

    `properties` replace properties of the thing.
    """
    return Document.from_value(
        {
            "Parameters": {"Pem": {"Type": "String"}},
            "Resources": {
                "thing": {"Type": THING, "Properties": {**PROPERTIES, **properties}},
                "certificate": {"Type": CERTIFICATE, "Properties": {"CertificatePem": {"Ref": "Pem"}}},
                "policy": {"Type": POLICY, "Properties": {"PolicyName": "telemetry"}},
            },
        }
    )


def make_pump(**properties: Any) -> Resource:
    return make_resource(
        "provisioned_things", "a", ProvisionedThing(make_body(**properties), {"Pem": PEM.text})
    )


OTHER_RESOURCES = (
    make_ca(),
    make_resource("policies", "telemetry", Policy(DENY_ALL)),
    make_resource("thing_groups", "hall", ThingGroup()),
    make_resource("billing_groups", "bill", BillingGroup()),
)
COMPLETE_SPEC = Provisioned(
    thing_name="pump",
    attributes={"site": "oslo"},
    thing_groups=(External("hall"),),
    certificate=Pem(PEM.fingerprint),
    certificate_mode="DEFAULT",
    certificate_status="ACTIVE",
    policies=(External("telemetry"),),
)


def make_live(**changes: Any) -> Live:
    """Return the complete provisioned thing; `changes` replace fields of its facts or its spec."""
    facts = ProvisionedThingFacts(frozenset(), registered_id=PEM.fingerprint, is_attached=True)
    fact_names = {field.name for field in fields(ProvisionedThingFacts)}
    spec = evolve(COMPLETE_SPEC, **{key: value for key, value in changes.items() if key not in fact_names})
    facts = evolve(facts, **{key: value for key, value in changes.items() if key in fact_names})
    return Live("provisioned_things.a", spec, version=3, owner="ws", declared_name="a", facts=facts)


def make_update(desired: Resource, live: Live) -> tuple[Update, PlanContext]:
    """Return the update that brings a live resource to its desired state, with its context."""
    desired_scope = make_scope(desired, *OTHER_RESOURCES)
    evaluated_resource = desired_scope.desired[desired.address]
    resource = replace(
        evaluated_resource, spec=KIND.compute_effective_spec(evaluated_resource, desired_scope)
    )
    update = Update(resource, live, tuple(compare_specs(KIND, resource.spec, live.spec)))
    context = make_plan_context(
        desired, *OTHER_RESOURCES, live={"provisioned_things.a": live}, changes=[update]
    )
    # `make_plan_context` keeps the specs as they are declared, so its `desired` can serve as `declared`.
    return update, evolve(context, declared=context.desired)


def test_a_new_provisioned_thing_is_created_and_owned_with_one_call():
    desired = make_pump()
    context = make_plan_context(desired, *OTHER_RESOURCES)
    (call,) = list_create_calls(desired, evolve(context, declared=context.desired))
    owned_body = make_body(ThingGroups=["hall", "reconciler-ws"])
    assert (call.operation, call.params["parameters"]) == ("RegisterThing", {"Pem": PEM.text})
    assert json.loads(call.params["templateBody"]) == owned_body.value


def test_a_template_that_the_workspaces_group_makes_too_long_is_rejected_by_the_plan():
    padding = 10_240 - len(make_body(AttributePayload={"note": ""}).text)
    desired = make_pump(AttributePayload={"note": "x" * padding})
    context = make_plan_context(desired, *OTHER_RESOURCES)
    change = Create(compute_effective_resource(desired))
    assert list_plan_errors(change, evolve(context, declared=context.desired)) == [
        "the template has 10,256 characters with the workspace's groups, and AWS allows 10,240; shorten it"
    ]


def test_every_part_is_read_in_bulk():
    item = {"certificateId": PEM.fingerprint, "certificateArn": CERTIFICATE_ARN, "status": "ACTIVE"}
    principals = [
        {"principal": CERTIFICATE_ARN, "thingPrincipalType": "EXCLUSIVE_THING"},
        {"principal": OLD_CERTIFICATE_ARN, "thingPrincipalType": "NON_EXCLUSIVE_THING"},
    ]
    responses = {
        "ListThings": {
            "things": [{"thingName": "pump", "attributes": {"site": "oslo"}, "version": 3}],
        },
        "ListThingsInThingGroup": {"things": ["pump"]},
        "ListThingsInBillingGroup": {"things": ["pump"]},
        "ListThingPrincipalsV2": {"thingPrincipalObjects": principals},
        "ListCertificates": {
            "certificates": [
                item,
                {**item, "certificateId": OLD_PEM.fingerprint, "certificateArn": OLD_CERTIFICATE_ARN},
            ]
        },
        "ListTargetsForPolicy": {"targets": [CERTIFICATE_ARN]},
        "ListPrincipalThings": {"things": ["pump"]},
        "ListAttachedPolicies": {"policies": []},
    }
    live_billing_groups = [Live("bill", BillingGroup(), version=1, owner="ws")]
    live_resources, operations = read_kind(
        "provisioned_things", responses, make_pump(), make_ca(), billing_groups=live_billing_groups
    )
    old_certificate = External(OLD_PEM.fingerprint)
    assert live_resources == [
        make_live(
            billing_group=External("bill"),
            other_certificates=(old_certificate,),
            deletable_ids=frozenset({old_certificate.id}),
            exclusive_arns=frozenset({CERTIFICATE_ARN}),
        )
    ]
    # The members of two groups are listed: `hall` and the workspace's group.
    assert sorted(operations) == sorted([*responses, "ListThingsInThingGroup"])


ATTACH_CALL = make_iot_call("AttachThingPrincipal", thingName="pump", principal=CERTIFICATE_ARN)
ATTACH_POLICY_CALL = make_iot_call("AttachPolicy", policyName="telemetry", target=CERTIFICATE_ARN)
REGISTER_CALL = make_iot_call(
    "RegisterCertificate", ignored_errors=EXISTS, certificatePem=PEM.text, status="ACTIVE"
)


def make_group_call(operation: str, name: str, *, ignored_errors=frozenset()):
    return make_iot_call(operation, ignored_errors=ignored_errors, thingGroupName=name, thingName="pump")


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        (
            {"attributes": {}},
            [
                make_iot_call(
                    "UpdateThing",
                    thingName="pump",
                    attributePayload={"attributes": {"site": "oslo"}, "merge": False},
                    expectedVersion=3,
                )
            ],
        ),
        (
            {"thing_groups": (External("yard"),)},
            [
                make_group_call("AddThingToThingGroup", "hall"),
                make_group_call("RemoveThingFromThingGroup", "yard", ignored_errors=NOT_FOUND),
            ],
        ),
        (
            {"billing_group": External("bill")},
            [
                make_iot_call(
                    "RemoveThingFromBillingGroup",
                    ignored_errors=NOT_FOUND,
                    billingGroupName="bill",
                    thingName="pump",
                )
            ],
        ),
        (
            {"certificate_status": "INACTIVE"},
            [make_iot_call("UpdateCertificate", certificateId=PEM.fingerprint, newStatus="ACTIVE")],
        ),
        ({"policies": ()}, [ATTACH_POLICY_CALL]),
        ({"certificate": None, "is_attached": False}, [ATTACH_CALL]),
        (
            {
                "certificate": None,
                "certificate_status": None,
                "certificate_mode": None,
                "policies": (),
                "registered_id": None,
                "is_attached": False,
            },
            [REGISTER_CALL, ATTACH_POLICY_CALL, ATTACH_CALL],
        ),
    ],
    ids=["attributes", "groups", "billing", "status", "policy", "attachment", "certificate"],
)
def test_only_the_differences_are_sent(differences, expected):
    assert list_calls(*make_update(make_pump(), make_live(**differences))) == expected


MARK_RETIRED_CALL = make_iot_call(
    "AttachPolicy",
    ignored_errors={"LimitExceededException", "ResourceNotFoundException"},
    policyName="reconciler-ws-retired",
    target=CERTIFICATE_ARN,
)


def test_a_change_of_the_ca_mode_registers_the_certificate_again():
    registration = Registration(status="ACTIVE", things=("pump",), policies=("elsewhere", "telemetry"))
    update, context = make_update(
        make_pump(), make_live(certificate_mode="SNI_ONLY", previous_registration=registration)
    )
    assert list_calls(update, context) == [
        MARK_RETIRED_CALL,
        make_iot_call(
            "DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName="pump", principal=CERTIFICATE_ARN
        ),
        make_iot_call("UpdateCertificate", certificateId=PEM.fingerprint, newStatus="INACTIVE"),
        make_iot_call(
            "DeleteCertificate",
            ignored_errors=NOT_FOUND,
            retried_errors={"DeleteConflictException"},
            certificateId=PEM.fingerprint,
            forceDelete=True,
        ),
        REGISTER_CALL,
        ATTACH_POLICY_CALL,
        make_iot_call("AttachPolicy", policyName="elsewhere", target=CERTIFICATE_ARN),
        ATTACH_CALL,
    ]
    assert list_plan_errors(update, context) == []


def test_a_certificate_of_things_outside_the_workspace_is_not_registered_again():
    registration = Registration(status="ACTIVE", things=("pump", "foreign"), policies=())
    update, context = make_update(
        make_pump(), make_live(certificate_mode="SNI_ONLY", previous_registration=registration)
    )
    assert list_plan_errors(update, context) == [
        (
            "cannot register the certificate again, as a change of its mode requires: things outside the workspace "
            "would lose it (foreign); detach it from them first"
        )
    ]


def test_too_many_attributes_without_a_type_are_a_problem():
    desired = make_pump(AttributePayload=dict.fromkeys("abcd", "1"))
    assert list_problems(desired) == [
        "template: 4 attributes on a thing without a type; expected at most 3, or a ThingTypeName"
    ]


def test_a_template_outside_the_file_is_a_problem():
    desired = make_resource(
        "provisioned_things", "a", ProvisionedThing(Document.from_value({"id": "stored"}))
    )
    assert list_problems(desired) == [
        (
            "template: a template that is not in this file cannot be evaluated; "
            "expected its body here, or the name of a template declared in [provisioning_templates.*]"
        )
    ]


def test_a_certificate_id_in_the_template_must_be_that_of_a_registered_certificate():
    certificate_part = {"Type": CERTIFICATE, "Properties": {"CertificateId": OLD_PEM.fingerprint}}
    template = make_body().value
    document = Document.from_value(
        {
            **template,
            "Parameters": {},
            "Resources": {**template["Resources"], "certificate": certificate_part},
        }
    )
    update, context = make_update(
        make_resource("provisioned_things", "a", ProvisionedThing(document)),
        make_live(certificate=None, certificate_status=None, registered_id=None, is_attached=False),
    )
    assert list_plan_errors(update, context) == [
        (
            f"the template has the CertificateId {OLD_PEM.fingerprint}, and this account and Region have no such certificate; "
            "register it first, or use CertificatePem in the template"
        )
    ]
