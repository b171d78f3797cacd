"""A device never loses a certificate that other things have when it must become exclusive."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.things import Thing
from reconciler.model.resource import External
from tests.support.desired_states import (
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
from tests.support.one_device import get_device_certificate_arn, get_device_certificate_id

ARN = get_device_certificate_arn()
ID = get_device_certificate_id()


def make_desired(*, exclusive):
    certificate, thing = make_device("a")
    return make_state(make_ca(), certificate, replace(thing, spec=evolve(thing.spec, exclusive=exclusive)))


def attach_to_another_thing(cloud, **params):
    cloud.iot.create_thing(thingName="theirs")
    cloud.iot.attach_thing_principal(thingName="theirs", principal=ARN, **params)


def list_things(cloud):
    return cloud.iot.list_principal_things(principal=ARN)["things"]


def test_a_certificate_that_another_thing_has_cannot_become_exclusive(cloud):
    converge(make_desired(exclusive=False), cloud)
    attach_to_another_thing(cloud)
    assert get_rejection_reasons(make_desired(exclusive=True), cloud) == [
        (
            f"things.a: cannot have the certificate {ID[:12]}… exclusively: things that this workspace does not manage have it too "
            "(theirs); detach it from them first, or set exclusive = false (<memory>:1)"
        )
    ]
    assert list_things(cloud) == ["a", "theirs"]


def test_a_thing_keeps_its_certificate_if_another_thing_gets_it_after_planning(cloud):
    converge(make_desired(exclusive=False), cloud)
    plan = plan_state(make_desired(exclusive=True), cloud)
    attach_to_another_thing(cloud)
    assert list_failures(apply(plan, cloud)) == [
        (
            "failed things.a: things.a: was changed after the plan was made (other_holders); nothing of this step was sent; run "
            "plan again"
        )
    ]
    assert list_things(cloud) == ["a", "theirs"]


def test_a_certificate_of_no_other_thing_becomes_exclusive(cloud):
    converge(make_desired(exclusive=False), cloud)
    converge(make_desired(exclusive=True), cloud)
    assert plan_state(make_desired(exclusive=True), cloud).steps == ()


@pytest.mark.parametrize(
    ("exclusive", "attachment", "problem"),
    [
        (
            True,
            {},
            (
                f"things that this workspace does not manage have the certificate {ID[:12]}… too (theirs), so b cannot have it "
                "exclusively; detach it from them first"
            ),
        ),
        (
            False,
            {"thingPrincipalType": "EXCLUSIVE_THING"},
            (
                f"theirs has the certificate {ID[:12]}… exclusively, and this workspace does not manage that thing; detach it "
                "there first"
            ),
        ),
    ],
)
def test_a_new_thing_gets_a_certificate_only_if_aws_allows_it(cloud, exclusive, attachment, problem):
    make_registered_certificate(cloud)
    attach_to_another_thing(cloud, **attachment)
    thing = make_resource("things", "b", Thing(certificates=(External(ID),), exclusive=exclusive))
    assert get_rejection_reasons(make_state(thing), cloud) == [
        f"things.b: certificates: {problem} (<memory>:1)"
    ]


def make_registered_certificate(cloud):
    certificate, _ = make_device("a")
    cloud.iot.register_certificate_without_ca(certificatePem=certificate.spec.pem.text, status="ACTIVE")
