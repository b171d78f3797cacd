"""Domain configurations."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, START_SECONDS, START_TIME, catch_error, remove_metadata

NAME = {"domainConfigurationName": "devices"}
CERTIFICATE = f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/1"
OWN = {"domainName": "iot.example.com", "serverCertificateArns": [CERTIFICATE]}
AUTHORIZER = {"authorizerConfig": {"defaultAuthorizerName": "tokens", "allowAuthorizerOverride": False}}
INVALID = ("InvalidRequestException", 400)


def describe(iot):
    return remove_metadata(iot.describe_domain_configuration(**NAME))


def create_authorizer(iot):
    function = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:check"
    iot.create_authorizer(authorizerName="tokens", authorizerFunctionArn=function, signingDisabled=True)


def test_a_configuration_is_described_with_the_defaults_of_aws(iot):
    tags = [{"Key": "line", "Value": "A"}]
    created = remove_metadata(iot.create_domain_configuration(**NAME, **OWN, tags=tags))
    arn = created["domainConfigurationArn"]
    assert arn.rpartition("/")[0] == f"arn:aws:iot:eu-west-1:{ACCOUNT}:domainconfiguration/devices"
    assert describe(iot) == {
        **NAME,
        "domainConfigurationArn": arn,
        "domainName": "iot.example.com",
        "domainType": "CUSTOMER_MANAGED",
        "serverCertificates": [{"serverCertificateArn": CERTIFICATE, "serverCertificateStatus": "VALID"}],
        "domainConfigurationStatus": "ENABLED",
        "serviceType": "DATA",
        "lastStatusChangeDate": START_TIME,
        "tlsConfig": {"securityPolicy": "IotSecurityPolicy_TLS13_1_2_2022_10"},
        "serverCertificateConfig": {"enableOCSPCheck": False},
        "authenticationType": "DEFAULT",
        "applicationProtocol": "DEFAULT",
    }
    assert iot.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    for other in (arn[:-1], arn.rpartition("/")[0]):
        error = catch_error(iot.list_tags_for_resource, resourceArn=other)
        assert error == ("ResourceNotFoundException", 404)


def test_a_domain_of_aws_gets_a_name(iot):
    iot.create_domain_configuration(**NAME)
    description = describe(iot)
    assert description["domainType"] == "AWS_MANAGED"
    assert description["domainName"].endswith("-ats.iot.eu-west-1.amazonaws.com")


@pytest.mark.parametrize("member", OWN)
def test_a_domain_and_its_certificate_are_only_set_together(iot, member):
    params = {member: OWN[member]}
    assert catch_error(iot.create_domain_configuration, **NAME, **params) == INVALID


def test_repeating_a_creation_raises_409(iot):
    iot.create_domain_configuration(**NAME, **OWN)
    error = catch_error(iot.create_domain_configuration, **NAME, **OWN)
    assert error == ("ResourceAlreadyExistsException", 409)


def test_only_an_authorizer_that_exists_is_set_and_it_cannot_be_deleted(iot):
    assert catch_error(iot.create_domain_configuration, **NAME, **OWN, **AUTHORIZER) == INVALID
    create_authorizer(iot)
    iot.create_domain_configuration(**NAME, **OWN, **AUTHORIZER)
    iot.update_authorizer(authorizerName="tokens", status="INACTIVE")
    error = catch_error(iot.delete_authorizer, authorizerName="tokens")
    assert error == ("DeleteConflictException", 409)
    assert (
        catch_error(iot.update_domain_configuration, **NAME, **AUTHORIZER, removeAuthorizerConfig=True)
        == INVALID
    )
    iot.update_domain_configuration(**NAME, removeAuthorizerConfig=True)
    assert "authorizerConfig" not in describe(iot)
    iot.delete_authorizer(authorizerName="tokens")


def test_an_update_changes_only_the_members_in_its_request(iot, clock):
    iot.create_domain_configuration(**NAME, **OWN)
    before = describe(iot)
    callback = {"clientCertificateConfig": {"clientCertificateCallbackArn": "arn"}}
    clock.advance(10)
    iot.update_domain_configuration(**NAME, **callback, domainConfigurationStatus="DISABLED")
    changed_at = datetime.fromtimestamp(START_SECONDS + 10, UTC)
    disabled = {**before, "domainConfigurationStatus": "DISABLED", "lastStatusChangeDate": changed_at}
    assert describe(iot) == {**disabled, **callback}
    clock.advance(10)
    iot.update_domain_configuration(
        **NAME,
        clientCertificateConfig={"clientCertificateCallbackArn": ""},
        domainConfigurationStatus="DISABLED",
    )
    assert describe(iot) == disabled


def test_only_a_disabled_configuration_is_deleted(iot):
    iot.create_domain_configuration(**NAME, **OWN)
    assert catch_error(iot.delete_domain_configuration, **NAME) == INVALID
    iot.update_domain_configuration(**NAME, domainConfigurationStatus="DISABLED")
    iot.delete_domain_configuration(**NAME)
    missing = ("ResourceNotFoundException", 404)
    assert catch_error(iot.describe_domain_configuration, **NAME) == missing
    assert (
        catch_error(iot.update_domain_configuration, **NAME, domainConfigurationStatus="ENABLED") == missing
    )
    assert catch_error(iot.delete_domain_configuration, **NAME) == missing


def test_the_configuration_of_a_domain_of_aws_is_deleted_after_seven_days(iot, clock):
    iot.create_domain_configuration(**NAME)
    iot.update_domain_configuration(**NAME, domainConfigurationStatus="DISABLED")
    clock.advance(7 * 86_400 - 1)
    assert catch_error(iot.delete_domain_configuration, **NAME) == INVALID
    clock.advance(1)
    iot.delete_domain_configuration(**NAME)


def test_the_configurations_of_aws_are_listed_and_cannot_be_updated(iot):
    iot.create_domain_configuration(**NAME, **OWN)
    pages = iot.get_paginator("list_domain_configurations").paginate(PaginationConfig={"PageSize": 3})
    names = [[item["domainConfigurationName"] for item in page["domainConfigurations"]] for page in pages]
    assert names == [["iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs"], ["devices"]]
    jobs = iot.list_domain_configurations(serviceType="JOBS")["domainConfigurations"]
    assert [item["domainConfigurationName"] for item in jobs] == ["iot:Jobs"]
    default = {"domainConfigurationName": "iot:Jobs"}
    address = iot.describe_endpoint(endpointType="iot:Jobs")["endpointAddress"]
    description = iot.describe_domain_configuration(**default)
    assert (description["domainType"], description["domainName"]) == ("ENDPOINT", address)
    error = catch_error(iot.update_domain_configuration, **default, domainConfigurationStatus="DISABLED")
    assert error == INVALID
