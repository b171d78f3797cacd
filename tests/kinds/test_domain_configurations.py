"""Domain configurations: found by name, disabled before they are deleted."""

from __future__ import annotations

import datetime

import pytest
from attrs import evolve

from reconciler.kinds.authorizers import Authorizer
from reconciler.kinds.domain_configurations import (
    KIND,
    ClientCertificateConfig,
    DomainConfiguration,
    DomainConfigurationFacts,
    ServerCertificateConfig,
    TlsConfig,
)
from reconciler.model.address import Address
from reconciler.model.change import Delete, Replace
from reconciler.model.resource import External, Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    list_problems,
    make_change,
    make_iot_call,
    make_plan_context,
    make_tag_list,
    read_kind,
)

ARN = build_arn("domainconfiguration/a/x1y2z")
OWN_DOMAIN_FACTS = DomainConfigurationFacts(is_aws_managed=False, changed_at=None)
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:check"
NAME = {"domainConfigurationName": "a"}
OWN = DomainConfiguration("iot.example.com", (CERTIFICATE,))
DESCRIPTION = {
    **NAME,
    "domainConfigurationArn": ARN,
    "domainName": "iot.example.com",
    "domainType": "CUSTOMER_MANAGED",
    "domainConfigurationStatus": "ENABLED",
    "serverCertificates": [{"serverCertificateArn": CERTIFICATE, "serverCertificateStatus": "VALID"}],
    "serviceType": "DATA",
    "tlsConfig": {"securityPolicy": "TLS13"},
}
DISABLE = make_iot_call(
    "UpdateDomainConfiguration", **NAME, domainConfigurationStatus="DISABLED", ignored_errors=NOT_FOUND
)
DELETE = make_iot_call("DeleteDomainConfiguration", **NAME, ignored_errors=NOT_FOUND)
CREATE = make_iot_call(
    "CreateDomainConfiguration",
    **NAME,
    domainName="iot.example.com",
    serverCertificateArns=[CERTIFICATE],
    tags=make_tag_list(OWNERSHIP_TAGS),
)


def make_live(spec: DomainConfiguration, facts: DomainConfigurationFacts = OWN_DOMAIN_FACTS) -> Live:
    return Live("a", spec, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS}, facts=facts)


def make_configuration(spec: DomainConfiguration):
    return make_resource("domain_configurations", "a", spec)


def read(*desired, **members):
    responses = {
        "ListDomainConfigurations": {
            "domainConfigurations": [
                {**NAME, "domainConfigurationArn": ARN},
                {"domainConfigurationName": "iot:Jobs", "domainConfigurationArn": build_arn("x/iot:Jobs")},
            ]
        },
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "DescribeDomainConfiguration": {**DESCRIPTION, **members},
    }
    return read_kind("domain_configurations", responses, *desired)


def test_a_creation_sends_only_what_differs_from_the_defaults_of_aws():
    assert list_create_calls(make_configuration(OWN)) == [CREATE]


def test_a_new_configuration_is_disabled_in_a_second_call():
    assert list_create_calls(make_configuration(evolve(OWN, status="DISABLED"))) == [CREATE, DISABLE]


def test_an_authorizer_of_the_file_or_outside_it_is_sent_by_name():
    config = {"defaultAuthorizerName": "tokens", "allowAuthorizerOverride": False}
    arn = build_arn("authorizer/tokens")
    for authorizer in ("tokens", External("tokens"), External(arn)):
        (call,) = list_create_calls(make_configuration(evolve(OWN, authorizer=authorizer)))
        assert call.params["authorizerConfig"] == config


def test_the_configurations_of_aws_are_not_read():
    live_resources, operations = read()
    assert live_resources == [make_live(evolve(OWN, tls_config=TlsConfig("TLS13")))]
    assert operations.count("DescribeDomainConfiguration") == 1


def test_tls_settings_that_the_file_does_not_have_are_not_compared():
    assert read(make_configuration(OWN))[0] == [make_live(OWN)]


def test_an_authorizer_of_another_client_cannot_be_overridden_by_default():
    (live,), _ = read(make_configuration(OWN), authorizerConfig={"defaultAuthorizerName": "tokens"})
    assert live.spec == evolve(OWN, authorizer=External("tokens"), allow_authorizer_override=False)


def test_the_name_of_a_domain_that_aws_manages_is_not_part_of_the_spec():
    (live,), _ = read(
        make_configuration(DomainConfiguration()), domainType="AWS_MANAGED", serverCertificates=[]
    )
    assert live.spec == DomainConfiguration()


def test_an_update_sends_only_the_changed_fields():
    live = make_live(evolve(OWN, authorizer="tokens", allow_authorizer_override=False))
    after = evolve(
        OWN,
        status="DISABLED",
        server_certificate_config=ServerCertificateConfig(enable_ocsp_check=True),
        application_protocol="SECURE_MQTT",
        authentication_type="CUSTOM_AUTH",
    )
    assert list_calls(make_change(make_configuration(after), live)) == [
        make_iot_call(
            "UpdateDomainConfiguration",
            **NAME,
            domainConfigurationStatus="DISABLED",
            serverCertificateConfig={"enableOCSPCheck": True},
            applicationProtocol="SECURE_MQTT",
            authenticationType="CUSTOM_AUTH",
            removeAuthorizerConfig=True,
        )
    ]


def test_a_removed_callback_is_emptied():
    live = make_live(evolve(OWN, client_certificate_config=ClientCertificateConfig(FUNCTION)))
    (call,) = list_calls(make_change(make_configuration(OWN), live))
    assert call.params == {**NAME, "clientCertificateConfig": {"clientCertificateCallbackArn": ""}}


def test_a_deletion_disables_an_enabled_configuration_first():
    assert list_delete_calls("domain_configurations", make_live(OWN)) == [DISABLE, DELETE]
    assert list_delete_calls("domain_configurations", make_live(evolve(OWN, status="DISABLED"))) == [DELETE]


def test_another_server_certificate_replaces_the_configuration():
    live = make_live(evolve(OWN, server_certificate_arns=(f"{CERTIFICATE}2",)))
    change = make_change(make_configuration(OWN), live)
    assert isinstance(change, Replace)
    assert list_calls(change) == [DISABLE, DELETE, CREATE]


def test_a_certificate_without_a_domain_and_a_domain_without_one_are_problems():
    assert list_problems(make_configuration(DomainConfiguration("iot.example.com"))) == [
        (
            "server_certificate_arns: missing: a domain of your own needs a server certificate; expected the ARN of a "
            "certificate in AWS Certificate Manager"
        )
    ]
    spec = DomainConfiguration(None, (CERTIFICATE,), CERTIFICATE)
    problem = "AWS has the certificate of a domain that it manages; expected no certificate, or a domain_name"
    assert list_problems(make_configuration(spec)) == [
        f"server_certificate_arns: {problem}",
        f"validation_certificate_arn: {problem}",
    ]


def test_a_protocol_that_the_authentication_does_not_work_with_is_a_problem():
    spec = evolve(OWN, authentication_type="AWS_SIGV4", application_protocol="SECURE_MQTT")
    assert list_problems(make_configuration(spec)) == [
        "application_protocol: clients cannot authenticate with AWS_SIGV4 over SECURE_MQTT; expected MQTT_WSS or HTTPS or DEFAULT"
    ]


RULE = "cannot delete: AWS deletes the configuration of a domain that it manages only after 7 days in status DISABLED"
NOW = datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize(
    ("status", "age", "advice"),
    [
        ("ENABLED", 9, 'set status = "DISABLED", apply, and delete it after that time'),
        ("DISABLED", 5, f"delete it after {NOW + datetime.timedelta(days=2):%Y-%m-%d %H:%M} UTC"),
        ("DISABLED", 8, None),
    ],
)
def test_the_configuration_of_a_domain_of_aws_is_deleted_only_after_seven_days(status, age, advice):
    facts = DomainConfigurationFacts(is_aws_managed=True, changed_at=NOW - datetime.timedelta(days=age))
    live = make_live(DomainConfiguration(status=status), facts)
    errors = list_plan_errors(Delete(Address("domain_configurations", "a"), live))
    assert errors == ([f"{RULE}; {advice}"] if advice else [])


def test_an_authorizer_that_a_configuration_refers_to_is_not_replaced():
    before = Authorizer(FUNCTION, signing_disabled=True)
    after = make_resource("authorizers", "n", Authorizer(FUNCTION, "token", {"k": "KEY"}))
    change = make_change(after, Live("n", before, owner="ws", tags=OWNERSHIP_TAGS))
    live = {"authorizers.n": change.live, "domain_configurations.a": make_live(evolve(OWN, authorizer="n"))}
    assert list_plan_errors(change, make_plan_context(after, live=live, changes=[change])) == [
        (
            "cannot replace: still used after this plan by domain_configurations.a; remove that reference first, or declare the "
            "new one under another name and refer to that"
        )
    ]


def test_a_replacement_warns_that_devices_cannot_connect():
    live = make_live(evolve(OWN, server_certificate_arns=(f"{CERTIFICATE}2",)))
    change = make_change(make_configuration(OWN), live)
    assert list(KIND.plan_warnings(change)) == [
        "devices cannot connect to the domain between the deletion of the old configuration and the creation of the new one"
    ]
