"""Credential lockers: AWS assigns their IDs, and managed things move to a new one in the same plan."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.shared.managed_setup_code import HashedText
from reconciler.model.address import Address
from reconciler.model.call import Ref
from reconciler.model.change import Replace
from reconciler.model.resource import Live
from tests.support.desired_states import converge, make_managed_thing, make_resource, make_state, plan_state
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    compute_effective_resource,
    list_calls,
    list_create_calls,
    list_delete_calls,
    make_change,
    make_managed_integrations_call,
    make_plan_context,
    make_scope,
    read_kind,
)
from tests.support.registry_client import Cloud

ARN = "arn:aws:iotmanagedintegrations:eu-west-1:123456789012:credential-locker/L1"
DELETE = make_managed_integrations_call("DeleteCredentialLocker", ignored_errors=NOT_FOUND, Identifier="L1")


def make_locker(**fields: object):
    return make_resource("credential_lockers", "a", CredentialLocker(**fields))


def make_live(name: str = "a", identity: str = "L1", **tags: str) -> Live:
    spec = CredentialLocker(name=name, tags=tags)
    return Live(identity, spec, owner="ws", arn=ARN, tags={**tags, **OWNERSHIP_TAGS}, declared_name="a")


def split_tokens(calls):
    """Return the calls without their client tokens, and the tokens."""
    tokens = [call.params.get("ClientToken") for call in calls]
    calls_without_tokens = [
        evolve(call, params={key: value for key, value in call.params.items() if key != "ClientToken"})
        for call in calls
    ]
    return calls_without_tokens, tokens


def test_a_creation_is_one_call_whose_token_depends_on_the_request():
    calls, tokens = split_tokens(list_create_calls(make_locker()))
    assert calls == [make_managed_integrations_call("CreateCredentialLocker", Name="a", Tags=OWNERSHIP_TAGS)]
    assert tokens == split_tokens(list_create_calls(make_locker()))[1]
    assert len(tokens[0]) == 64
    assert tokens != split_tokens(list_create_calls(make_locker(name="other")))[1]


def test_a_read_returns_only_owned_lockers():
    details = {
        "L1": {"Id": "L1", "Arn": ARN, "Name": "a", "Tags": {"line": "A", **OWNERSHIP_TAGS}},
        "L2": {"Id": "L2", "Arn": ARN, "Name": "foreign"},
    }
    responses = {
        "ListCredentialLockers": {"Items": [{"Id": "L1"}, {"Id": "L2"}]},
        "GetCredentialLocker": lambda params: details[params["Identifier"]],
    }
    assert read_kind("credential_lockers", responses)[0] == [make_live(line="A")]


def test_tags_are_updated_in_place():
    change = make_change(make_locker(tags={"line": "B"}), make_live())
    assert list_calls(change) == [
        make_managed_integrations_call("TagResource", ResourceArn=ARN, Tags={"line": "B"})
    ]


def test_a_replacement_moves_the_managed_things_before_it_deletes_the_old_locker():
    device = compute_effective_resource(make_managed_thing("d", credential_locker="a", capabilities="{}"))
    live_device = Live("M1", evolve(device.spec, capabilities=HashedText.from_value("{}")), owner="ws")
    change = make_change(make_locker(name="new"), make_live())
    assert isinstance(change, Replace)
    context = make_plan_context(
        change.resource,
        device,
        live={"credential_lockers.a": change.live, "managed_things.d": live_device},
        changes=[change],
    )
    calls_without_tokens, _ = split_tokens(list_calls(change, context))
    assert calls_without_tokens == [
        make_managed_integrations_call("CreateCredentialLocker", Name="new", Tags=OWNERSHIP_TAGS),
        make_managed_integrations_call(
            "UpdateManagedThing",
            Identifier="M1",
            Name="d",
            CredentialLockerId=Ref(Address("credential_lockers", "a"), "Id"),
            MetaData={"reconciler:address": "managed_things.d"},
        ),
        DELETE,
    ]


def test_after_an_interrupted_replacement_the_locker_closer_to_the_file_is_kept():
    desired = make_locker(name="new")
    live_lockers = [make_live("old", "L1"), make_live("new", "L2")]
    assert all_kinds()["credential_lockers"].pair_unmatched([desired], live_lockers, make_scope(desired)) == {
        "L2": "a"
    }


def test_a_deletion_is_one_call():
    assert list_delete_calls("credential_lockers", make_live()) == [DELETE]


@pytest.mark.parametrize("name", ["new", None])
@pytest.mark.parametrize("tags", [{}, {"line": "B"}], ids=["no other change", "other tags"])
def test_a_managed_thing_is_in_the_new_locker_after_one_plan(name, tags):
    cloud = Cloud()
    converge(make_state(make_locker(name="old"), make_managed_thing("d", credential_locker="a")), cloud)
    desired = make_state(make_locker(name=name), make_managed_thing("d", credential_locker="a", tags=tags))
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()
    # `read_content` has the locker's name in place of its ID; without the field `name`, this is its name in the file, `a`.
    assert [thing["CredentialLockerId"] for thing in cloud.read_content()["managed_things"]] == [name or "a"]
