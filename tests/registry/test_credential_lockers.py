"""Credential lockers."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

from .test_managed_things import build_device_params

ARN_PREFIX = f"arn:aws:iotmanagedintegrations:eu-west-1:{ACCOUNT}:credential-locker/"
CONFLICT = ("ConflictException", 409)
MISSING = ("ResourceNotFoundException", 404)


def test_a_locker_is_returned_as_it_was_created(managed):
    created = remove_metadata(managed.create_credential_locker(Name="Hall 1", Tags={"line": "A"}))
    item = {**created, "Name": "Hall 1"}

    assert created == {"Id": created["Id"], "Arn": ARN_PREFIX + created["Id"], "CreatedAt": START_TIME}
    described = remove_metadata(managed.get_credential_locker(Identifier=created["Id"]))
    assert described == {**item, "Tags": {"line": "A"}}
    assert remove_metadata(managed.list_credential_lockers()) == {"Items": [item]}


def test_repeating_a_client_token_creates_no_second_locker(managed):
    """See test_29 in facts/test_provisioning.py; this test covers credential lockers."""
    params = {"Name": "hall", "ClientToken": "t1"}
    first = remove_metadata(managed.create_credential_locker(**params))
    repeated = remove_metadata(managed.create_credential_locker(**params))

    assert repeated == first
    assert len(managed.list_credential_lockers()["Items"]) == 1
    assert catch_error(managed.create_credential_locker, Name="other", ClientToken="t1") == CONFLICT


def test_a_client_token_can_be_used_again_after_its_locker_is_deleted(managed):
    params = {"Name": "hall", "ClientToken": "t1"}
    first = managed.create_credential_locker(**params)["Id"]
    managed.delete_credential_locker(Identifier=first)

    assert managed.create_credential_locker(**params)["Id"] != first


def test_deleting_a_locker_deletes_its_tags(managed):
    arn = managed.create_credential_locker(Tags={"a": "1"})["Arn"]
    managed.tag_resource(ResourceArn=arn, Tags={"b": "2"})
    managed.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert managed.list_tags_for_resource(ResourceArn=arn)["tags"] == {"b": "2"}

    managed.delete_credential_locker(Identifier=arn.rpartition("/")[2])
    assert catch_error(managed.list_tags_for_resource, ResourceArn=arn) == MISSING


def test_a_managed_thing_can_only_be_put_into_an_existing_locker(managed):
    locker = managed.create_credential_locker()["Id"]
    thing = managed.create_managed_thing(**build_device_params(CredentialLockerId=locker))["Id"]
    other = managed.create_credential_locker()["Id"]
    managed.update_managed_thing(Identifier=thing, CredentialLockerId=other)

    assert managed.get_managed_thing(Identifier=thing)["CredentialLockerId"] == other
    assert (
        catch_error(managed.create_managed_thing, **build_device_params("9", CredentialLockerId="none"))
        == MISSING
    )
    assert catch_error(managed.update_managed_thing, Identifier=thing, CredentialLockerId="none") == MISSING


def test_a_managed_thing_keeps_the_id_of_its_deleted_locker(managed):
    locker = managed.create_credential_locker()["Id"]
    thing = managed.create_managed_thing(**build_device_params(CredentialLockerId=locker))["Id"]
    managed.delete_credential_locker(Identifier=locker)

    assert managed.get_managed_thing(Identifier=thing)["CredentialLockerId"] == locker
    assert managed.list_credential_lockers()["Items"] == []


def test_the_error_for_a_missing_locker_has_its_id_and_type(managed):
    for operation in (managed.get_credential_locker, managed.delete_credential_locker):
        with pytest.raises(managed.exceptions.ResourceNotFoundException) as caught:
            operation(Identifier="none")
        response = caught.value.response
        assert (response["ResourceId"], response["ResourceType"]) == ("none", "credential-locker")
