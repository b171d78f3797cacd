"""Provisioned things: one call when there is none of it, and the calls that bring each part in line when there is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve, fields

from reconciler.engine.plan.diff import compare_specs
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import KIND, ProvisionedThing
from reconciler.kinds.shared.certificate_retirement import DENY_ALL
from reconciler.kinds.shared.provisioned_thing_reads import Carried, Provisioned
from reconciler.kinds.shared.provisioned_thing_spec import ProvisionedThingFacts
from reconciler.kinds.shared.provisioning_template import CERTIFICATE, POLICY, THING
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.change import Update
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Live, Resource
from tests.support.desired_states import AUTHORITIES, ca, resource
from tests.support.kind_driver import (
    NOT_FOUND,
    build_arn,
    calls_of,
    create_calls,
    iot,
    plan_context,
    plan_errors,
    problems,
    read,
    scope,
)

PEM, OLD = (Pem.parse(AUTHORITIES["alpha"].device("pump", generation)) for generation in (1, 2))
CERT, OLD_CERT = (build_arn(f"cert/{pem.fingerprint}") for pem in (PEM, OLD))
KNOWN = {"ResourceAlreadyExistsException"}
PROPERTIES = {"ThingName": "pump", "AttributePayload": {"site": "oslo"}, "ThingGroups": ["hall"]}


def body(**changes: Any) -> Document:
    """A thing, its certificate, its policy; `changes` are put over the thing's properties."""
    return Document.from_value(
        {
            "Parameters": {"Pem": {"Type": "String"}},
            "Resources": {
                "thing": {"Type": THING, "Properties": {**PROPERTIES, **changes}},
                "certificate": {"Type": CERTIFICATE, "Properties": {"CertificatePem": {"Ref": "Pem"}}},
                "policy": {"Type": POLICY, "Properties": {"PolicyName": "telemetry"}},
            },
        }
    )


def pump(**changes: Any) -> Resource:
    return resource("provisioned_things", "a", ProvisionedThing(body(**changes), {"Pem": PEM.text}))


AROUND = (
    ca(),
    resource("policies", "telemetry", Policy(DENY_ALL)),
    resource("thing_groups", "hall", ThingGroup()),
    resource("billing_groups", "bill", BillingGroup()),
)
WHOLE = Provisioned(
    thing_name="pump",
    attributes={"site": "oslo"},
    thing_groups=(External("hall"),),
    certificate=Pem(PEM.fingerprint),
    certificate_mode="DEFAULT",
    certificate_status="ACTIVE",
    policies=(External("telemetry"),),
)


def live(**changes: Any) -> Live:
    """The whole of it; `changes` are put over its spec, or over its facts where they name one."""
    facts = ProvisionedThingFacts(frozenset(), registered=PEM.fingerprint, attached=True)
    names = {field.name for field in fields(ProvisionedThingFacts)}
    spec = evolve(WHOLE, **{key: value for key, value in changes.items() if key not in names})
    facts = evolve(facts, **{key: value for key, value in changes.items() if key in names})
    return Live("provisioned_things.a", spec, 3, "ws", declared_name="a", facts=facts)


def seen(wanted: Resource, there: Live) -> tuple[Update, PlanContext]:
    after = evolve(wanted, spec=KIND.effective(wanted, scope(wanted, *AROUND)))
    found = Update(after, there, tuple(compare_specs(KIND, after.spec, there.spec)))
    around = plan_context(wanted, *AROUND, live={"provisioned_things.a": there}, changes=[found])
    return found, evolve(around, declared=around.desired)


def sent(wanted: Resource, there: Live) -> list[Any]:
    return calls_of(*seen(wanted, there))


def test_what_is_not_there_is_one_call_that_marks_the_thing_as_well():
    wanted = pump()
    around = plan_context(wanted, *AROUND)
    (call,) = create_calls(wanted, evolve(around, declared=around.desired))
    marked = body(ThingGroups=["hall", "reconciler-ws"])
    assert (call.operation, call.params["parameters"]) == ("RegisterThing", {"Pem": PEM.text})
    assert json.loads(call.params["templateBody"]) == marked.value


def test_every_part_of_it_is_read_in_bulk():
    item = {"certificateId": PEM.fingerprint, "certificateArn": CERT, "status": "ACTIVE"}
    held = [
        {"principal": CERT, "thingPrincipalType": "EXCLUSIVE_THING"},
        {"principal": OLD_CERT, "thingPrincipalType": "NON_EXCLUSIVE_THING"},
    ]
    answers = {
        "ListThings": {
            "things": [{"thingName": "pump", "attributes": {"site": "oslo"}, "version": 3}],
        },
        "ListThingsInThingGroup": {"things": ["pump"]},
        "ListThingsInBillingGroup": {"things": ["pump"]},
        "ListThingPrincipalsV2": {"thingPrincipalObjects": held},
        "ListCertificates": {
            "certificates": [item, {**item, "certificateId": OLD.fingerprint, "certificateArn": OLD_CERT}]
        },
        "ListTargetsForPolicy": {"targets": [CERT]},
        "ListPrincipalThings": {"things": ["pump"]},
    }
    billing = [Live("bill", BillingGroup(), 1, "ws")]
    found, asked = read("provisioned_things", answers, pump(), ca(), billing_groups=billing)
    old = External(OLD.fingerprint)
    assert found == [
        live(
            billing_group=External("bill"),
            other_certificates=(old,),
            deletable=frozenset({old.id}),
            exclusive=frozenset({CERT}),
        )
    ]
    assert sorted(asked) == sorted([*answers, "ListThingsInThingGroup"])


ATTACHED = iot("AttachThingPrincipal", thingName="pump", principal=CERT)
POLICY_ATTACHED = iot("AttachPolicy", policyName="telemetry", target=CERT)
REGISTERED = iot("RegisterCertificate", ignored_errors=KNOWN, certificatePem=PEM.text, status="ACTIVE")


def group(operation: str, name: str, *, ignored_errors=()):
    return iot(operation, ignored_errors=ignored_errors, thingGroupName=name, thingName="pump")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (
            {"attributes": {}},
            [
                iot(
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
                group("AddThingToThingGroup", "hall"),
                group("RemoveThingFromThingGroup", "yard", ignored_errors=NOT_FOUND),
            ],
        ),
        (
            {"billing_group": External("bill")},
            [
                iot(
                    "RemoveThingFromBillingGroup",
                    ignored_errors=NOT_FOUND,
                    billingGroupName="bill",
                    thingName="pump",
                )
            ],
        ),
        (
            {"certificate_status": "INACTIVE"},
            [iot("UpdateCertificate", certificateId=PEM.fingerprint, newStatus="ACTIVE")],
        ),
        ({"policies": ()}, [POLICY_ATTACHED]),
        ({"certificate": None, "attached": False}, [ATTACHED]),
        (
            {
                "certificate": None,
                "certificate_status": None,
                "certificate_mode": None,
                "policies": (),
                "registered": None,
                "attached": False,
            },
            [REGISTERED, POLICY_ATTACHED, ATTACHED],
        ),
    ],
    ids=["attributes", "groups", "billing", "status", "policy", "attachment", "certificate"],
)
def test_of_what_is_partly_there_only_the_rest_is_sent(missing, expected):
    assert sent(pump(), live(**missing)) == expected


RETIRED = iot(
    "AttachPolicy",
    ignored_errors={"LimitExceededException", "ResourceNotFoundException"},
    policyName="reconciler-ws-retired",
    target=CERT,
)


def test_another_mode_of_the_ca_registers_the_certificate_anew_with_all_that_it_had():
    carried = Carried("ACTIVE", ("pump",), ("elsewhere", "telemetry"))
    found, around = seen(pump(), live(certificate_mode="SNI_ONLY", carried=carried))
    assert calls_of(found, around) == [
        RETIRED,
        iot("DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName="pump", principal=CERT),
        iot("UpdateCertificate", certificateId=PEM.fingerprint, newStatus="INACTIVE"),
        iot(
            "DeleteCertificate",
            ignored_errors=NOT_FOUND,
            retried_errors={"DeleteConflictException"},
            certificateId=PEM.fingerprint,
            forceDelete=True,
        ),
        REGISTERED,
        POLICY_ATTACHED,
        iot("AttachPolicy", policyName="elsewhere", target=CERT),
        ATTACHED,
    ]
    assert plan_errors(found, around) == []


def test_a_certificate_is_not_torn_from_things_outside_the_workspace():
    carried = Carried("ACTIVE", ("pump", "theirs"), ())
    found, around = seen(pump(), live(certificate_mode="SNI_ONLY", carried=carried))
    assert plan_errors(found, around) == [
        (
            "its certificate has to be registered anew, as AWS changes no certificate's mode, and things outside the "
            "workspace would lose it (theirs); detach it from them first"
        )
    ]


def test_what_a_template_says_and_aws_would_refuse_is_a_mistake():
    many = pump(AttributePayload=dict.fromkeys("abcd", "1"))
    assert problems(many) == [
        "template: 4 attributes on a thing without a type; expected at most 3, or a ThingTypeName"
    ]


def test_a_template_outside_the_file_is_not_read():
    named = resource("provisioned_things", "a", ProvisionedThing(Document.from_value({"id": "stored"})))
    assert problems(named) == [
        (
            "template: a template outside this file is not read; "
            "expected its body here, or its name in [provisioning_templates.*]"
        )
    ]


def test_a_certificate_that_is_named_by_its_id_has_to_be_registered():
    part = {"Type": CERTIFICATE, "Properties": {"CertificateId": OLD.fingerprint}}
    template = body().value
    named = Document.from_value(
        {**template, "Parameters": {}, "Resources": {**template["Resources"], "certificate": part}}
    )
    found, around = seen(
        resource("provisioned_things", "a", ProvisionedThing(named)),
        live(certificate=None, certificate_status=None, registered=None, attached=False),
    )
    assert plan_errors(found, around) == [
        (
            f"its template names the certificate {OLD.fingerprint} by its CertificateId, and there is none in this account "
            "and region; register it first, or have the template take a CertificatePem"
        )
    ]
