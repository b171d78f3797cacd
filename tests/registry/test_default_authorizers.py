"""The default authorizer of an account and Region."""

from tests.support.direct_client import ACCOUNT, catch_error, remove_metadata

A, B = {"authorizerName": "a"}, {"authorizerName": "b"}
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:check"
MISSING = ("ResourceNotFoundException", 404)
INVALID = ("InvalidRequestException", 400)
CONFLICT = ("DeleteConflictException", 409)


def create(iot, name, **params):
    iot.create_authorizer(**name, authorizerFunctionArn=FUNCTION, signingDisabled=True, **params)


def test_the_default_is_described_like_any_authorizer_until_it_is_cleared(iot):
    create(iot, A)
    assert remove_metadata(iot.set_default_authorizer(**A)) == {
        **A,
        "authorizerArn": f"arn:aws:iot:eu-west-1:{ACCOUNT}:authorizer/a",
    }
    described = remove_metadata(iot.describe_default_authorizer())
    assert described == remove_metadata(iot.describe_authorizer(**A))
    iot.clear_default_authorizer()
    assert catch_error(iot.describe_default_authorizer) == MISSING
    assert catch_error(iot.clear_default_authorizer) == MISSING


def test_only_an_active_authorizer_becomes_the_default_and_only_if_there_is_no_other(iot):
    assert catch_error(iot.set_default_authorizer, **A) == MISSING
    create(iot, A)
    create(iot, B, status="INACTIVE")
    assert catch_error(iot.set_default_authorizer, **B) == INVALID
    iot.update_authorizer(**B, status="ACTIVE")
    iot.set_default_authorizer(**A)
    iot.set_default_authorizer(**A)
    assert catch_error(iot.set_default_authorizer, **B) == ("ResourceAlreadyExistsException", 409)


def test_the_default_can_be_neither_deactivated_nor_deleted(iot):
    create(iot, A)
    iot.set_default_authorizer(**A)
    assert catch_error(iot.update_authorizer, **A, status="INACTIVE") == INVALID
    assert catch_error(iot.delete_authorizer, **A) == INVALID
    iot.clear_default_authorizer()
    iot.update_authorizer(**A, status="INACTIVE")
    iot.delete_authorizer(**A)
    assert catch_error(iot.describe_authorizer, **A) == MISSING
