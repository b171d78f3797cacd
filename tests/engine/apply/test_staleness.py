"""Someone edits a resource after it was planned: the plan never overwrites the edit."""

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
    ROLE_ARN,
    apply,
    converge,
    make_ca,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.registry_client import Cloud

PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))
OTHER_PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("b"))
ARN_PREFIX = "arn:aws:iot:eu-west-1:123456789012:"
CERTIFICATE_ARN = f"{ARN_PREFIX}cert/{PEM.fingerprint}"
ANOTHER_ROLE = "arn:aws:iam::123456789012:role/another"


def make_allow_document(action: str) -> Document:
    return Document.from_value(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )


RESOURCES_BEFORE = [
    make_ca(),
    make_resource("policies", "p", Policy(make_allow_document("iot:Connect"))),
    make_resource("certificates", "a", Certificate(PEM, ca="alpha", policies=("p",))),
    make_resource(
        "thing_types",
        "t",
        ThingType(
            description="Pumps",
            searchable_attributes=(),
            propagating_attributes=(PropagatingAttribute(user_property_key="where", thing_attribute="site"),),
        ),
    ),
    make_resource("billing_groups", "b", BillingGroup(description="Plants")),
    make_resource(
        "thing_groups", "g", ThingGroup(description="Plants", attributes={"floor": "1"}, policies=("p",))
    ),
    make_resource("dynamic_thing_groups", "d", DynamicThingGroup("attributes.site:oslo")),
    make_resource(
        "things",
        "a",
        Thing(
            thing_type="t",
            attributes={"site": "oslo"},
            thing_groups=("g",),
            certificates=("a",),
            billing_group="b",
        ),
    ),
    make_resource("role_aliases", "r", RoleAlias(ROLE_ARN)),
    make_resource(
        "provisioning_templates",
        "v",
        ProvisioningTemplate(
            Document.from_value({"Resources": {}}), provisioning_role_arn=ROLE_ARN, description="One"
        ),
    ),
    make_resource("credential_lockers", "l", CredentialLocker(name="L")),
    make_managed_thing("m", brand="Acme"),
]

CHANGED_FIELDS = {
    "ca_certificates.alpha": {"auto_registration": True},
    "policies.p": {"document": make_allow_document("iot:Publish")},
    "certificates.a": {"status": "INACTIVE"},
    "thing_types.t": {
        "propagating_attributes": (PropagatingAttribute(user_property_key="who", thing_attribute="house"),)
    },
    "billing_groups.b": {"description": "Offices"},
    "thing_groups.g": {"description": "Offices", "attributes": {"floor": "2"}},
    "dynamic_thing_groups.d": {"query_string": "attributes.site:bergen"},
    "things.a": {"attributes": {"site": "bergen"}},
    "role_aliases.r": {"credential_duration_seconds": 900},
    "provisioning_templates.v": {"description": "Two"},
    "credential_lockers.l": {"tags": {"line": "A"}},
    "managed_things.m": {"brand": "Bolt"},
}
"""By address of a resource in `RESOURCES_BEFORE`, new values of the fields that a plan changes in place."""


@frozen
class Edit:
    """An edit by someone else: `make` performs the edit, and `read` reads the edited value."""

    address: str
    description: str
    make: Callable[[Cloud], Any]
    read: Callable[[Cloud], Any]
    only_removes: bool = False
    """Whether the edit only removes something, so that deleting the resource overwrites nothing."""

    def __str__(self) -> str:
        return f"{self.address}: {self.description}"


def describe_thing(cloud):
    return cloud.iot.describe_thing(thingName="a")


def list_principals(cloud, name="a"):
    return sorted(cloud.iot.list_thing_principals(thingName=name)["principals"])


def get_certificate_status(cloud):
    return cloud.iot.describe_certificate(certificateId=PEM.fingerprint)["certificateDescription"]["status"]


def build_policy_reader(target):
    """Return a function that reads which policies a target has, without ownership markers."""
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
    cloud.iot.create_policy(policyName="by-hand", policyDocument=make_allow_document("iot:*").text)
    return "by-hand"


def create_thing(cloud):
    cloud.iot.create_thing(thingName="by-hand")
    return "by-hand"


def get_managed_thing(cloud):
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    return cloud.managed_integrations.get_managed_thing(Identifier=item["Id"])


def build_attribute_update(**values):
    """Return the parameters of an update that sets these attributes and keeps all others."""
    return {"attributePayload": {"attributes": values, "merge": True}}


EDITS = [
    Edit(
        "things.a",
        "an attribute is changed",
        lambda c: c.iot.update_thing(thingName="a", **build_attribute_update(site="rome")),
        lambda c: describe_thing(c)["attributes"],
    ),
    Edit(
        "things.a",
        "an attribute is added",
        lambda c: c.iot.update_thing(thingName="a", **build_attribute_update(note="x")),
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
        lambda c: c.iot.detach_thing_principal(thingName="a", principal=CERTIFICATE_ARN),
        list_principals,
        only_removes=True,
    ),
    Edit(
        "certificates.a",
        "it is revoked",
        lambda c: c.iot.update_certificate(certificateId=PEM.fingerprint, newStatus="REVOKED"),
        get_certificate_status,
    ),
    Edit(
        "certificates.a",
        "a policy is attached",
        lambda c: c.iot.attach_policy(policyName=create_policy(c), target=CERTIFICATE_ARN),
        build_policy_reader(CERTIFICATE_ARN),
    ),
    Edit(
        "certificates.a",
        "its policy is detached",
        lambda c: c.iot.detach_policy(policyName="p", target=CERTIFICATE_ARN),
        build_policy_reader(CERTIFICATE_ARN),
        only_removes=True,
    ),
    Edit(
        "certificates.a",
        "it is attached to another thing",
        lambda c: c.iot.attach_thing_principal(thingName=create_thing(c), principal=CERTIFICATE_ARN),
        lambda c: list_principals(c, "by-hand"),
    ),
    Edit(
        "policies.p",
        "its document is changed",
        lambda c: c.iot.create_policy_version(
            policyName="p", policyDocument=make_allow_document("iot:*").text, setAsDefault=True
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
            thingGroupName="g", thingGroupProperties=build_attribute_update(note="x")
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


FIRST_POLICY = make_resource("policies", "first", Policy(make_allow_document("iot:Receive")))


def build_updated_state(address: str) -> DesiredState:
    """Return the state in which the resource is changed in place after `FIRST_POLICY` is created."""

    def change_resource(resource):
        if str(resource.address) != address:
            return resource
        return evolve(
            resource,
            spec=evolve(resource.spec, **CHANGED_FIELDS[address]),
            dependencies=resource.dependencies | {FIRST_POLICY.address},
        )

    return make_state(FIRST_POLICY, *map(change_resource, RESOURCES_BEFORE))


def build_state_without(address: str) -> DesiredState:
    """Return the state without the resource and its dependents."""
    deleted_addresses: set[Address] = set()
    dependents = {Address.parse(address)}
    while dependents:
        deleted_addresses |= dependents
        dependents = {
            item.address for item in RESOURCES_BEFORE if item.dependencies & deleted_addresses
        } - deleted_addresses
    return make_state(*(item for item in RESOURCES_BEFORE if item.address not in deleted_addresses))


def build_whole_state(_address: str) -> DesiredState:
    """Return the state with every resource; the test plans to destroy it."""
    return make_state(*RESOURCES_BEFORE)


@pytest.fixture(scope="module")
def _cloud():
    return Cloud()


@pytest.fixture
def cloud(_cloud):
    converge(make_state(*RESOURCES_BEFORE), _cloud.reset())
    return _cloud


_USED_BY_THE_THING = {"certificates.a", "policies.p", "thing_groups.g", "thing_types.t", "billing_groups.b"}
WRITTEN_LATER = {
    build_updated_state: set(CHANGED_FIELDS),
    build_state_without: _USED_BY_THE_THING,
    build_whole_state: _USED_BY_THE_THING | {"ca_certificates.alpha"},
}
"""By the function that builds the state, the resources that its plan writes only after another step.

An edit of these can happen during the run.
"""

CASES = [
    pytest.param(edit, build_state, time, id=f"{edit}, {build_state.__name__}, {time} the run")
    for edit, build_state, time in itertools.product(EDITS, WRITTEN_LATER, ("before", "during"))
    if (build_state is build_updated_state or not edit.only_removes)
    and (time == "before" or edit.address in WRITTEN_LATER[build_state])
]


@pytest.mark.parametrize(("edit", "build_state", "time"), CASES)
def test_an_edit_made_after_the_plan_is_not_overwritten(cloud, edit, build_state, time):
    plan = plan_state(build_state(edit.address), cloud, destroy=build_state is build_whole_state)
    # The address of a certificate that is not in the file is `certificates.a:` and a part of its ID.
    first_calls_of_other_steps = [
        step.calls[0] for step in plan.steps if not str(step.address).startswith(edit.address)
    ]
    edited_values = []

    def make_edit():
        edit.make(cloud)
        edited_values.append(edit.read(cloud))

    def call(request):
        if request in first_calls_of_other_steps and not edited_values:
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
