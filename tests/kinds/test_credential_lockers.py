"""Credential lockers: AWS assigns their ids, so whoever is in one is told the new id in the same plan."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.shared.managed_setup_code import RememberedText
from reconciler.model.address import Address
from reconciler.model.call import Ref
from reconciler.model.change import Replace
from reconciler.model.resource import Live
from tests.support.desired_states import converge, managed, plan_of, resource, state
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    calls_of,
    change_to,
    create_calls,
    delete_calls,
    effective,
    managed_integrations,
    plan_context,
    read,
    scope,
)
from tests.support.registry_client import Cloud

ARN = "arn:aws:iotmanagedintegrations:eu-west-1:123456789012:credential-locker/L1"
GONE = managed_integrations("DeleteCredentialLocker", ignored_errors=NOT_FOUND, Identifier="L1")


def locker(**fields: object):
    return resource("credential_lockers", "a", CredentialLocker(**fields))


def live(name: str = "a", identity: str = "L1", **tags: str) -> Live:
    spec = CredentialLocker(name, tags)
    return Live(identity, spec, owner="ws", arn=ARN, tags={**tags, **OWNERSHIP_TAGS}, declared_name="a")


def without_token(found):
    """The calls without client tokens, and the tokens."""
    tokens = [call.params.get("ClientToken") for call in found]
    plain = [
        evolve(call, params={key: value for key, value in call.params.items() if key != "ClientToken"})
        for call in found
    ]
    return plain, tokens


def test_a_new_one_is_one_call_with_its_marks_and_the_same_token_every_time():
    made, tokens = without_token(create_calls(locker()))
    assert made == [managed_integrations("CreateCredentialLocker", Name="a", Tags=OWNERSHIP_TAGS)]
    assert tokens == without_token(create_calls(locker()))[1]
    assert len(tokens[0]) == 64
    assert tokens != without_token(create_calls(locker(name="other")))[1]


def test_only_the_workspaces_own_are_read():
    details = {
        "L1": {"Id": "L1", "Arn": ARN, "Name": "a", "Tags": {"line": "A", **OWNERSHIP_TAGS}},
        "L2": {"Id": "L2", "Arn": ARN, "Name": "foreign"},
    }
    answers = {
        "ListCredentialLockers": {"Items": [{"Id": "L1"}, {"Id": "L2"}]},
        "GetCredentialLocker": lambda asked: details[asked["Identifier"]],
    }
    assert read("credential_lockers", answers)[0] == [live(line="A")]


def test_only_tags_change_in_place():
    found = change_to(locker(tags={"line": "B"}), live())
    assert calls_of(found) == [managed_integrations("TagResource", ResourceArn=ARN, Tags={"line": "B"})]


def test_another_name_is_another_locker_and_what_was_in_the_old_one_moves_over_before_it_goes():
    device = effective(managed("d", credential_locker="a", capabilities="{}"))
    there = Live("M1", evolve(device.spec, capabilities=RememberedText.of("{}")), owner="ws")
    found = change_to(locker(name="new"), live())
    assert isinstance(found, Replace)
    around = plan_context(
        found.resource,
        device,
        live={"credential_lockers.a": found.live, "managed_things.d": there},
        changes=[found],
    )
    plain, _ = without_token(calls_of(found, around))
    assert plain == [
        managed_integrations("CreateCredentialLocker", Name="new", Tags=OWNERSHIP_TAGS),
        managed_integrations(
            "UpdateManagedThing",
            Identifier="M1",
            Name="d",
            CredentialLockerId=Ref(Address("credential_lockers", "a"), "Id"),
            MetaData={"reconciler:address": "managed_things.d"},
        ),
        GONE,
    ]


def test_of_two_that_a_dead_run_has_left_the_one_that_is_as_wanted_stays():
    wanted = locker(name="new")
    two = [live("old", "L1"), live("new", "L2")]
    assert all_kinds()["credential_lockers"].pair_unmatched([wanted], two, scope(wanted)) == {"L2": "a"}


def test_it_is_deleted_when_nothing_of_the_workspace_is_in_it():
    assert delete_calls("credential_lockers", live()) == [GONE]


@pytest.mark.parametrize("name", ["new", None])
def test_a_device_is_in_the_new_locker_in_the_same_plan(name):
    cloud = Cloud()
    converge(state(locker(name="old"), managed("d", credential_locker="a")), cloud)
    wanted = state(locker(name=name), managed("d", credential_locker="a"))
    converge(wanted, cloud)
    assert plan_of(wanted, cloud).steps == ()
    assert [found["CredentialLockerId"] for found in cloud.content()["managed_things"]] == [name or "a"]
