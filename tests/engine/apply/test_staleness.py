"""Someone edits a resource after it was planned: the edit is never overwritten without an error."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve, frozen

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.role_aliases import RoleAlias
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import PropagatingAttribute, ThingType
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import StaleError
from reconciler.model.pem import Pem
from reconciler.model.settings import DesiredState
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE,
    apply,
    ca,
    converge,
    managed_thing,
    plan_state,
    resource,
    state,
)
from tests.support.registry_client import Cloud

PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))
OTHER_PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("b"))
ARN_PREFIX = "arn:aws:iot:eu-west-1:123456789012:"
ARN, OTHER_ARN = f"{ARN_PREFIX}cert/{PEM.fingerprint}", f"{ARN_PREFIX}cert/{OTHER_PEM.fingerprint}"
ANOTHER_ROLE = "arn:aws:iam::123456789012:role/another"


def allow(action: str) -> Document:
    return Document.from_value(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )


BEFORE = [
    ca(),
    resource("policies", "p", Policy(allow("iot:Connect"))),
    resource("certificates", "a", Certificate(PEM, ca="alpha", policies=("p",))),
    resource("thing_types", "t", ThingType("Pumps", (), (PropagatingAttribute("where", "site"),))),
    resource("billing_groups", "b", BillingGroup("Plants")),
    resource("thing_groups", "g", ThingGroup("Plants", {"floor": "1"}, policies=("p",))),
    resource("dynamic_thing_groups", "d", DynamicThingGroup("attributes.site:oslo")),
    resource("things", "a", Thing("t", {"site": "oslo"}, ("g",), ("a",), "b")),
    resource("role_aliases", "r", RoleAlias(ROLE)),
    resource(
        "provisioning_templates",
        "v",
        ProvisioningTemplate(Document.from_value({"Resources": {}}), ROLE, description="One"),
    ),
    resource("credential_lockers", "l", CredentialLocker("L")),
    managed_thing("m", brand="Acme"),
]

CHANGED_FIELDS = {
    "ca_certificates.alpha": {"auto_registration": True},
    "policies.p": {"document": allow("iot:Publish")},
    "certificates.a": {"status": "INACTIVE"},
    "thing_types.t": {"propagating_attributes": (PropagatingAttribute("who", "house"),)},
    "billing_groups.b": {"description": "Offices"},
    "thing_groups.g": {"description": "Offices", "attributes": {"floor": "2"}},
    "dynamic_thing_groups.d": {"query_string": "attributes.site:bergen"},
    "things.a": {"attributes": {"site": "bergen"}},
    "role_aliases.r": {"credential_duration_seconds": 900},
    "provisioning_templates.v": {"description": "Two"},
    "credential_lockers.l": {"tags": {"line": "A"}},
    "managed_things.m": {"brand": "Bolt"},
}
"""By address of a resource in `BEFORE`, new values of the fields that a plan changes in place."""


@frozen
class Edit:
    """An edit by someone else: `make` makes it, and `read` returns what it changed."""

    address: str
    description: str
    make: Callable[[Cloud], Any]
    read: Callable[[Cloud], Any]
    only_removes: bool = False
    """Whether the edit only removes something: deleting the resource then overwrites nothing."""

    def __str__(self) -> str:
        return f"{self.address}: {self.description}"


def describe_thing(cloud):
    return cloud.iot.describe_thing(thingName="a")


def list_principals(cloud, name="a"):
    return sorted(cloud.iot.list_thing_principals(thingName=name)["principals"])


def certificate_status(cloud):
    return cloud.iot.describe_certificate(certificateId=PEM.fingerprint)["certificateDescription"]["status"]


def build_policy_reader(target):
    """Return a function that reads the policies of a target, without ownership markers."""
    return lambda cloud: sorted(
        policy["policyName"]
        for policy in cloud.iot.list_attached_policies(target=target)["policies"]
        if not policy["policyName"].startswith("reconciler-")
    )


def build_tag_reader(arn):
    return lambda cloud: {
        tag["Key"]: tag["Value"] for tag in cloud.iot.list_tags_for_resource(resourceArn=arn)["tags"]
    }


def create_policy(cloud):
    cloud.iot.create_policy(policyName="by-hand", policyDocument=allow("iot:*").text)
    return "by-hand"


def create_thing(cloud):
    cloud.iot.create_thing(thingName="by-hand")
    return "by-hand"


def get_managed_thing(cloud):
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    return cloud.managed_integrations.get_managed_thing(Identifier=item["Id"])


def merged_attributes(**values):
    """Return the parameters of an update that adds these attributes and keeps the others."""
    return {"attributePayload": {"attributes": values, "merge": True}}


EDITS = [
    Edit(
        "things.a",
        "an attribute is changed",
        lambda c: c.iot.update_thing(thingName="a", **merged_attributes(site="rome")),
        lambda c: describe_thing(c)["attributes"],
    ),
    Edit(
        "things.a",
        "an attribute is added",
        lambda c: c.iot.update_thing(thingName="a", **merged_attributes(note="x")),
        lambda c: describe_thing(c)["attributes"],
    ),
    Edit(
        "things.a",
        "its type is removed",
        lambda c: c.iot.update_thing(thingName="a", removeThingType=True),
        lambda c: describe_thing(c).get("thingTypeName"),
        only_removes=True,
    ),
    Edit(
        "things.a",
        "another certificate is attached",
        lambda c: c.iot.attach_thing_principal(
            thingName="a",
            principal=c.iot.register_certificate_without_ca(certificatePem=OTHER_PEM.text)["certificateArn"],
        ),
        list_principals,
    ),
    Edit(
        "things.a",
        "its certificate is detached",
        lambda c: c.iot.detach_thing_principal(thingName="a", principal=ARN),
        list_principals,
        only_removes=True,
    ),
    Edit(
        "certificates.a",
        "it is revoked",
        lambda c: c.iot.update_certificate(certificateId=PEM.fingerprint, newStatus="REVOKED"),
        certificate_status,
    ),
    Edit(
        "certificates.a",
        "a policy is attached",
        lambda c: c.iot.attach_policy(policyName=create_policy(c), target=ARN),
        build_policy_reader(ARN),
    ),
    Edit(
        "certificates.a",
        "its policy is detached",
        lambda c: c.iot.detach_policy(policyName="p", target=ARN),
        build_policy_reader(ARN),
        only_removes=True,
    ),
    Edit(
        "certificates.a",
        "it is attached to another thing",
        lambda c: c.iot.attach_thing_principal(thingName=create_thing(c), principal=ARN),
        lambda c: list_principals(c, "by-hand"),
    ),
    Edit(
        "policies.p",
        "its document is changed",
        lambda c: c.iot.create_policy_version(
            policyName="p", policyDocument=allow("iot:*").text, setAsDefault=True
        ),
        lambda c: Document.parse(c.iot.get_policy(policyName="p")["policyDocument"]),
    ),
    Edit(
        "policies.p",
        "a tag is added",
        lambda c: c.iot.tag_resource(
            resourceArn=f"{ARN_PREFIX}policy/p", tags=[{"Key": "by", "Value": "hand"}]
        ),
        build_tag_reader(f"{ARN_PREFIX}policy/p"),
    ),
    Edit(
        "thing_groups.g",
        "its description is changed",
        lambda c: c.iot.update_thing_group(
            thingGroupName="g", thingGroupProperties={"thingGroupDescription": "By hand"}
        ),
        lambda c: c.iot.describe_thing_group(thingGroupName="g")["thingGroupProperties"][
            "thingGroupDescription"
        ],
    ),
    Edit(
        "thing_groups.g",
        "an attribute is added",
        lambda c: c.iot.update_thing_group(
            thingGroupName="g", thingGroupProperties=merged_attributes(note="x")
        ),
        lambda c: c.iot.describe_thing_group(thingGroupName="g")["thingGroupProperties"]["attributePayload"],
    ),
    Edit(
        "thing_groups.g",
        "a policy is attached",
        lambda c: c.iot.attach_policy(policyName=create_policy(c), target=f"{ARN_PREFIX}thinggroup/g"),
        build_policy_reader(f"{ARN_PREFIX}thinggroup/g"),
    ),
    Edit(
        "thing_types.t",
        "its propagating attributes are changed",
        lambda c: c.iot.update_thing_type(
            thingTypeName="t",
            thingTypeProperties={
                "mqtt5Configuration": {
                    "propagatingAttributes": [{"userPropertyKey": "by:hand", "thingAttribute": "x"}]
                }
            },
        ),
        lambda c: c.iot.describe_thing_type(thingTypeName="t")["thingTypeProperties"]["mqtt5Configuration"],
    ),
    Edit(
        "billing_groups.b",
        "its description is changed",
        lambda c: c.iot.update_billing_group(
            billingGroupName="b", billingGroupProperties={"billingGroupDescription": "By hand"}
        ),
        lambda c: c.iot.describe_billing_group(billingGroupName="b")["billingGroupProperties"],
    ),
    Edit(
        "dynamic_thing_groups.d",
        "its query is changed",
        lambda c: c.iot.update_dynamic_thing_group(
            thingGroupName="d", thingGroupProperties={}, queryString="thingName:a"
        ),
        lambda c: c.iot.describe_thing_group(thingGroupName="d")["queryString"],
    ),
    Edit(
        "ca_certificates.alpha",
        "it is deactivated",
        lambda c: c.iot.update_ca_certificate(
            certificateId=Pem.parse(AUTHORITIES["alpha"].pem).fingerprint, newStatus="INACTIVE"
        ),
        lambda c: c.iot.describe_ca_certificate(
            certificateId=Pem.parse(AUTHORITIES["alpha"].pem).fingerprint
        )["certificateDescription"]["status"],
    ),
    Edit(
        "role_aliases.r",
        "its role is changed",
        lambda c: c.iot.update_role_alias(roleAlias="r", roleArn=ANOTHER_ROLE),
        lambda c: c.iot.describe_role_alias(roleAlias="r")["roleAliasDescription"]["roleArn"],
    ),
    Edit(
        "provisioning_templates.v",
        "it is enabled",
        lambda c: c.iot.update_provisioning_template(templateName="v", enabled=True),
        lambda c: c.iot.describe_provisioning_template(templateName="v")["enabled"],
    ),
    Edit(
        "managed_things.m",
        "its brand is changed",
        lambda c: c.managed_integrations.update_managed_thing(
            Identifier=get_managed_thing(c)["Id"], Brand="By hand"
        ),
        lambda c: get_managed_thing(c)["Brand"],
    ),
    Edit(
        "managed_things.m",
        "a tag is added",
        lambda c: c.managed_integrations.tag_resource(
            ResourceArn=get_managed_thing(c)["Arn"], Tags={"by": "hand"}
        ),
        lambda c: get_managed_thing(c)["Tags"],
    ),
]


CREATED_FIRST = resource("policies", "first", Policy(allow("iot:Receive")))


def updated(address: str) -> DesiredState:
    """Return the state in which the resource is changed in place after another one is created."""

    def change(resource):
        if str(resource.address) != address:
            return resource
        return evolve(
            resource,
            spec=evolve(resource.spec, **CHANGED_FIELDS[address]),
            dependencies=resource.dependencies | {CREATED_FIRST.address},
        )

    return state(CREATED_FIRST, *map(change, BEFORE))


def without(address: str) -> DesiredState:
    """Return the state without the resource and its dependents."""
    deleted: set[Address] = set()
    dependents = {Address.parse(address)}
    while dependents:
        deleted |= dependents
        dependents = {item.address for item in BEFORE if item.dependencies & deleted} - deleted
    return state(*(item for item in BEFORE if item.address not in deleted))


def destroyed(_address: str) -> DesiredState:
    return state(*BEFORE)


@pytest.fixture(scope="module")
def _cloud():
    return Cloud()


@pytest.fixture
def cloud(_cloud):
    converge(state(*BEFORE), _cloud.reset())
    return _cloud


_USED_BY_THE_THING = {"certificates.a", "policies.p", "thing_groups.g", "thing_types.t", "billing_groups.b"}
WRITTEN_LATER = {
    updated: set(CHANGED_FIELDS),
    without: _USED_BY_THE_THING,
    destroyed: _USED_BY_THE_THING | {"ca_certificates.alpha"},
}
"""By plan, the resources that it writes only after another step, so that an edit can happen during the run."""

CASES = [
    pytest.param(edit, desired, time, id=f"{edit}, {desired.__name__}, {time} the run")
    for edit, desired, time in itertools.product(EDITS, (updated, without, destroyed), ("before", "during"))
    if (desired is updated or not edit.only_removes)
    and (time == "before" or edit.address in WRITTEN_LATER[desired])
]


@pytest.mark.parametrize(("edit", "desired", "time"), CASES)
def test_no_edit_is_overwritten(cloud, edit, desired, time):
    plan = plan_state(desired(edit.address), cloud, destroy=desired is destroyed)
    first_calls_of_others = [
        step.calls[0] for step in plan.steps if not str(step.address).startswith(edit.address)
    ]
    edited_values = []

    def make_edit():
        edit.make(cloud)
        edited_values.append(edit.read(cloud))

    def call(request):
        if request in first_calls_of_others and not edited_values:
            make_edit()
        return cloud.call(request)

    if time == "before":
        make_edit()
    outcomes = apply(plan, SimpleNamespace(call=call), workers=1)
    assert edit.read(cloud) == edited_values[0]
    final_outcomes = {
        str(outcome.change.address).partition(":")[0]: outcome
        for outcome in outcomes
        if outcome.status != "started"
    }
    outcome = final_outcomes[edit.address]
    assert outcome.status in {"applied", "skipped"} or isinstance(outcome.error, StaleError)
