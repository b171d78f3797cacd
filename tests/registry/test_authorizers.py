"""Authorizers."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, START_SECONDS, START_TIME, catch_error, remove_metadata

NAME = {"authorizerName": "tokens"}
ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:authorizer/tokens"
PARAMS = {
    "authorizerFunctionArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:check",
    "tokenKeyName": "token",
    "tokenSigningPublicKeys": {"k": "KEY"},
}
DESCRIPTION = {
    **NAME,
    **PARAMS,
    "authorizerArn": ARN,
    "status": "ACTIVE",
    "signingDisabled": False,
    "enableCachingForHttp": False,
    "creationDate": START_TIME,
    "lastModifiedDate": START_TIME,
}
INVALID = ("InvalidRequestException", 400)


def describe(iot):
    return iot.describe_authorizer(**NAME)["authorizerDescription"]


def test_an_authorizer_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    created = remove_metadata(iot.create_authorizer(**NAME, **PARAMS, tags=tags))
    assert created == {**NAME, "authorizerArn": ARN}
    assert describe(iot) == DESCRIPTION
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_an_update_changes_only_the_members_in_its_request(iot, clock):
    iot.create_authorizer(**NAME, **PARAMS)
    clock.advance(10)
    changes = {"status": "INACTIVE", "tokenSigningPublicKeys": {"new": "KEY"}}
    iot.update_authorizer(**NAME, **changes)
    modified_at = datetime.fromtimestamp(START_SECONDS + 10, UTC)
    assert describe(iot) == {**DESCRIPTION, **changes, "lastModifiedDate": modified_at}


def test_repeating_a_creation_raises_409(iot):
    iot.create_authorizer(**NAME, **PARAMS)
    error = catch_error(iot.create_authorizer, **NAME, **PARAMS)
    assert error == ("ResourceAlreadyExistsException", 409)


@pytest.mark.parametrize("missing", ["tokenKeyName", "tokenSigningPublicKeys"])
def test_signing_needs_a_token_key_and_public_keys(iot, missing):
    params = {name: value for name, value in PARAMS.items() if name != missing}
    assert catch_error(iot.create_authorizer, **NAME, **params) == INVALID
    iot.create_authorizer(**NAME, **params, signingDisabled=True)


def test_the_public_keys_of_an_authorizer_with_signing_cannot_be_removed(iot):
    iot.create_authorizer(**NAME, **PARAMS)
    assert catch_error(iot.update_authorizer, **NAME, tokenSigningPublicKeys={}) == INVALID


def test_only_an_inactive_authorizer_is_deleted_with_its_tags(iot):
    iot.create_authorizer(**NAME, **PARAMS, tags=[{"Key": "line", "Value": "A"}])
    assert catch_error(iot.delete_authorizer, **NAME) == INVALID
    iot.update_authorizer(**NAME, status="INACTIVE")
    iot.delete_authorizer(**NAME)
    missing = ("ResourceNotFoundException", 404)
    assert catch_error(iot.describe_authorizer, **NAME) == missing
    assert catch_error(iot.update_authorizer, **NAME, status="ACTIVE") == missing
    assert catch_error(iot.delete_authorizer, **NAME) == missing
    iot.create_authorizer(**NAME, **PARAMS)
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == []


def list_names(iot, **params):
    pages = iot.get_paginator("list_authorizers").paginate(PaginationConfig={"PageSize": 2}, **params)
    return [[item["authorizerName"] for item in page["authorizers"]] for page in pages]


def test_authorizers_are_listed_in_pages_by_status_and_age(iot):
    for number in range(3):
        status = "INACTIVE" if number == 1 else "ACTIVE"
        iot.create_authorizer(authorizerName=f"a{number}", **PARAMS, status=status)
    assert list_names(iot) == [["a2", "a1"], ["a0"]]
    assert list_names(iot, ascendingOrder=True) == [["a0", "a1"], ["a2"]]
    assert list_names(iot, status="ACTIVE") == [["a2", "a0"]]
