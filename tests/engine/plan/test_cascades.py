"""A deletion that takes along what the workspace does not own is rejected unless it is allowed."""

from __future__ import annotations

import pytest

from reconciler.kinds import all_kinds
from reconciler.kinds.authorizers import Authorizer
from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.shared.security_profile_spec import SecurityProfile
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import ThingType
from reconciler.kinds.things import Thing
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import External
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    apply,
    converge,
    get_rejection_reasons,
    list_failures,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.one_device import get_device_certificate_arn
from tests.support.plain_kinds_strategy import FUNCTION_ARN

EMPTY_POLICY = Document.from_value({"Version": "2012-10-17", "Statement": []})
COGNITO_IDENTITY = "eu-west-1:11111111-2222-3333-4444-555555555555"
EMPTY = make_state()


def make_foreign_thing(cloud):
    cloud.iot.create_thing(thingName="theirs")


def make_foreign_policy(cloud):
    document = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iot:*", "Resource": "*"}]}'
    )
    cloud.iot.create_policy(policyName="theirs", policyDocument=document)


def join_group(cloud):
    make_foreign_thing(cloud)
    cloud.iot.add_thing_to_thing_group(thingGroupName="g", thingName="theirs")


def attach_policy(target):
    def attach(cloud):
        make_foreign_policy(cloud)
        cloud.iot.attach_policy(policyName="theirs", target=target)

    return attach


def attach_profile(target):
    def attach(cloud):
        cloud.iot.create_security_profile(securityProfileName="theirs")
        cloud.iot.attach_security_profile(securityProfileName="theirs", securityProfileTargetArn=target)

    return attach


def attach_identity(cloud):
    cloud.iot.attach_thing_principal(thingName="a", principal=COGNITO_IDENTITY)


GROUP_ARN = "arn:aws:iot:eu-west-1:123456789012:thinggroup"
GROUP = make_resource("thing_groups", "g", ThingGroup())
DYNAMIC_GROUP = make_resource("dynamic_thing_groups", "d", DynamicThingGroup("thingName:x"))
DEVICE = (make_ca(), *make_device("a"))
POLICIES = "the attachment of policies that this workspace does not manage (theirs)"
PROFILES = "the attachment of security profiles that this workspace does not manage (theirs)"
ADVICE = "remove that first, or allow it with --allow-cascade"

CASCADES = {
    "thing_groups: members": (
        [GROUP],
        join_group,
        "thing_groups.g",
        "the membership of things that this workspace does not manage (theirs)",
    ),
    "thing_groups: policies": ([GROUP], attach_policy(f"{GROUP_ARN}/g"), "thing_groups.g", POLICIES),
    "thing_groups: security profiles": (
        [GROUP],
        attach_profile(f"{GROUP_ARN}/g"),
        "thing_groups.g",
        PROFILES,
    ),
    "dynamic_thing_groups: security profiles": (
        [DYNAMIC_GROUP],
        attach_profile(f"{GROUP_ARN}/d"),
        "dynamic_thing_groups.d",
        PROFILES,
    ),
    "dynamic_thing_groups: policies": (
        [DYNAMIC_GROUP],
        attach_policy(f"{GROUP_ARN}/d"),
        "dynamic_thing_groups.d",
        POLICIES,
    ),
    "certificates: policies": (
        DEVICE,
        attach_policy(get_device_certificate_arn()),
        "certificates.a",
        POLICIES,
    ),
    "things: principals": (
        DEVICE,
        attach_identity,
        "things.a",
        f"the attachment of principals that are not certificates ({COGNITO_IDENTITY})",
    ),
}
"""Deletions with a cascade: the file, the edit of another client, the address, and the text for what is lost."""

NO_CASCADE = {
    "account.audit": "AWS cannot delete settings",
    "account.default_authorizer": "its authorizer stays",
    "account.encryption": "AWS cannot delete settings",
    "account.events": "AWS cannot delete settings",
    "account.hub": "AWS cannot delete settings",
    "account.indexing": "AWS cannot delete settings",
    "account.logging": "AWS cannot delete settings",
    "account.managed_encryption": "AWS cannot delete settings",
    "account_associations": "registered managed things have a test of their own",
    "authorizers": "a deletion is rejected while a domain configuration refers to it",
    "billing_groups": "a deletion is rejected while other things are in the group",
    "ca_certificates": "its device certificates stay",
    "cloud_connectors": "AWS rejects a deletion while a connector destination uses it",
    "connector_destinations": "AWS rejects a deletion while an account association uses it",
    "credential_lockers": "its managed things keep its ID",
    "certificate_providers": "nothing refers to it",
    "custom_metrics": "AWS rejects a deletion while a security profile uses it",
    "dimensions": "AWS rejects a deletion while a security profile uses it",
    "domain_configurations": "nothing refers to it",
    "event_log_configurations": "nothing refers to it",
    "fleet_metrics": "nothing refers to it",
    "log_levels": "nothing refers to it",
    "managed_destinations": "a deletion is rejected while a notification configuration uses it",
    "managed_things": "a deletion is rejected while the hub controls devices that stay",
    "mitigation_actions": "nothing refers to it",
    "notification_configurations": "nothing refers to it",
    "policies": "a deletion is rejected while the policy is attached",
    "provisioned_things": "it is deleted as a thing and a certificate; updates have a test of their own",
    "job_templates": "jobs keep what they have from it",
    "package_versions": "jobs and job templates keep what they have from it",
    "packages": "a deletion is rejected while it has versions",
    "provisioning_profiles": "nothing refers to it",
    "provisioning_templates": "a deletion is rejected while a CA uses the template",
    "role_aliases": "AWS IoT has no reference to it",
    "scheduled_audits": "nothing refers to it",
    "security_profiles": "nothing refers to it",
    "thing_types": "a deletion is rejected while things have the type",
    "topic_rule_destinations": "topic rules keep its ARN",
    "topic_rules": "nothing refers to it",
}
"""The kinds whose deletion removes nothing of others, and why."""


def test_the_two_tables_have_every_kind():
    cascading = {name.partition(":")[0] for name in CASCADES}
    assert cascading.isdisjoint(NO_CASCADE)
    assert cascading | NO_CASCADE.keys() == all_kinds().keys()


@pytest.mark.parametrize("name", CASCADES)
def test_a_deletion_with_a_cascade_is_rejected_unless_allowed(cloud, name):
    resources, add, address, text = CASCADES[name]
    converge(make_state(*resources), cloud)
    add(cloud)
    reason = f"{address}: cannot delete: AWS would remove with it {text}; {ADVICE}"
    assert get_rejection_reasons(make_state(*resources), cloud, destroy=True) == [reason]
    plan = plan_state(make_state(*resources), cloud, destroy=True, allow_cascade=True)
    notes = [note for note in plan.notes if note.text.startswith("AWS removes")]
    assert [(note.level, str(note.address), note.text) for note in notes] == [
        ("warning", address, f"AWS removes with it {text}")
    ]
    assert list_failures(apply(plan, cloud)) == []


@pytest.mark.parametrize("name", CASCADES)
def test_a_step_stops_if_something_joined_after_planning(cloud, name):
    resources, add, address, _ = CASCADES[name]
    converge(make_state(*resources), cloud)
    plan = plan_state(make_state(*resources), cloud, destroy=True)
    add(cloud)
    failures = list_failures(apply(plan, cloud))
    assert failures[0].startswith(f"failed {address}: {address}: was changed after the plan was made (")


def test_policies_that_the_file_refers_to_do_not_count_as_cascades(cloud):
    make_foreign_policy(cloud)
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))
    policies = (External("theirs"),)
    certificate = make_resource(
        "certificates", "a", Certificate(pem, certificate_mode="SNI_ONLY", policies=policies)
    )
    desired = make_state(certificate, make_resource("thing_groups", "g", ThingGroup(policies=policies)))
    converge(desired, cloud)
    converge(desired, cloud, destroy=True)


def test_own_things_and_policies_do_not_count_as_cascades(cloud):
    policy = make_resource("policies", "p", Policy(EMPTY_POLICY))
    group = make_resource("thing_groups", "g", ThingGroup(policies=("p",)))
    thing = make_resource("things", "a", Thing(thing_groups=("g",)))
    converge(make_state(policy, group, thing), cloud)
    converge(make_state(make_resource("things", "a", Thing())), cloud)


@pytest.mark.parametrize("group", [GROUP, DYNAMIC_GROUP], ids=str)
def test_own_security_profiles_do_not_count_as_cascades(cloud, group):
    profile = SecurityProfile(**{group.address.kind: (group.address.name,)})
    desired = make_state(group, make_resource("security_profiles", "ours", profile))
    converge(desired, cloud)
    kept = make_state(make_resource("security_profiles", "ours", SecurityProfile()))
    converge(kept, cloud)
    converge(desired, cloud)
    converge(desired, cloud, destroy=True)


def test_a_group_is_not_replaced_while_it_has_security_profiles_of_others(cloud):
    parent = make_resource("thing_groups", "top", ThingGroup())
    converge(make_state(parent, GROUP), cloud)
    attach_profile(f"{GROUP_ARN}/g")(cloud)
    moved = make_state(parent, make_resource("thing_groups", "g", ThingGroup(parent="top")))
    assert get_rejection_reasons(moved, cloud) == [
        (
            "thing_groups.g: cannot replace: AWS cannot change a group's parent, and replacing the group would lose "
            f"{PROFILES}; detach them first (<memory>:1)"
        )
    ]


def make_device_state(mode):
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))
    certificate = make_resource("certificates", "a", Certificate(pem, certificate_mode=mode))
    return make_state(make_ca(), certificate, make_resource("things", "a", Thing(certificates=("a",))))


def test_a_certificate_that_is_registered_again_keeps_the_policies_of_others(cloud):
    converge(make_device_state("SNI_ONLY"), cloud)
    attach_policy(get_device_certificate_arn())(cloud)
    converge(make_device_state("DEFAULT"), cloud)
    policies = cloud.iot.list_attached_policies(target=get_device_certificate_arn())["policies"]
    assert [policy["policyName"] for policy in policies] == ["theirs"]


def test_a_certificate_is_not_registered_again_while_things_of_others_have_it(cloud):
    converge(make_device_state("SNI_ONLY"), cloud)
    make_foreign_thing(cloud)
    cloud.iot.attach_thing_principal(thingName="theirs", principal=get_device_certificate_arn())
    assert get_rejection_reasons(make_device_state("DEFAULT"), cloud) == [
        (
            "certificates.a: cannot register the certificate again, as a change of its mode requires: things outside the workspace "
            "would lose it (theirs); detach it from them first (<memory>:1)"
        )
    ]


def make_child_group(cloud):
    cloud.iot.create_thing_group(thingGroupName="theirs", parentGroupName="g")


def join_billing_group(cloud):
    make_foreign_thing(cloud)
    cloud.iot.add_thing_to_billing_group(billingGroupName="b", thingName="theirs")


def use_template(cloud):
    ca = AUTHORITIES["beta"]
    cloud.iot.register_ca_certificate(
        caCertificate=ca.pem, certificateMode="SNI_ONLY", registrationConfig={"templateName": "jitp"}
    )


def use_authorizer(cloud):
    cloud.iot.create_domain_configuration(
        domainConfigurationName="theirs", authorizerConfig={"defaultAuthorizerName": "n"}
    )


def give_type(cloud):
    cloud.iot.create_thing(thingName="theirs", thingTypeName="t")


BETA_ID = Pem.parse(AUTHORITIES["beta"].pem).fingerprint
JITP = ProvisioningTemplate(Document.from_value({"Resources": {}}), ROLE_ARN, type="JITP")
BLOCKED = {
    "thing_groups.g": (
        GROUP,
        make_child_group,
        "it has child groups that this workspace does not manage (theirs); delete these first, or keep the group",
    ),
    "billing_groups.b": (
        make_resource("billing_groups", "b", BillingGroup()),
        join_billing_group,
        (
            "things that this workspace does not manage are in it (theirs); remove them from the group first, or keep it"
        ),
    ),
    "provisioning_templates.jitp": (
        make_resource("provisioning_templates", "jitp", JITP),
        use_template,
        (
            f"CA certificates that this workspace does not manage use it ({BETA_ID[:12]}…); remove it from their "
            "registration config first, or keep it"
        ),
    ),
    "authorizers.n": (
        make_resource("authorizers", "n", Authorizer(FUNCTION_ARN, signing_disabled=True)),
        use_authorizer,
        (
            "domain configurations that this workspace does not manage refer to it (theirs); remove it from them first, "
            "or keep it"
        ),
    ),
    "thing_types.t": (
        make_resource("thing_types", "t", ThingType()),
        give_type,
        (
            "things that this plan does not change have the type (theirs); give them another type first, or keep this one "
            "with deprecated = true"
        ),
    ),
}
"""By address: the resource, what another client does, and why AWS then does not delete the resource."""


@pytest.mark.parametrize("address", BLOCKED)
def test_a_deletion_that_others_block_is_rejected(cloud, address):
    resource, block, problem = BLOCKED[address]
    converge(make_state(resource), cloud)
    block(cloud)
    assert get_rejection_reasons(make_state(resource), cloud, destroy=True) == [
        f"{address}: cannot delete: {problem}"
    ]


def test_a_certificate_that_an_update_deletes_takes_no_policies_of_others_along(cloud):
    device_pem = AUTHORITIES["alpha"].get_device_pem("a")
    template = {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a"}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificatePem": device_pem}},
    }
    provisioned = ProvisionedThing(Document.from_value({"Resources": template}))
    desired = make_state(make_ca(), make_resource("provisioned_things", "p", provisioned))
    converge(desired, cloud)
    other_pem = AUTHORITIES["alpha"].get_device_pem("other")
    response = cloud.iot.register_certificate(certificatePem=other_pem, status="ACTIVE")
    cloud.iot.attach_thing_principal(thingName="a", principal=response["certificateArn"])
    plan = plan_state(desired, cloud)
    attach_policy(response["certificateArn"])(cloud)
    assert get_rejection_reasons(desired, cloud) == [
        f"provisioned_things.p: cannot update: AWS would remove with it {POLICIES}; {ADVICE}"
    ]
    (failure,) = list_failures(apply(plan, cloud))
    assert "was changed after the plan was made (attached)" in failure
    converge(desired, cloud, allow_cascade=True)
