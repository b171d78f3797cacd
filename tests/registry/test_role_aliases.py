"""Role aliases."""

from datetime import UTC, datetime

from tests.support.direct_client import ACCOUNT, START_SECONDS, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:rolealias/"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/camera"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/other"
MISSING = ("ResourceNotFoundException", 404)


def describe(iot, name="camera"):
    return iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]


def test_a_role_alias_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    created = remove_metadata(iot.create_role_alias(roleAlias="camera", roleArn=ROLE, tags=tags))
    assert created == {"roleAlias": "camera", "roleAliasArn": ARN + "camera"}
    assert describe(iot) == {
        "roleAlias": "camera",
        "roleAliasArn": ARN + "camera",
        "roleArn": ROLE,
        "owner": ACCOUNT,
        "credentialDurationSeconds": 3600,
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME,
    }
    assert iot.list_tags_for_resource(resourceArn=ARN + "camera")["tags"] == tags


def test_an_update_changes_only_the_members_in_its_request(iot, clock):
    iot.create_role_alias(roleAlias="camera", roleArn=ROLE, credentialDurationSeconds=900)
    clock.advance(10)
    iot.update_role_alias(roleAlias="camera", roleArn=OTHER_ROLE)
    description = describe(iot)
    updated = remove_metadata(iot.update_role_alias(roleAlias="camera", credentialDurationSeconds=1800))

    assert updated == {"roleAlias": "camera", "roleAliasArn": ARN + "camera"}
    assert (description["roleArn"], description["credentialDurationSeconds"]) == (OTHER_ROLE, 900)
    assert describe(iot) == {**description, "credentialDurationSeconds": 1800}
    assert description["lastModifiedDate"] == datetime.fromtimestamp(START_SECONDS + 10, UTC)


def test_repeating_a_creation_raises_409(iot):
    params = {"roleAlias": "camera", "roleArn": ROLE}
    iot.create_role_alias(**params)

    assert catch_error(iot.create_role_alias, **params) == ("ResourceAlreadyExistsException", 409)


def test_role_aliases_are_listed_in_descending_order_by_default(iot):
    for name in ("b", "a", "c"):
        iot.create_role_alias(roleAlias=name, roleArn=ROLE)

    assert iot.list_role_aliases()["roleAliases"] == ["c", "b", "a"]
    assert iot.list_role_aliases(ascendingOrder=True)["roleAliases"] == ["a", "b", "c"]


def test_deleting_a_role_alias_deletes_its_tags(iot):
    iot.create_role_alias(roleAlias="camera", roleArn=ROLE, tags=[{"Key": "line", "Value": "A"}])
    iot.delete_role_alias(roleAlias="camera")
    error = catch_error(iot.describe_role_alias, roleAlias="camera")
    iot.create_role_alias(roleAlias="camera", roleArn=ROLE)

    assert (error, iot.list_tags_for_resource(resourceArn=ARN + "camera")["tags"]) == (MISSING, [])


def test_operations_on_a_missing_role_alias_raise_resource_not_found(iot):
    for operation in (iot.describe_role_alias, iot.update_role_alias, iot.delete_role_alias):
        assert catch_error(operation, roleAlias="none") == MISSING
