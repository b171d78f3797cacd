"""Certificate providers."""

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

NAME = {"certificateProviderName": "factory"}
ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:certificateprovider/factory"
FUNCTION_ARN = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:sign"
PARAMS = {"lambdaFunctionArn": FUNCTION_ARN, "accountDefaultForOperations": ["CreateCertificateFromCsr"]}
DESCRIPTION = {
    **NAME,
    **PARAMS,
    "certificateProviderArn": ARN,
    "creationDate": START_TIME,
    "lastModifiedDate": START_TIME,
}
MISSING = ("ResourceNotFoundException", 404)
TOKEN = "t" * 36


def test_a_certificate_provider_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    created = remove_metadata(iot.create_certificate_provider(**NAME, **PARAMS, tags=tags))
    assert created == {**NAME, "certificateProviderArn": ARN}
    assert remove_metadata(iot.describe_certificate_provider(**NAME)) == DESCRIPTION
    assert iot.list_certificate_providers()["certificateProviders"] == [created]
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_an_update_changes_the_function(iot):
    iot.create_certificate_provider(**NAME, **PARAMS)
    response = iot.update_certificate_provider(**NAME, lambdaFunctionArn=f"{FUNCTION_ARN}-2")
    assert remove_metadata(response) == {**NAME, "certificateProviderArn": ARN}
    assert remove_metadata(iot.describe_certificate_provider(**NAME)) == {
        **DESCRIPTION,
        "lambdaFunctionArn": f"{FUNCTION_ARN}-2",
    }


def test_repeating_a_creation_succeeds_only_with_the_same_token(iot):
    created = remove_metadata(iot.create_certificate_provider(**NAME, **PARAMS, clientToken=TOKEN))
    repeated = iot.create_certificate_provider(**NAME, **PARAMS, clientToken=TOKEN)
    assert remove_metadata(repeated) == created
    error = catch_error(iot.create_certificate_provider, **NAME, **PARAMS)
    assert error == ("ResourceAlreadyExistsException", 409)


def test_a_function_in_another_region_or_account_is_rejected(iot):
    other_region = FUNCTION_ARN.replace("eu-west-1", "us-east-1")
    other_account = FUNCTION_ARN.replace(ACCOUNT, "210987654321")
    invalid = ("InvalidRequestException", 400)
    for arn in (other_region, other_account):
        params = {**NAME, **PARAMS, "lambdaFunctionArn": arn}
        assert catch_error(iot.create_certificate_provider, **params) == invalid
    iot.create_certificate_provider(**NAME, **PARAMS)
    error = catch_error(iot.update_certificate_provider, **NAME, lambdaFunctionArn=other_region)
    assert error == invalid


def test_a_second_certificate_provider_exceeds_the_limit_of_the_account(iot):
    iot.create_certificate_provider(**NAME, **PARAMS)
    other = {"certificateProviderName": "other"}
    error = catch_error(iot.create_certificate_provider, **other, **PARAMS)
    assert error == ("LimitExceededException", 410)
    assert catch_error(iot.describe_certificate_provider, **other) == MISSING


def test_a_deleted_certificate_provider_makes_room_for_another_one(iot):
    iot.create_certificate_provider(**NAME, **PARAMS)
    iot.delete_certificate_provider(**NAME)
    assert iot.list_certificate_providers()["certificateProviders"] == []
    for operation in (iot.delete_certificate_provider, iot.describe_certificate_provider):
        assert catch_error(operation, **NAME) == MISSING
    assert catch_error(iot.update_certificate_provider, **NAME) == MISSING
    iot.create_certificate_provider(**NAME, **PARAMS)
