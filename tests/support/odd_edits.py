"""Edits that other clients make to a workspace's resources, of every kind that AWS can edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.role_aliases import RoleAlias
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import ThingType
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.document import Document
from reconciler.model.settings import DesiredState
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    make_ca,
    make_device,
    make_resource,
    make_state,
)
from tests.support.odd_registry import COGNITO_IDENTITY, TEMPLATE_BODY, TOPIC_RULE_PAYLOAD
from tests.support.pki import compute_certificate_id
from tests.support.registry_client import Cloud

ARN_PREFIX = "arn:aws:iot:eu-west-1:123456789012:"
CA_ID = compute_certificate_id(AUTHORITIES["alpha"].pem)
CERTIFICATE_ID = compute_certificate_id(AUTHORITIES["alpha"].get_device_pem("a"))
CERTIFICATE_ARN = f"{ARN_PREFIX}cert/{CERTIFICATE_ID}"
EMPTY_POLICY = '{"Version":"2012-10-17","Statement":[]}'
INLINE_TEMPLATE = Document.from_value({"Resources": {}})

MakeEdit: TypeAlias = Callable[[Cloud], object]


def make_edited_state(registration_template: Document | str | None) -> DesiredState:
    """Return a desired state with the resources that the edits change; the CA has this template."""
    role_arn = ROLE_ARN if isinstance(registration_template, Document) else None
    return make_state(
        make_ca(registration_template=registration_template, registration_role_arn=role_arn),
        *make_device("a", site="oslo"),
        *make_device("b"),
        make_resource(
            "provisioning_templates", "t", ProvisioningTemplate(INLINE_TEMPLATE, ROLE_ARN, type="JITP")
        ),
        make_resource("thing_groups", "g", ThingGroup(attributes={"floor": "1"})),
        make_resource("dynamic_thing_groups", "d", DynamicThingGroup("thingName:a")),
        make_resource("policies", "p", Policy(Document.parse(EMPTY_POLICY))),
        make_resource("thing_types", "t", ThingType()),
        make_resource("billing_groups", "b", BillingGroup()),
        make_resource("role_aliases", "r", RoleAlias(ROLE_ARN)),
        make_resource("topic_rules", "rule", TopicRule("SELECT * FROM 'a'", ())),
    )


def make_edits(cloud: Cloud, names: list[str]) -> None:
    """Make the named edits in this order; an edit that AWS rejects after an earlier one changes nothing."""
    for name in names:
        with suppress(ClientError):
            EDITS[name](cloud)


def _update_ca(**params: Any) -> MakeEdit:
    return lambda cloud: cloud.iot.update_ca_certificate(certificateId=CA_ID, **params)


def _set_role_alone(cloud: Cloud) -> None:
    _update_ca(removeAutoRegistration=True)(cloud)
    _update_ca(registrationConfig={"roleArn": ROLE_ARN})(cloud)


def _set_certificate_status(status: str) -> MakeEdit:
    """Return an edit to a status that no API operation sets."""

    def edit(cloud: Cloud) -> None:
        with cloud.registry._store.write() as transaction:
            transaction.run("UPDATE certificates SET status = ? WHERE id = ?", status, CERTIFICATE_ID)

    return edit


def _share_exclusively(cloud: Cloud) -> None:
    cloud.iot.detach_thing_principal(thingName="a", principal=CERTIFICATE_ARN)
    cloud.iot.attach_thing_principal(
        thingName="a", principal=CERTIFICATE_ARN, thingPrincipalType="EXCLUSIVE_THING"
    )


def _merge_attributes(attributes: Mapping[str, str]) -> MakeEdit:
    payload = {"attributes": attributes, "merge": True}
    return lambda cloud: cloud.iot.update_thing(thingName="a", attributePayload=payload)


def _edit_group(cloud: Cloud) -> None:
    payload = {"attributes": {"reconciler:odd": "x", "note": "1"}, "merge": True}
    properties = {"thingGroupDescription": " ", "attributePayload": payload}
    cloud.iot.update_thing_group(thingGroupName="g", thingGroupProperties=properties)


def _edit_dynamic_group(cloud: Cloud) -> None:
    properties = {"attributePayload": {"attributes": {"reconciler:odd": "x"}}}
    cloud.iot.update_dynamic_thing_group(
        thingGroupName="d", queryString="thingName:b*", thingGroupProperties=properties
    )


def _add_policy_version(document: str, *, is_default: bool) -> MakeEdit:
    return lambda cloud: cloud.iot.create_policy_version(
        policyName="p", policyDocument=document, setAsDefault=is_default
    )


def _fill_policy_versions(cloud: Cloud) -> None:
    for _ in range(4):
        cloud.iot.create_policy_version(policyName="p", policyDocument=EMPTY_POLICY)


def _propagate_attribute(cloud: Cloud) -> None:
    attributes = [{"userPropertyKey": "k", "thingAttribute": "site"}]
    properties = {"mqtt5Configuration": {"propagatingAttributes": attributes}}
    cloud.iot.update_thing_type(thingTypeName="t", thingTypeProperties=properties)


EDITS: Mapping[str, MakeEdit] = {
    "CA: a role without a template": _set_role_alone,
    "CA: an inline template": _update_ca(
        registrationConfig={"templateBody": TEMPLATE_BODY, "roleArn": ROLE_ARN}
    ),
    "CA: an inline template without a role": _update_ca(registrationConfig={"templateBody": TEMPLATE_BODY}),
    "CA: a named template": _update_ca(registrationConfig={"templateName": "t"}),
    "CA: inactive": _update_ca(newStatus="INACTIVE", newAutoRegistrationStatus="ENABLE"),
    "certificate: pending": _set_certificate_status("PENDING_ACTIVATION"),
    "certificate: a deprecated status": _set_certificate_status("REGISTER_INACTIVE"),
    "certificate: shared": lambda cloud: cloud.iot.attach_thing_principal(
        thingName="b", principal=CERTIFICATE_ARN
    ),
    "certificate: a policy": lambda cloud: cloud.iot.attach_policy(policyName="p", target=CERTIFICATE_ARN),
    "certificate: exclusive": _share_exclusively,
    "thing: a reserved attribute": _merge_attributes({"reconciler:odd": "x"}),
    "thing: no attribute": _merge_attributes({"site": ""}),
    "thing: a type": lambda cloud: cloud.iot.update_thing(thingName="a", thingTypeName="t"),
    "thing: a group": lambda cloud: cloud.iot.add_thing_to_thing_group(thingGroupName="g", thingName="a"),
    "thing: a billing group": lambda cloud: cloud.iot.add_thing_to_billing_group(
        billingGroupName="b", thingName="a"
    ),
    "thing: a Cognito identity": lambda cloud: cloud.iot.attach_thing_principal(
        thingName="a", principal=COGNITO_IDENTITY
    ),
    "group: attributes": _edit_group,
    "group: a policy": lambda cloud: cloud.iot.attach_policy(
        policyName="p", target=f"{ARN_PREFIX}thinggroup/g"
    ),
    "dynamic group: a query": _edit_dynamic_group,
    "policy: a document that no file can declare": _add_policy_version(
        '{"Version":"2012-10-17","Statement":[],"Statement":[]}', is_default=True
    ),
    "policy: one more version": _add_policy_version(f" {EMPTY_POLICY} ", is_default=False),
    "policy: five versions": _fill_policy_versions,
    "policy: a Cognito identity": lambda cloud: cloud.iot.attach_policy(
        policyName="p", target=COGNITO_IDENTITY
    ),
    "policy: no name tag": lambda cloud: cloud.iot.untag_resource(
        resourceArn=f"{ARN_PREFIX}policy/p", tagKeys=["reconciler:name"]
    ),
    "policy: a tag without a value": lambda cloud: cloud.iot.tag_resource(
        resourceArn=f"{ARN_PREFIX}policy/p", tags=[{"Key": "odd", "Value": ""}]
    ),
    "type: deprecated": lambda cloud: cloud.iot.deprecate_thing_type(thingTypeName="t"),
    "type: a propagating attribute": _propagate_attribute,
    "billing group: a description": lambda cloud: cloud.iot.update_billing_group(
        billingGroupName="b", billingGroupProperties={"billingGroupDescription": " "}
    ),
    "role alias: a duration": lambda cloud: cloud.iot.update_role_alias(
        roleAlias="r", credentialDurationSeconds=900
    ),
    "topic rule: actions": lambda cloud: cloud.iot.replace_topic_rule(
        ruleName="rule", topicRulePayload={**TOPIC_RULE_PAYLOAD, "description": ""}
    ),
    "template: a version": lambda cloud: cloud.iot.create_provisioning_template_version(
        templateName="t", templateBody=TEMPLATE_BODY, setAsDefault=True
    ),
    "template: enabled": lambda cloud: cloud.iot.update_provisioning_template(
        templateName="t", enabled=True, description=" "
    ),
}
"""Edits of the resources in `make_edited_state`, by description."""
