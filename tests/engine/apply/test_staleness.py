"""Somebody else edits what a plan is about, after it was made: no such edit is ever overwritten, and none is silent."""

from __future__ import annotations

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
    plan_of,
    resource,
    state,
)
from tests.support.registry_client import Cloud

PEM = Pem.parse(AUTHORITIES["alpha"].device("a"))
OTHER = Pem.parse(AUTHORITIES["alpha"].device("b"))
ACCOUNT = "arn:aws:iot:eu-west-1:123456789012:"
ARN, OTHER_ARN = f"{ACCOUNT}cert/{PEM.fingerprint}", f"{ACCOUNT}cert/{OTHER.fingerprint}"
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

CHANGED = {
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
"""What a plan makes of each, by an update in place."""


@frozen
class Edit:
    """What somebody does, and where it shows."""

    address: str
    description: str
    do: Callable[[Cloud], Any]
    see: Callable[[Cloud], Any]
    takes: bool = False
    """Whether it takes something away, of which nothing is lost when the rest goes too."""

    def __str__(self) -> str:
        return f"{self.address}: {self.description}"


def thing(cloud):
    return cloud.iot.describe_thing(thingName="a")


def principals(cloud, name="a"):
    return sorted(cloud.iot.list_thing_principals(thingName=name)["principals"])


def certificate(cloud):
    return cloud.iot.describe_certificate(certificateId=PEM.fingerprint)["certificateDescription"]["status"]


def attached(target):
    return lambda cloud: sorted(
        policy["policyName"]
        for policy in cloud.iot.list_attached_policies(target=target)["policies"]
        if not policy["policyName"].startswith("reconciler-")
    )


def tags(arn):
    return lambda cloud: {
        tag["Key"]: tag["Value"] for tag in cloud.iot.list_tags_for_resource(resourceArn=arn)["tags"]
    }


def by_hand(cloud):
    cloud.iot.create_policy(policyName="by-hand", policyDocument=allow("iot:*").text)
    return "by-hand"


def another(cloud):
    cloud.iot.create_thing(thingName="by-hand")
    return "by-hand"


def of_managed(cloud):
    (listed,) = cloud.managed_integrations.list_managed_things()["Items"]
    return cloud.managed_integrations.get_managed_thing(Identifier=listed["Id"])


def attributes(**values):
    return {"attributePayload": {"attributes": values, "merge": True}}


EDITS = [
    Edit(
        "things.a",
        "an attribute is changed",
        lambda c: c.iot.update_thing(thingName="a", **attributes(site="rome")),
        lambda c: thing(c)["attributes"],
    ),
    Edit(
        "things.a",
        "an attribute is added",
        lambda c: c.iot.update_thing(thingName="a", **attributes(note="x")),
        lambda c: thing(c)["attributes"],
    ),
    Edit(
        "things.a",
        "its type is taken",
        lambda c: c.iot.update_thing(thingName="a", removeThingType=True),
        lambda c: thing(c).get("thingTypeName"),
        takes=True,
    ),
    Edit(
        "things.a",
        "another certificate is attached",
        lambda c: c.iot.attach_thing_principal(
            thingName="a",
            principal=c.iot.register_certificate_without_ca(certificatePem=OTHER.text)["certificateArn"],
        ),
        principals,
    ),
    Edit(
        "things.a",
        "its certificate is detached",
        lambda c: c.iot.detach_thing_principal(thingName="a", principal=ARN),
        principals,
        takes=True,
    ),
    Edit(
        "certificates.a",
        "it is revoked",
        lambda c: c.iot.update_certificate(certificateId=PEM.fingerprint, newStatus="REVOKED"),
        certificate,
    ),
    Edit(
        "certificates.a",
        "a policy is attached",
        lambda c: c.iot.attach_policy(policyName=by_hand(c), target=ARN),
        attached(ARN),
    ),
    Edit(
        "certificates.a",
        "its policy is detached",
        lambda c: c.iot.detach_policy(policyName="p", target=ARN),
        attached(ARN),
        takes=True,
    ),
    Edit(
        "certificates.a",
        "another thing gets it",
        lambda c: c.iot.attach_thing_principal(thingName=another(c), principal=ARN),
        lambda c: principals(c, "by-hand"),
    ),
    Edit(
        "policies.p",
        "it allows something else",
        lambda c: c.iot.create_policy_version(
            policyName="p", policyDocument=allow("iot:*").text, setAsDefault=True
        ),
        lambda c: Document.parse(c.iot.get_policy(policyName="p")["policyDocument"]),
    ),
    Edit(
        "policies.p",
        "a tag is added",
        lambda c: c.iot.tag_resource(resourceArn=f"{ACCOUNT}policy/p", tags=[{"Key": "by", "Value": "hand"}]),
        tags(f"{ACCOUNT}policy/p"),
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
        lambda c: c.iot.update_thing_group(thingGroupName="g", thingGroupProperties=attributes(note="x")),
        lambda c: c.iot.describe_thing_group(thingGroupName="g")["thingGroupProperties"]["attributePayload"],
    ),
    Edit(
        "thing_groups.g",
        "a policy is attached",
        lambda c: c.iot.attach_policy(policyName=by_hand(c), target=f"{ACCOUNT}thinggroup/g"),
        attached(f"{ACCOUNT}thinggroup/g"),
    ),
    Edit(
        "thing_types.t",
        "what propagates is changed",
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
        "it stands for another role",
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
            Identifier=of_managed(c)["Id"], Brand="By hand"
        ),
        lambda c: of_managed(c)["Brand"],
    ),
    Edit(
        "managed_things.m",
        "a tag is added",
        lambda c: c.managed_integrations.tag_resource(ResourceArn=of_managed(c)["Arn"], Tags={"by": "hand"}),
        lambda c: of_managed(c)["Tags"],
    ),
]


FIRST = resource("policies", "first", Policy(allow("iot:Receive")))


def updated(address: str) -> DesiredState:
    """It is changed in place, after something else."""

    def change(resource):
        if str(resource.address) != address:
            return resource
        return evolve(
            resource,
            spec=evolve(resource.spec, **CHANGED[address]),
            dependencies=resource.dependencies | {FIRST.address},
        )

    return state(FIRST, *map(change, BEFORE))


def without(address: str) -> DesiredState:
    """Without it, and without what needs it."""
    deleted = {Address.parse(address)}
    while more := {item.address for item in BEFORE if item.dependencies & deleted} - deleted:
        deleted |= more
    return state(*(item for item in BEFORE if item.address not in deleted))


def destroyed(address: str) -> DesiredState:
    return state(*BEFORE)


@pytest.fixture(scope="module")
def _cloud():
    return Cloud()


@pytest.fixture
def cloud(_cloud):
    converge(state(*BEFORE), _cloud.reset())
    return _cloud


_USED = {"certificates.a", "policies.p", "thing_groups.g", "thing_types.t", "billing_groups.b"}
AFTER_THE_THING = {updated: set(CHANGED), without: _USED, destroyed: _USED | {"ca_certificates.alpha"}}
"""What is written only when something else has been."""

CASES = [
    pytest.param(
        edit, wanted, early, id=f"{edit}, {wanted.__name__}, {'before' if early else 'during'} the run"
    )
    for edit in EDITS
    for wanted in (updated, without, destroyed)
    for early in (True, False)
    if wanted is updated or not edit.takes
    if early or edit.address in AFTER_THE_THING[wanted]
]


@pytest.mark.parametrize(("edit", "wanted", "early"), CASES)
def test_no_edit_is_overwritten(cloud, edit, wanted, early):
    plan = plan_of(wanted(edit.address), cloud, destroy=wanted is destroyed)
    others = [step.calls[0] for step in plan.steps if not str(step.address).startswith(edit.address)]
    states = []

    def meddle():
        edit.do(cloud)
        states.append(edit.see(cloud))

    def call(request):
        if request in others and not states:
            meddle()
        return cloud.call(request)

    if early:
        meddle()
    outcomes = apply(plan, SimpleNamespace(call=call), workers=1)
    assert edit.see(cloud) == states[0]
    ended = {
        str(outcome.change.address).partition(":")[0]: outcome
        for outcome in outcomes
        if outcome.status != "started"
    }
    mine = ended[edit.address]
    assert mine.status in {"applied", "skipped"} or isinstance(mine.error, StaleError)
