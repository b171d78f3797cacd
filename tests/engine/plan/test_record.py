"""Records of plans: JSON values, the same for the same plan, without secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs
import msgspec
import pytest
from attrs import evolve
from hypothesis import given
from msgspec.json import encode
from msgspec.structs import replace

from reconciler.engine.plan import saved_plan
from reconciler.engine.plan.record import to_change_records, to_json_values
from reconciler.engine.plan.step_facts import collect_step_facts
from reconciler.kinds.ca_certificates import CaVerification, SignedCode
from reconciler.kinds.shared.managed_setup_code import HashedText, MaterialHash
from reconciler.kinds.shared.managed_thing_spec import WiFiSimpleSetup
from reconciler.model.address import Address
from reconciler.model.call import Ref
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.plan import Step, Target
from reconciler.model.plan_options import PlanOptions
from reconciler.model.resource import NOT_COMPARED, External
from reconciler.model.secret import Secret, walk_secrets
from reconciler.render.json.encode import encode_document
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import (
    AUTHORITIES,
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_state,
    plan_state,
)
from tests.support.examples import examples
from tests.support.registry_client import TARGET

PUMP = Address("things", "pump-1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        ("oslo", "oslo"),
        ("水", "水"),
        ("\ud800", "\\ud800"),
        (("a", ["b"]), ["a", ["b"]]),
        ({"b": 1, "a": {"$x": 2}}, {"a": {"$$x": 2}, "b": 1}),
        (PUMP, "things.pump-1"),
        (Secret("env X", "canary"), {"$secret": "env X"}),
        (Secret("env X", "canary").hash_with_salt("s"), {"$hash": "6c2aa58bf3e277a8"}),
        ("-----BEGIN PRIVATE KEY-----\ncanary", {"$hash": "61b70dfed67dfd44"}),
        (Ref(PUMP, "arn"), {"$ref": {"address": "things.pump-1", "field": "arn"}}),
        (Pem("ab" * 32, b"der", "a.pem"), {"$pem": {"fingerprint": "ab" * 32}}),
        (External("x"), {"$external": {"id": "x"}}),
        (NOT_COMPARED, {"$not_compared": "(not compared)"}),
        (OutputFile("claim.key", "/tmp/claim.key", "canary"), {"$output_file": {"name": "claim.key"}}),
        (Document.from_value({"b": [1], "a": None}), {"$document": {"a": None, "b": [1]}}),
        (
            WiFiSimpleSetup(enable_as_provisioner=True, enable_as_provisionee=False, timeout_in_minutes=5),
            {
                "$simple_setup": {
                    "enable_as_provisioner": True,
                    "enable_as_provisionee": False,
                    "timeout_in_minutes": 5,
                }
            },
        ),
        (HashedText("ab" * 32, "canary"), {"$remembered": {"digest": "ab" * 32}}),
        (
            MaterialHash(Secret("env X", "canary"), "ws/b"),
            {"$remembered_material": {"material": {"$secret": "env X"}, "salt": "ws/b"}},
        ),
        (
            CaVerification(key=Secret("env X", "canary")),
            {"$verification": {"key": {"$secret": "env X"}, "certificate": None}},
        ),
    ],
)
def test_every_value_has_one_json_form(value, expected):
    json_values = to_json_values(value)
    assert json_values == expected
    assert b"canary" not in msgspec.json.encode(json_values)


def compute_digest(workspace: str, target: Target, steps: Sequence[Step]) -> str:
    return collect_step_facts(workspace, target, steps).digest


def test_secrets_are_found_in_deferred_parameters():
    key = Secret("file ca.key", "canary")
    code = SignedCode(Pem("ab" * 32), key, Ref(PUMP, "registrationCode"))
    assert list(walk_secrets({"a": [code, (key,)], "b": "x"})) == [key, key]


def make_fleet(site: str):
    return make_state(make_ca(), *make_device("a", site=site), make_managed_thing("b"))


def test_a_digest_depends_on_workspace_target_and_steps_but_not_on_lines_in_the_file(cloud):
    converge(make_fleet("oslo"), cloud)
    (step,) = plan_state(make_fleet("bergen"), cloud).steps
    digest = compute_digest("ws", TARGET, [step])
    resource_on_another_line = replace(
        step.change.resource, origin=replace(step.change.resource.origin, line=99)
    )
    assert (
        compute_digest(
            "ws", TARGET, [evolve(step, change=evolve(step.change, resource=resource_on_another_line))]
        )
        == digest
    )
    live = evolve(step.precondition, version=7)
    other_digests = [
        compute_digest("another", TARGET, [step]),
        compute_digest("ws", Target("aws", "eu-west-1", "123456789012"), [step]),
        compute_digest("ws", TARGET, []),
        compute_digest("ws", TARGET, [evolve(step, precondition=live)]),
        compute_digest("ws", TARGET, [evolve(step, calls=step.calls * 2)]),
        compute_digest("ws", TARGET, [evolve(step, dependencies=frozenset({PUMP}))]),
        compute_digest("ws", TARGET, plan_state(make_fleet("molde"), cloud).steps),
    ]
    assert len({digest, *other_digests}) == len(other_digests) + 1


def test_a_digest_does_not_depend_on_the_values_of_secrets(cloud):
    """A job without the secrets computes the same digest as the job that has them."""
    states_that_differ_in_a_secret = (
        make_state(make_managed_thing("a", "90001")),
        make_state(make_managed_thing("a", "90002")),
    )
    assert len({plan_state(desired, cloud).digest for desired in states_that_differ_in_a_secret}) == 1


def test_a_digest_is_the_hash_of_the_whole_plan_as_one_json_text(cloud):
    plan = plan_state(make_state(make_managed_thing("a", "90001"), make_managed_thing("b", "90002")), cloud)
    content = [
        "ws",
        attrs.asdict(TARGET),
        [evolve(change, origin=None) for change in to_change_records(plan.steps)],
    ]
    assert len(plan.steps) > 1
    assert (
        compute_digest("ws", TARGET, plan.steps)
        == hashlib.sha256(encode(content, order="sorted")).hexdigest()
    )


@examples(10)
@given(before=desired_states(), after=desired_states())
def test_the_record_of_any_plan_is_reproducible_and_has_no_secret(cloud, before, after):
    converge(before, cloud.reset())
    first_plan, second_plan = plan_state(after, cloud), plan_state(after, cloud)
    assert to_change_records(first_plan.steps) == to_change_records(second_plan.steps)
    text = "".join(encode_document(saved_plan.to_plan_record(first_plan)))
    assert "PRIVATE KEY" not in text
    params = [call.params for step in first_plan.steps for call in step.calls]
    secrets = {secret.value for secret in walk_secrets(params)}
    secrets |= {authority.key_pem.splitlines()[1] for authority in AUTHORITIES.values()}
    assert [secret for secret in secrets if secret and f'"{secret}"' in text] == []


def test_the_options_of_a_plan_are_read_back_from_its_record(cloud):
    options = PlanOptions(
        destroy=True,
        adopt=frozenset({PUMP, Address("things", "a.b")}),
        wave_percent=12.5,
        select=("a", "b"),
        exclude=("c",),
    )
    record = saved_plan.to_plan_record(evolve(plan_state(make_state(), cloud), options=options))
    assert record.options["adopt"] == ["things.a.b", "things.pump-1"]
    assert saved_plan.read_options(record) == options


def test_an_unknown_or_invalid_option_in_a_record_is_rejected(cloud):
    record = saved_plan.to_plan_record(plan_state(make_state(), cloud))
    for options in ({**record.options, "prune": True}, {**record.options, "adopt": ["nodot"]}):
        with pytest.raises(saved_plan.PlanRejectedError) as error:
            saved_plan.read_options(evolve(record, options=options))
        assert error.value.reasons == (
            "the saved plan has options that this version of reconciler does not support; save a new plan",
        )


def test_the_first_differences_are_listed_and_the_others_counted(cloud):
    desired = make_state(
        make_ca(), *(part for name in map("d{:02}".format, range(30)) for part in make_device(name))
    )
    record = saved_plan.to_plan_record(plan_state(desired, cloud))
    with pytest.raises(saved_plan.PlanRejectedError) as error:
        saved_plan.check_changes(record, plan_state(make_state(make_ca()), cloud))
    # 61 steps differ: two for each of the 30 devices, and one for an ownership marker; 20 are listed.
    assert (len(error.value.reasons), error.value.reasons[-1]) == (21, "and 41 more")
