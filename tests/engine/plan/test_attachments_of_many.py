"""The attachments of many certificates are read with few calls, and with the same result."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from reconciler.engine.plan.refresh import refresh
from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.shared.certificate_attachment_reads import read_policies_of_many, read_things_of_many
from reconciler.kinds.shared.principal_reads import read_policies_of, read_things_of
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_ca,
    make_device,
    make_state,
)
from tests.support.registry_client import Cloud

DEVICES = 25
STATE = make_state(
    make_ca(), *(resource for number in range(DEVICES) for resource in make_device(f"d{number:02}"))
)
POLICY = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def arns(cloud) -> dict[str, str]:
    """A fleet's certificates by ID; someone has added a thing and a policy to two of them."""
    converge(STATE, cloud)
    listed = cloud.list_all(cloud.iot, "list_certificates", "certificates")
    arns = {item["certificateId"]: item["certificateArn"] for item in listed}
    first, second, *_ = arns.values()
    cloud.iot.create_policy(policyName="other", policyDocument=POLICY)
    cloud.iot.create_thing(thingName="other")
    for arn in (first, second):
        cloud.iot.attach_policy(policyName="other", target=arn)
        cloud.iot.attach_thing_principal(thingName="other", principal=arn)
    return arns


@pytest.fixture
def scope(cloud, arns) -> Scope:
    live = refresh(STATE, cloud.call, lambda *_: None).live
    return Scope("ws", {}, {"things": [live[address] for address in live if address.kind == "things"]})


def run(reading: Read[Any], cloud: Cloud) -> tuple[Any, int]:
    """Return what a read returns, and the number of its calls."""
    count, responses = 0, None
    while True:
        try:
            batch = next(reading) if responses is None else reading.send(responses)
        except StopIteration as end:
            return end.value, count
        count += len(batch)
        responses = [cloud.call(call) for call in batch]


def test_policies_are_read_from_their_targets(cloud, arns):
    expected, _ = run(read_policies_of(arns), cloud)
    policies, count = run(read_policies_of_many(arns), cloud)

    assert policies == expected
    assert sum("other" in names for names in policies.values()) == 2
    assert count == 3  # the policies, and the targets of the two


def test_things_are_read_from_those_outside_the_workspace(cloud, arns, scope):
    expected, _ = run(read_things_of(arns), cloud)
    things, count = run(read_things_of_many(arns, scope), cloud)

    assert things == expected
    assert sum("other" in names for names in things.values()) == 2
    assert count == 2  # the things, and the principals of the other one


def test_each_certificate_is_read_in_an_account_with_many_policies_and_things(cloud, arns, scope):
    for number in range(3):
        cloud.iot.create_policy(policyName=f"more-{number}", policyDocument=POLICY)
        cloud.iot.create_thing(thingName=f"more-{number}")
    _, policy_count = run(read_policies_of_many(arns), cloud)
    _, thing_count = run(read_things_of_many(arns, scope), cloud)

    assert (policy_count, thing_count) == (1 + DEVICES, 1 + DEVICES)


def test_each_certificate_is_read_if_the_principals_of_things_may_be_remembered(cloud, arns, scope):
    _, count = run(read_things_of_many(arns, evolve(scope, may_remember=True)), cloud)

    assert count == DEVICES


def test_few_certificates_are_read_one_by_one(cloud, arns, scope):
    some_arns = dict([*arns.items()][:19])
    _, policy_count = run(read_policies_of_many(some_arns), cloud)
    _, thing_count = run(read_things_of_many(some_arns, scope), cloud)

    assert (policy_count, thing_count) == (19, 19)


def test_a_destroy_keeps_the_certificates_of_a_thing_outside_the_workspace(cloud, arns):
    names_by_id = {
        resource.spec.pem.fingerprint: str(address)
        for address, resource in STATE.resources.items()
        if address.kind == "certificates"
    }
    kept = sorted(names_by_id[identity] for identity in [*arns][:2])

    reasons = get_rejection_reasons(STATE, cloud, destroy=True, allow={"delete": "100%"}, allow_cascade=True)

    users = ", ".join(kept)
    problem = f"cannot delete: still used after this plan by {users}; remove that reference first"
    assert reasons == [f"ca_certificates.alpha: {problem}"]
