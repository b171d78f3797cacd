"""Hypothesis strategies for accounts with resources of others, and for files that refer to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.kinds.base.schema import get_members
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.event_log_configurations import EventLogConfiguration
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Resource
from reconciler.model.settings import DesiredState
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import AUTHORITIES, ROLE_ARN, make_state
from tests.support.registry_client import Cloud

CA_IDS = {name: Pem.parse(authority.pem).fingerprint for name, authority in AUTHORITIES.items()}
OTHER_PEM = AUTHORITIES["beta"].get_device_pem("other")
ALLOW = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}'
)
MISSING_ID = "ab" * 32

REFERENCES: Mapping[str, list[str]] = {
    "authorizers": ["missing"],
    "packages": ["missing"],
    "package_versions": ["firmware/version/9.9.9"],
    "thing_groups": ["x-root", "x-child", "x-dynamic", "missing"],
    "thing_types": ["x-type", "x-deprecated", "missing"],
    "billing_groups": ["x-billing", "missing"],
    "policies": ["x-policy", "missing"],
    "certificates": [Pem.parse(OTHER_PEM).fingerprint, MISSING_ID],
    "ca_certificates": [*CA_IDS.values(), MISSING_ID],
    "provisioning_templates": ["x-jitp", "x-fleet", "missing"],
    "dynamic_thing_groups": ["x-dynamic", "x-root", "missing"],
    "custom_metrics": ["missing"],
    "dimensions": ["missing"],
    "things": ["x-thing", "missing"],
    "credential_lockers": ["missing"],
    "managed_things": ["missing"],
    "provisioning_profiles": ["missing"],
    "managed_destinations": ["missing"],
    "cloud_connectors": ["missing"],
    "connector_destinations": ["missing"],
}
"""By table: the names and IDs that desired states refer to."""


@frozen
class Account:
    """The parts of an account that differ: indexing, registered CAs with their status, and edits."""

    has_indexing: bool
    ca_status: Mapping[str, str]
    edits: tuple[str, ...]


EDITS: Mapping[str, Any] = {
    "joins a group": lambda iot: iot.add_thing_to_thing_group(thingGroupName="g", thingName="x-thing"),
    "joins a billing group": lambda iot: iot.add_thing_to_billing_group(
        billingGroupName="b", thingName="x-thing"
    ),
    "gets a type": lambda iot: iot.update_thing(thingName="x-thing", thingTypeName="t"),
    "adds a child group": lambda iot: iot.create_thing_group(thingGroupName="x-below", parentGroupName="k"),
    "attaches a policy to a group": lambda iot: iot.attach_policy(
        policyName="x-policy", target="arn:aws:iot:eu-west-1:123456789012:thinggroup/h"
    ),
    "attaches an identity": lambda iot: iot.attach_thing_principal(
        thingName="a", principal="eu-west-1:11111111-2222-3333-4444-555555555555"
    ),
    "takes a certificate": lambda iot: iot.attach_thing_principal(
        thingName="x-thing", principal=iot.list_thing_principals(thingName="a")["principals"][0]
    ),
    "takes a certificate exclusively": lambda iot: iot.attach_thing_principal(
        thingName="x-thing", thingPrincipalType="EXCLUSIVE_THING", principal=_find_other_certificate(iot)
    ),
    "uses a template": lambda iot: iot.update_ca_certificate(
        certificateId=CA_IDS["beta"], registrationConfig={"templateName": "v"}
    ),
}
"""Edits by others; one that the account does not allow changes nothing."""


def _find_other_certificate(iot: Any) -> str:
    response = iot.describe_certificate(certificateId=Pem.parse(OTHER_PEM).fingerprint)
    return str(response["certificateDescription"]["certificateArn"])


def accounts() -> st.SearchStrategy[Account]:
    """Return a strategy for the parts of accounts that differ."""
    statuses = st.dictionaries(
        st.sampled_from(sorted(CA_IDS)), st.sampled_from(["ACTIVE", "ACTIVE", "INACTIVE"])
    )
    edits = st.lists(st.sampled_from(sorted(EDITS)), unique=True, max_size=3).map(tuple)
    return st.builds(Account, st.sampled_from([True, True, False]), statuses, edits)


def fill_account(account: Account, cloud: Cloud) -> None:
    """Create the resources of others, and make their edits as far as the account allows."""
    iot = cloud.iot
    iot.create_thing(thingName="x-thing")
    iot.create_thing_group(thingGroupName="x-root")
    iot.create_thing_group(thingGroupName="x-child", parentGroupName="x-root")
    iot.create_dynamic_thing_group(thingGroupName="x-dynamic", queryString="thingName:x*")
    for name in ("x-type", "x-deprecated"):
        iot.create_thing_type(thingTypeName=name)
    iot.deprecate_thing_type(thingTypeName="x-deprecated")
    iot.create_billing_group(billingGroupName="x-billing")
    iot.create_policy(policyName="x-policy", policyDocument=ALLOW)
    iot.register_certificate_without_ca(certificatePem=OTHER_PEM, status="ACTIVE")
    for template_type, name in (("JITP", "x-jitp"), ("FLEET_PROVISIONING", "x-fleet")):
        iot.create_provisioning_template(
            templateName=name, templateBody="{}", provisioningRoleArn=ROLE_ARN, type=template_type
        )
    registered = {item["certificateId"] for item in iot.list_ca_certificates()["certificates"]}
    for name, status in account.ca_status.items():
        if CA_IDS[name] not in registered:
            iot.register_ca_certificate(
                caCertificate=AUTHORITIES[name].pem,
                certificateMode="SNI_ONLY",
                setAsActive=status == "ACTIVE",
            )
    for edit in account.edits:
        try:
            EDITS[edit](iot)
        except (iot.exceptions.ClientError, IndexError):
            continue
    if not account.has_indexing:
        iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "OFF"})


@st.composite
def dangling_states(draw: st.DrawFn) -> DesiredState:
    """Return a desired state with some references to resources outside it, which may not exist."""
    state = draw(desired_states())
    return make_state(*(_redirect(draw, resource) for resource in state.resources.values()))


def _redirect(draw: st.DrawFn, resource: Resource) -> Resource:
    """Return the resource, sometimes with a reference outside the file in place of one of its others."""
    if not draw(st.booleans()):
        return resource
    spec = resource.spec
    if isinstance(spec, ProvisionedThing):
        return replace(resource, spec=_redirect_template(draw, spec))
    if isinstance(spec, Certificate) and draw(st.booleans()):
        return replace(resource, spec=evolve(spec, ca=None, certificate_mode=None))
    members = [member for member in get_members(type(spec)).values() if member.references]
    if isinstance(spec, EventLogConfiguration):  # only one reference fits its type of resource
        members = [member for member in members if getattr(spec, member.name)]
    if not members:
        return resource
    member = draw(st.sampled_from(members))
    assert member.references
    names = st.sampled_from(REFERENCES[member.references])
    value = getattr(spec, member.name)
    changes: dict[str, Any] = {member.name: External(draw(names))}
    if isinstance(value, tuple):
        outside = draw(st.lists(names, min_size=1, max_size=2, unique=True))
        changes[member.name] = (*value, *map(External, outside))
    if member.name == "ca":
        changes["certificate_mode"] = None
    return replace(resource, spec=evolve(spec, **changes))


def _redirect_template(draw: st.DrawFn, spec: ProvisionedThing) -> ProvisionedThing:
    assert isinstance(spec.template, Document)
    sections: Any = spec.template.value
    properties = sections["Resources"]["thing"]["Properties"]
    name, table = draw(
        st.sampled_from(
            [
                ("ThingTypeName", "thing_types"),
                ("ThingGroups", "thing_groups"),
                ("BillingGroup", "billing_groups"),
            ]
        )
    )
    value = draw(st.sampled_from(REFERENCES[table]))
    properties[name] = [value] if name == "ThingGroups" else value
    return evolve(spec, template=Document.from_value(sections))
