"""AWS's fixed limits are checked while the file is validated, each at its boundary."""

from __future__ import annotations

import json

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.kinds import all_kinds
from reconciler.kinds.ca_certificates import CaCertificate
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.shared.provisioning_template import CERTIFICATE, POLICY, THING
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.document import Document
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.pem import Pem
from reconciler.model.resource import External
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    TEMPLATE_RESOURCES,
    evaluate_resources,
    make_resource,
)
from tests.support.kind_driver import list_problems
from tests.support.pki import Authority


def list_joint_problems(*resources):
    """Return the problems of several resources together, by address."""
    desired = evaluate_resources(*resources)
    return {
        str(address): str(problem)
        for kind in all_kinds().values()
        for address, problem in kind.check_together(desired)
    }


def make_attributes(count):
    return {f"a{number}": "x" for number in range(count)}


def make_groups(levels):
    """Return a chain of groups, the deepest one first."""
    groups = [
        make_resource("thing_groups", f"g{level}", ThingGroup(parent=f"g{level - 1}" if level > 1 else None))
        for level in range(1, levels + 1)
    ]
    return groups[::-1]


def make_provisioned_thing(*, attributes=0, groups=0, policies=0, **lifecycle):
    properties = {
        "ThingName": "pump",
        "ThingTypeName": "pump",
        "AttributePayload": make_attributes(attributes),
        "ThingGroups": [f"g{number}" for number in range(groups)],
    }
    resources = {
        "thing": {"Type": THING, "Properties": properties},
        "certificate": {"Type": CERTIFICATE, "Properties": {"CertificateId": "a" * 64}},
        **{
            f"policy{number}": {"Type": POLICY, "Properties": {"PolicyName": f"p{number}"}}
            for number in range(policies)
        },
    }
    template = Document.from_value({"Resources": resources})
    return make_resource("provisioned_things", "p", ProvisionedThing(template), **lifecycle)


def make_thing(**fields):
    return make_resource("things", "a", Thing(**fields))


def make_certificate(policies):
    names = tuple(External(f"p{number}") for number in range(policies))
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))
    return make_resource("certificates", "a", Certificate(pem, certificate_mode="SNI_ONLY", policies=names))


@pytest.mark.parametrize(
    ("at_the_limit", "above_it", "problem"),
    [
        (
            make_thing(attributes=make_attributes(3)),
            make_thing(attributes=make_attributes(4)),
            "attributes: 4 attributes on a thing without a type; expected at most 3, or a thing_type",
        ),
        (
            make_thing(thing_type=External("t"), attributes=make_attributes(50)),
            make_thing(thing_type=External("t"), attributes=make_attributes(51)),
            "attributes: 51 attributes on a thing with a type; expected at most 50",
        ),
        (
            make_thing(attributes=make_attributes(3) | {"empty": ""}),
            make_thing(attributes=make_attributes(51)),
            "attributes: 51 attributes on a thing without a type; expected at most 3",
        ),
        (
            make_thing(attributes={"a": "x" * (47 * 1024 - 1)}),
            make_thing(attributes={"a": "ø" * (24 * 1024)}),
            "attributes: 49,153 bytes of attribute names and values; expected at most 48,128",
        ),
        (
            make_resource("thing_groups", "g", ThingGroup(attributes=make_attributes(50))),
            make_resource("thing_groups", "g", ThingGroup(attributes=make_attributes(51))),
            "attributes: 51 attributes on a thing group; expected at most 50",
        ),
        (
            make_resource(
                "dynamic_thing_groups", "g", DynamicThingGroup("thingName:a", attributes=make_attributes(50))
            ),
            make_resource(
                "dynamic_thing_groups", "g", DynamicThingGroup("thingName:a", attributes=make_attributes(51))
            ),
            "attributes: 51 attributes on a thing group; expected at most 50",
        ),
        (
            make_certificate(10),
            make_certificate(11),
            "policies: 11 policies on a certificate; expected at most 10",
        ),
        (
            make_provisioned_thing(attributes=50),
            make_provisioned_thing(attributes=51),
            "template: 51 attributes on a thing with a type; expected at most 50",
        ),
        (
            make_provisioned_thing(groups=9),
            make_provisioned_thing(groups=10),
            "template: 10 groups and the workspace's own group are more than the 10 that AWS allows; expected at most 9",
        ),
        (
            make_provisioned_thing(groups=8, prevent_destroy=True),
            make_provisioned_thing(groups=9, prevent_destroy=True),
            (
                "template: 9 groups and the workspace's own two groups (the second is for prevent_destroy) are more than the 10 that AWS "
                "allows; expected at most 8"
            ),
        ),
        (
            make_provisioned_thing(policies=10),
            make_provisioned_thing(policies=11),
            "template: 11 policies on a certificate; expected at most 10",
        ),
    ],
)
def test_a_resource_above_one_of_awss_limits_is_a_problem(at_the_limit, above_it, problem):
    assert list_problems(at_the_limit) == []
    assert list_problems(above_it) == [problem]


def test_only_the_first_group_below_the_seventh_level_is_a_problem():
    groups = make_groups(9)
    problems = {group.address.name: list_problems(group, *groups) for group in groups}
    assert {name: text for name, text in problems.items() if text} == {
        "g8": ["parent: 8 levels of thing groups; expected at most 7"]
    }


def test_a_group_with_more_than_100_children_is_a_problem():
    def make_children(count):
        names = [f"c{number}" for number in range(count)]
        return [make_resource("thing_groups", name, ThingGroup(parent="g")) for name in names]

    parent = make_resource("thing_groups", "g", ThingGroup())
    assert list_joint_problems(parent, *make_children(100)) == {}
    assert list_joint_problems(parent, *make_children(101)) == {
        "thing_groups.g": "101 direct child groups; expected at most 100"
    }


def test_more_than_100_dynamic_groups_are_a_problem():
    groups = [
        make_resource("dynamic_thing_groups", f"g{number:03}", DynamicThingGroup("thingName:a"))
        for number in range(101)
    ]
    assert list_joint_problems(*groups[:100]) == {}
    assert list_joint_problems(*groups) == {
        "dynamic_thing_groups.g100": "101 dynamic thing groups; expected at most 100"
    }


def test_more_than_256_provisioning_templates_are_a_problem():
    body = Document.from_value({"Resources": TEMPLATE_RESOURCES})
    spec = ProvisioningTemplate(body, provisioning_role_arn=ROLE_ARN)
    templates = [make_resource("provisioning_templates", f"t{number:03}", spec) for number in range(257)]
    assert list_joint_problems(*templates[:256]) == {}
    assert list_joint_problems(*templates) == {
        "provisioning_templates.t256": "257 provisioning templates; expected at most 256"
    }


def test_more_than_ten_cas_with_one_subject_are_a_problem():
    authority = Authority("one subject")
    cas = []
    for number in range(11):
        spec = CaCertificate(Pem.parse(authority.pem), certificate_mode="SNI_ONLY")
        cas.append(make_resource("ca_certificates", f"ca{number:02}", spec))
        authority = authority.renew()
    other = make_resource("ca_certificates", "z", CaCertificate(Pem.parse(AUTHORITIES["alpha"].pem)))
    assert list_joint_problems(*cas[:10], other) == {}
    assert list_joint_problems(*cas, other) == {
        "ca_certificates.ca10": "pem: 11 CA certificates with the same subject; expected at most 10"
    }


def test_a_template_that_is_too_long_is_one_problem(tmp_path):
    body = json.dumps({"Resources": {}, "Mappings": {"x" * 10_240: {}}})
    (tmp_path / "ca.pem").write_text(AUTHORITIES["alpha"].pem)
    (tmp_path / "body.json").write_text(body)
    path = tmp_path / "desired_state.toml"
    path.write_text(
        f"""[workspace]
name = "ws"
[ca_certificates.a]
pem = {{ file = "ca.pem" }}
certificate_mode = "SNI_ONLY"
registration_template = {{ file = "body.json" }}
registration_role_arn = "{ROLE_ARN}"
[provisioning_templates.t]
body = {{ file = "body.json" }}
provisioning_role_arn = "{ROLE_ARN}"
"""
    )
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(path, constraints=ServiceModelConstraints(), environ={})
    assert [
        (str(problem.address), problem.field, problem.problem) for problem in caught.value.diagnostics
    ] == [
        ("ca_certificates.a", "registration_template", f"{len(body):,} characters"),
        ("provisioning_templates.t", "body", f"{len(body):,} characters"),
    ]
