"""AWS's limits count what others have attached or created, so a plan counts it, too."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.shared.certificate_retirement import DENY_ALL
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import ThingType
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.resource import External
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    converge,
    get_rejection_reasons,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.one_device import get_device_certificate_arn

ALPHA = AUTHORITIES["alpha"]
POLICIES = [make_resource("policies", f"p{number:02}", Policy(DENY_ALL)) for number in range(12)]
NAMES = tuple(policy.address.name for policy in POLICIES)
THEIR_NAMES = [f"x{number}" for number in range(9)]


def make_certificate_state(policies, generation=1):
    """Return a state with twelve policies and a device, whose certificate has those of these names."""
    certificate, thing = make_device("a", generation)
    certificate = replace(certificate, spec=evolve(certificate.spec, policies=tuple(policies)))
    return make_state(make_ca(), *POLICIES, certificate, thing)


def make_provisioned_state(policies):
    """Return the same state, with the device from a template."""
    resources = {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a"}},
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificatePem": ALPHA.get_device_pem("a")},
        },
        **{name: {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": name}} for name in policies},
    }
    template = Document.from_value({"Resources": resources})
    return make_state(
        make_ca(), *POLICIES, make_resource("provisioned_things", "a", ProvisionedThing(template))
    )


def attach_their_policies(cloud):
    for name in THEIR_NAMES:
        cloud.iot.create_policy(policyName=name, policyDocument=DENY_ALL.text)
        cloud.iot.attach_policy(policyName=name, target=get_device_certificate_arn())


def describe_excess_policies(subject):
    return (
        f"{subject}: the certificate would have 11 policies at a time, with those that others have attached (x0, x1, x2 and 6 more), "
        "and AWS allows 10; detach some of them first"
    )


@pytest.mark.parametrize("make", [make_certificate_state, make_provisioned_state])
def test_ten_policies_can_change_to_others_in_one_apply(cloud, make):
    converge(make(NAMES[:10]), cloud)
    converge(make(NAMES[2:]), cloud)
    assert plan_state(make(NAMES[2:]), cloud).steps == ()


@pytest.mark.parametrize(
    ("make", "subject"),
    [
        (make_certificate_state, "certificates.a: policies"),
        (make_provisioned_state, "provisioned_things.a: template"),
    ],
)
def test_a_certificate_with_policies_of_others_gets_only_as_many_as_aws_allows(cloud, make, subject):
    converge(make(NAMES[:1]), cloud)
    attach_their_policies(cloud)
    assert get_rejection_reasons(make(NAMES[:2]), cloud) == [
        f"{describe_excess_policies(subject)} (<memory>:1)"
    ]


def test_a_rotation_counts_the_policies_of_others_that_it_copies(cloud):
    converge(make_certificate_state(NAMES[:1]), cloud)
    attach_their_policies(cloud)
    assert get_rejection_reasons(make_certificate_state(NAMES[:2], generation=2), cloud) == [
        f"{describe_excess_policies('certificates.a')} (<memory>:1)"
    ]
    converge(make_certificate_state(NAMES[:1], generation=2), cloud)


def make_their_groups(cloud, count):
    """Create groups of others, and a thing that is in all of them."""
    cloud.iot.create_thing(thingName="t")
    for name in [f"g{number}" for number in range(count)]:
        cloud.iot.create_thing_group(thingGroupName=name)
        cloud.iot.add_thing_to_thing_group(thingGroupName=name, thingName="t")


def make_thing_state(*groups):
    return make_state(
        make_resource("thing_groups", "own", ThingGroup()),
        make_resource("things", "t", Thing(thing_groups=groups)),
    )


@pytest.mark.parametrize(("their_count", "groups", "path"), [(10, (), ""), (9, ("own",), "thing_groups: ")])
def test_a_thing_in_groups_of_others_joins_only_as_many_as_aws_allows(cloud, their_count, groups, path):
    make_their_groups(cloud, their_count)
    reason = (
        f"things.t: {path}the thing would be in 11 groups at a time, with those that the file does not give it (g0, g1, g2 and "
        f"{their_count - 3} more) and the workspace's own, and AWS allows 10; remove it from some of them first (<memory>:1)"
    )
    assert get_rejection_reasons(make_thing_state(*groups), cloud, adopt=[Address("things", "t")]) == [reason]


def test_a_thing_does_not_join_a_group_of_a_hierarchy_that_others_added_it_to(cloud):
    make_their_groups(cloud, 1)
    cloud.iot.create_thing_group(thingGroupName="below", parentGroupName="g0")
    assert get_rejection_reasons(
        make_thing_state(External("below")), cloud, adopt=[Address("things", "t")]
    ) == [
        (
            "things.t: thing_groups: cannot join 'below': others have added the thing to 'g0' of the same hierarchy, and AWS allows "
            "a thing only one group of each hierarchy; remove it from that one first (<memory>:1)"
        )
    ]


def test_a_thing_in_a_dynamic_group_joins_fewer_static_groups(cloud):
    make_their_groups(cloud, 7)
    cloud.iot.create_dynamic_thing_group(thingGroupName="dynamic", queryString="thingName:t")
    converge(make_thing_state("own"), cloud, adopt=[Address("things", "t")])
    cloud.iot.create_thing_group(thingGroupName="outside")
    reasons = get_rejection_reasons(make_thing_state("own", External("outside")), cloud)
    assert len(reasons) == 1
    assert "would be in 11 groups" in reasons[0]


def make_child(name, parent):
    return make_resource("thing_groups", name, ThingGroup(parent=parent))


def test_a_group_with_children_of_others_gets_only_as_many_as_aws_allows(cloud):
    cloud.iot.create_thing_group(thingGroupName="root")
    for number in range(99):
        cloud.iot.create_thing_group(thingGroupName=f"k{number}", parentGroupName="root")
    children = [make_child(name, External("root")) for name in ("a", "b")]
    assert get_rejection_reasons(make_state(*children), cloud) == [
        (
            "thing_groups.b: cannot create: 'root' would have 101 child groups with those of others, and AWS allows 100; choose "
            "another parent (<memory>:1)"
        )
    ]


def test_an_account_with_templates_of_others_gets_only_as_many_as_aws_allows(cloud):
    body = {"templateBody": "{}", "provisioningRoleArn": ROLE_ARN}
    for number in range(256):
        cloud.iot.create_provisioning_template(templateName=f"k{number}", **body)
    template = ProvisioningTemplate(Document.from_value({}), ROLE_ARN)
    assert get_rejection_reasons(
        make_state(make_resource("provisioning_templates", "n", template)), cloud
    ) == [
        (
            "provisioning_templates.n: cannot create: there would be 257 provisioning templates, with those that exist already, and "
            "AWS allows 256; delete some of them first (<memory>:1)"
        )
    ]


def test_an_account_with_dynamic_groups_of_others_gets_only_as_many_as_aws_allows(cloud):
    for number in range(100):
        cloud.iot.create_dynamic_thing_group(thingGroupName=f"k{number}", queryString="thingName:x")
    group = make_resource("dynamic_thing_groups", "n", DynamicThingGroup("thingName:y"))
    assert get_rejection_reasons(make_state(group), cloud) == [
        (
            "dynamic_thing_groups.n: cannot create: there would be 101 dynamic thing groups, with those that exist already, and AWS "
            "allows 100; delete some of them first (<memory>:1)"
        )
    ]


def test_an_account_has_at_most_ten_cas_with_one_subject(cloud):
    other = ALPHA
    for _ in range(10):
        other = other.renew()
        cloud.iot.register_ca_certificate(caCertificate=other.pem, certificateMode="SNI_ONLY")
    assert get_rejection_reasons(make_state(make_ca()), cloud) == [
        (
            "ca_certificates.alpha: pem: there would be 11 CA certificates with this subject, with those that exist already, and AWS "
            "allows 10; delete some of them first (<memory>:1)"
        )
    ]


def make_typed_thing(kind):
    if kind == "things":
        return make_resource("things", "a", Thing(thing_type="t"))
    resources = {"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a", "ThingTypeName": "t"}}}
    return make_resource(kind, "a", ProvisionedThing(Document.from_value({"Resources": resources})))


@pytest.mark.parametrize("kind", ["things", "provisioned_things"])
def test_no_thing_gets_a_type_whose_deprecation_is_ignored(cloud, kind):
    converge(make_state(make_resource("thing_types", "t", ThingType())), cloud)
    cloud.iot.deprecate_thing_type(thingTypeName="t")
    thing_type = make_resource("thing_types", "t", ThingType(), ignore_changes=frozenset({"deprecated"}))
    assert get_rejection_reasons(make_state(thing_type, make_typed_thing(kind)), cloud) == [
        (
            f"{kind}.a: cannot have the type thing_types.t: it is deprecated, and this plan does not change that; choose another "
            "type, or end its deprecation first (<memory>:1)"
        )
    ]
    converge(make_state(make_resource("thing_types", "t", ThingType()), make_typed_thing(kind)), cloud)


@pytest.mark.parametrize("kind", ["things", "provisioned_things"])
def test_no_thing_gets_a_type_that_the_file_deprecates(cloud, kind):
    thing_type = make_resource("thing_types", "t", ThingType(deprecated=True))
    assert get_rejection_reasons(make_state(thing_type, make_typed_thing(kind)), cloud) == [
        f"{kind}.a: cannot have the type thing_types.t, which the file deprecates; choose another type (<memory>:1)"
    ]
