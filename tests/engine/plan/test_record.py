"""A plan written down: plain values, the same for the same plan, and nothing of a secret."""

from __future__ import annotations

import hashlib
import json
import re

import attrs
import msgspec
import pytest
from attrs import evolve
from hypothesis import given
from msgspec.json import encode

from reconciler.engine.plan import saved
from reconciler.engine.plan.record import compute_digest, to_change_records, to_json_values
from reconciler.kinds.ca_certificates import SignedCode
from reconciler.kinds.shared.managed_thing_spec import WiFiSimpleSetup
from reconciler.model.address import Address
from reconciler.model.call import Ref
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.plan import Target
from reconciler.model.plan_options import PlanOptions
from reconciler.model.resource import NOT_COMPARED, External
from reconciler.model.secret import Secret, walk_secrets
from tests.support.desired_states import (
    AUTHORITIES,
    ca,
    converge,
    desired_states,
    device,
    managed,
    plan_of,
    state,
)
from tests.support.examples import examples
from tests.support.registry_client import TARGET, Cloud

PUMP = Address("things", "pump-1")


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


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
        (Secret("env X", "canary").digest("s"), {"$hash": "3f8b1a4ddb7b2d5a"}),
        ("-----BEGIN PRIVATE KEY-----\ncanary", {"$hash": "3b9d4ebbb4a0a0a0"}),
        (Ref(PUMP, "arn"), {"$ref": {"address": "things.pump-1", "field": "arn"}}),
        (Pem("ab" * 32, "text", "a.pem"), {"$pem": {"fingerprint": "ab" * 32}}),
        (External("x"), {"$external": {"id": "x"}}),
        (NOT_COMPARED, {"$whatever": "(not compared)"}),
        (OutputFile("claim.key", "/tmp/claim.key", "canary"), {"$output": {"name": "claim.key"}}),
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
    ],
)
def test_every_value_has_one_plain_form(value, expected):
    def steady(found):
        return re.sub(r'"\$hash":"[0-9a-f]{16}"', '"$hash":""', json.dumps(found, separators=(",", ":")))

    found = to_json_values(value)
    assert steady(found) == steady(expected)
    assert b"canary" not in msgspec.json.encode(found)


def test_secrets_are_found_inside_of_what_is_known_only_later():
    key = Secret("file ca.key", "canary")
    code = SignedCode(Pem("ab" * 32), key, Ref(PUMP, "registrationCode"))
    assert list(walk_secrets({"a": [code, (key,)], "b": "x"})) == [key, key]


def fleet(site: str):
    return state(ca(), *device("a", site=site), managed("b"))


def test_a_digest_changes_with_everything_that_is_sent_or_was_seen_and_with_nothing_else(cloud):
    converge(fleet("oslo"), cloud)
    (step,) = plan_of(fleet("bergen"), cloud).steps
    same = compute_digest("ws", TARGET, [step])
    moved = evolve(step.change.resource, origin=evolve(step.change.resource.origin, line=99))
    assert compute_digest("ws", TARGET, [evolve(step, change=evolve(step.change, resource=moved))]) == same
    seen = evolve(step.precondition, version=7)
    others = [
        compute_digest("other", TARGET, [step]),
        compute_digest("ws", Target("aws", "eu-west-1", "123456789012"), [step]),
        compute_digest("ws", TARGET, []),
        compute_digest("ws", TARGET, [evolve(step, precondition=seen)]),
        compute_digest("ws", TARGET, [evolve(step, calls=step.calls * 2)]),
        compute_digest("ws", TARGET, [evolve(step, dependencies=frozenset({PUMP}))]),
        compute_digest("ws", TARGET, plan_of(fleet("molde"), cloud).steps),
    ]
    assert len({same, *others}) == len(others) + 1


def test_a_digest_says_nothing_of_what_a_secret_is(cloud):
    """A job that has no secrets gives the digest that the one with them gives."""
    codes = (state(managed("a", "90001")), state(managed("a", "90002")))
    assert len({plan_of(wanted, cloud).digest for wanted in codes}) == 1


def test_a_digest_is_that_of_the_whole_plan_as_one_text(cloud):
    made = plan_of(state(managed("a", "90001"), managed("b", "90002")), cloud)
    said = [
        "ws",
        attrs.asdict(TARGET),
        [evolve(change, origin=None) for change in to_change_records(made.steps)],
    ]
    assert len(made.steps) > 1
    assert (
        compute_digest("ws", TARGET, made.steps) == hashlib.sha256(encode(said, order="sorted")).hexdigest()
    )


@examples(15)
@given(before=desired_states(), after=desired_states())
def test_any_plan_is_written_the_same_twice_and_holds_no_secret(cloud, before, after):
    converge(before, cloud.empty())
    one, other = plan_of(after, cloud), plan_of(after, cloud)
    assert to_change_records(one.steps) == to_change_records(other.steps)
    text = msgspec.json.encode(saved.to_plan_record(one)).decode()
    assert "PRIVATE KEY" not in text
    hidden = {found.value for step in one.steps for call in step.calls for found in walk_secrets(call.params)}
    hidden |= {authority.key_pem.splitlines()[1] for authority in AUTHORITIES.values()}
    assert [word for word in hidden if word and f'"{word}"' in text] == []


def test_a_request_is_written_and_read_back(cloud):
    asked = PlanOptions(
        destroy=True,
        adopt=frozenset({PUMP, Address("things", "a.b")}),
        wave_percent=12.5,
        select=("a", "b"),
        exclude=("c",),
    )
    record = saved.to_plan_record(evolve(plan_of(state(), cloud), options=asked))
    assert record.options["adopt"] == ["things.a.b", "things.pump-1"]
    assert saved.read_options(record) == asked


def test_a_request_with_something_that_is_not_known_is_refused(cloud):
    record = saved.to_plan_record(plan_of(state(), cloud))
    for options in ({**record.options, "prune": True}, {**record.options, "adopt": ["nodot"]}):
        with pytest.raises(saved.PlanRejectedError) as error:
            saved.read_options(evolve(record, options=options))
        assert error.value.reasons == (
            "it was asked for something that this version of reconciler does not know",
        )


def test_of_very_many_differences_some_are_told_and_the_others_counted(cloud):
    wanted = state(ca(), *(found for name in map("d{:02}".format, range(30)) for found in device(name)))
    record = saved.to_plan_record(plan_of(wanted, cloud))
    with pytest.raises(saved.PlanRejectedError) as error:
        saved.check_changes(record, plan_of(state(ca()), cloud))
    assert (len(error.value.reasons), error.value.reasons[-1]) == (21, "and 41 more")
