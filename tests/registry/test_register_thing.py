"""RegisterThing: creation, changes of existing resources, and failures."""

import hashlib
import json

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.support import pki
from tests.support.direct_client import ACCOUNT, catch_error, remove_metadata

from .test_thing_groups import list_members

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"
INVALID = ("InvalidRequestException", 400)
FAILED = ("ResourceRegistrationFailureException", 400)
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})
CSR = {"CertificateSigningRequest": {"Ref": "CSR"}}


def build_template(thing=None, certificate=None, policies=(), **sections):
    """Return a template body.

    `thing` and `certificate` are properties, or a pair of properties and override settings. `policies` are the properties
    of each policy, and `sections` are added to the body as they are.
    """
    resources = {}
    for name, kind, value in (("thing", "Thing", thing), ("certificate", "Certificate", certificate)):
        if value is not None:
            properties, settings = value if isinstance(value, tuple) else (value, None)
            resources[name] = {"Type": f"AWS::IoT::{kind}", "Properties": properties}
            if settings is not None:
                resources[name]["OverrideSettings"] = settings
    for number, properties in enumerate(policies):
        resources[f"policy{number}"] = {"Type": "AWS::IoT::Policy", "Properties": properties}
    return json.dumps({"Resources": resources, **sections})


def build_string_parameters(*names, **defaults):
    parameters = {name: {"Type": "String"} for name in names}
    parameters.update({name: {"Type": "String", "Default": value} for name, value in defaults.items()})
    return parameters


def get_attributes(iot, thing="pump-7"):
    return iot.describe_thing(thingName=thing)["attributes"]


def get_status(iot, certificate_id):
    return iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"]


@pytest.fixture
def referenced_resources(iot):
    """The resources that templates refer to: thing types, thing groups, a billing group and a policy."""
    for name in ("pump", "fan"):
        iot.create_thing_type(thingTypeName=name)
    for name in ("hall", "yard"):
        iot.create_thing_group(thingGroupName=name)
    iot.create_billing_group(billingGroupName="acme")
    iot.create_policy(policyName="connect", policyDocument=DOCUMENT)


def test_one_call_creates_a_thing_with_certificate_and_policies(iot, referenced_resources):
    body = build_template(
        thing={
            "ThingName": {"Ref": "ThingName"},
            "AttributePayload": {"version": "v1", "serialNumber": {"Ref": "SerialNumber"}},
            "ThingTypeName": "pump",
            "ThingGroups": ["hall", "yard"],
            "BillingGroup": "acme",
        },
        certificate={**CSR, "Status": "ACTIVE"},
        policies=[{"PolicyName": "connect"}, {"PolicyDocument": DOCUMENT}],
        Parameters=build_string_parameters("ThingName", "SerialNumber", "CSR"),
    )
    parameters = {"ThingName": "pump-7", "SerialNumber": "77", "CSR": pki.make_signing_request("pump-7")}
    registered = remove_metadata(iot.register_thing(templateBody=body, parameters=parameters))

    policy_name = hashlib.sha1(DOCUMENT.encode()).hexdigest().upper()
    certificate_id = hashlib.sha256(pki.to_der(registered["certificatePem"])).hexdigest()
    certificate = f"{ARN}cert/{certificate_id}"
    assert registered["resourceArns"] == {
        "thing": ARN + "thing/pump-7",
        "certificate": certificate,
        "policy1": f"{ARN}policy/{policy_name}",
    }
    described = remove_metadata(iot.describe_thing(thingName="pump-7"))
    described.pop("thingId")
    assert described == {
        "defaultClientId": "pump-7",
        "thingName": "pump-7",
        "thingArn": ARN + "thing/pump-7",
        "thingTypeName": "pump",
        "attributes": {"version": "v1", "serialNumber": "77"},
        "version": 1,
        "billingGroupName": "acme",
    }
    policy_names = [
        policy["policyName"] for policy in iot.list_attached_policies(target=certificate)["policies"]
    ]
    assert policy_names == ["connect", policy_name]
    assert iot.get_policy(policyName=policy_name)["policyDocument"] == DOCUMENT
    assert iot.list_thing_principals(thingName="pump-7")["principals"] == [certificate]
    assert (list_members(iot, "hall"), list_members(iot, "yard")) == (["pump-7"], ["pump-7"])
    assert get_status(iot, certificate_id) == "ACTIVE"


def test_register_thing_twice_with_one_csr_creates_two_certificates(iot):
    """Tested over HTTP too, by test_23 in facts/test_provisioning.py."""
    body = build_template({"ThingName": "pump-7"}, CSR, Parameters=build_string_parameters("CSR"))
    parameters = {"CSR": pki.make_signing_request("pump-7")}

    pems = {iot.register_thing(templateBody=body, parameters=parameters)["certificatePem"] for _ in range(2)}

    principals = iot.list_thing_principals(thingName="pump-7")["principals"]
    assert (len(pems), len(principals), len(iot.list_certificates()["certificates"])) == (2, 2, 2)


EXISTING_PROPERTIES = {
    "ThingName": "pump-7",
    "AttributePayload": {"a": "1", "b": "2"},
    "ThingTypeName": "pump",
}
CHANGED_PROPERTIES = {
    "ThingName": "pump-7",
    "AttributePayload": {"b": "3", "c": "4"},
    "ThingTypeName": "fan",
    "ThingGroups": ["yard"],
}


@pytest.fixture
def existing_thing(iot, referenced_resources):
    iot.register_thing(templateBody=build_template({**EXISTING_PROPERTIES, "ThingGroups": ["hall"]}))


@pytest.mark.parametrize(
    ("overrides", "attributes", "thing_type", "hall_and_yard_members"),
    [
        (None, {"a": "1", "b": "2"}, "pump", (["pump-7"], [])),
        (
            {"AttributePayload": "DO_NOTHING", "ThingTypeName": "DO_NOTHING", "ThingGroups": "DO_NOTHING"},
            {"a": "1", "b": "2"},
            "pump",
            (["pump-7"], []),
        ),
        ({"AttributePayload": "REPLACE"}, {"b": "3", "c": "4"}, "pump", (["pump-7"], [])),
        ({"AttributePayload": "MERGE"}, {"a": "1", "b": "3", "c": "4"}, "pump", (["pump-7"], [])),
        ({"ThingTypeName": "REPLACE"}, {"a": "1", "b": "2"}, "fan", (["pump-7"], [])),
        ({"ThingGroups": "REPLACE"}, {"a": "1", "b": "2"}, "pump", ([], ["pump-7"])),
        ({"ThingGroups": "MERGE"}, {"a": "1", "b": "2"}, "pump", (["pump-7"], ["pump-7"])),
    ],
)
def test_do_nothing_replace_and_merge_apply_per_property(
    *, iot, existing_thing, overrides, attributes, thing_type, hall_and_yard_members
):
    """See test_24 in facts/test_provisioning.py; this test covers all settings but FAIL."""
    iot.register_thing(templateBody=build_template((CHANGED_PROPERTIES, overrides)))

    described = iot.describe_thing(thingName="pump-7")
    assert (described["attributes"], described["thingTypeName"]) == (attributes, thing_type)
    assert (list_members(iot, "hall"), list_members(iot, "yard")) == hall_and_yard_members


@pytest.mark.parametrize("failing_property", ["AttributePayload", "ThingTypeName", "ThingGroups"])
def test_a_difference_in_a_property_with_fail_leaves_the_thing_unchanged(
    iot, existing_thing, failing_property
):
    """See test_24 in facts/test_provisioning.py; this test covers the setting FAIL."""
    settings = {"AttributePayload": "REPLACE", "ThingTypeName": "REPLACE", "ThingGroups": "REPLACE"}
    body = build_template((CHANGED_PROPERTIES, {**settings, failing_property: "FAIL"}))

    assert catch_error(iot.register_thing, templateBody=body) == FAILED
    described = iot.describe_thing(thingName="pump-7")
    assert (described["attributes"], described["version"]) == ({"a": "1", "b": "2"}, 1)
    assert (list_members(iot, "hall"), list_members(iot, "yard")) == (["pump-7"], [])


def test_fail_has_no_effect_if_no_property_differs(iot, existing_thing):
    settings = {"AttributePayload": "FAIL", "ThingTypeName": "FAIL", "ThingGroups": "FAIL"}
    iot.register_thing(
        templateBody=build_template(({**EXISTING_PROPERTIES, "ThingGroups": ["hall"]}, settings))
    )

    assert iot.describe_thing(thingName="pump-7")["version"] == 1


def test_a_missing_parameter_has_its_default(iot):
    """Tested over HTTP too, by test_25 in facts/test_provisioning.py."""
    body = build_template(
        {"ThingName": {"Ref": "ThingName"}, "AttributePayload": {"site": {"Ref": "Site"}}},
        Parameters=build_string_parameters("ThingName", Site="WA"),
    )
    iot.register_thing(templateBody=body, parameters={"ThingName": "pump-7"})
    iot.register_thing(templateBody=body, parameters={"ThingName": "pump-8", "Site": "oslo"})

    assert (get_attributes(iot), get_attributes(iot, "pump-8")) == ({"site": "WA"}, {"site": "oslo"})


@pytest.mark.parametrize(
    ("overrides", "status"),
    [(None, "INACTIVE"), ({"Status": "DO_NOTHING"}, "INACTIVE"), ({"Status": "REPLACE"}, "ACTIVE")],
)
@pytest.mark.parametrize("source", ["CertificateId", "CertificatePem"])
def test_an_existing_certificate_is_used_and_its_status_changes_only_as_overridden(
    *, iot, ca, device_pem, overrides, status, source
):
    registered = iot.register_certificate(certificatePem=device_pem)
    value = registered["certificateId"] if source == "CertificateId" else device_pem
    output = iot.register_thing(
        templateBody=build_template({"ThingName": "pump-7"}, ({source: value}, overrides))
    )

    assert output["certificatePem"] == device_pem
    assert output["resourceArns"]["certificate"] == registered["certificateArn"]
    assert get_status(iot, registered["certificateId"]) == status
    failing_body = build_template(
        {"ThingName": "pump-7"}, ({source: value, "Status": "INACTIVE"}, {"Status": "FAIL"})
    )
    iot.update_certificate(certificateId=registered["certificateId"], newStatus="ACTIVE")
    assert catch_error(iot.register_thing, templateBody=failing_body) == FAILED


def test_a_template_must_contain_the_ca_if_several_could_have_signed_the_certificate(
    iot, ca, authority, device_pem
):
    iot.register_ca_certificate(
        caCertificate=authority.renew().pem, certificateMode="SNI_ONLY", setAsActive=True
    )
    properties = {"CertificatePem": device_pem, "Status": "INACTIVE"}
    body_without_ca = build_template(certificate=properties)
    error_without_ca = catch_error(iot.register_thing, templateBody=body_without_ca)
    body = build_template(certificate={**properties, "CACertificatePem": authority.pem})
    output = iot.register_thing(templateBody=body)

    certificate_id = output["resourceArns"]["certificate"].rpartition("/")[2]
    described = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    assert error_without_ca == FAILED
    assert (described["caCertificateId"], described["status"]) == (ca["certificateId"], "INACTIVE")


def test_the_template_can_attach_the_certificate_exclusively(iot):
    certificate = {
        "CertificateSigningRequest": pki.make_signing_request("a"),
        "ThingPrincipalType": "EXCLUSIVE_THING",
    }
    output = iot.register_thing(templateBody=build_template({"ThingName": "pump-7"}, certificate))

    assert iot.list_thing_principals_v2(thingName="pump-7")["thingPrincipalObjects"] == [
        {"principal": output["resourceArns"]["certificate"], "thingPrincipalType": "EXCLUSIVE_THING"}
    ]


def test_parameters_can_come_from_the_certificates_subject(iot, ca, authority):
    subject_fields = {
        "Country": (NameOID.COUNTRY_NAME, "NO"),
        "Organization": (NameOID.ORGANIZATION_NAME, "Acme"),
        "OrganizationalUnit": (NameOID.ORGANIZATIONAL_UNIT_NAME, "Pumps"),
        "DistinguishedNameQualifier": (NameOID.DN_QUALIFIER, "q1"),
        "StateName": (NameOID.STATE_OR_PROVINCE_NAME, "Oslo"),
        "CommonName": (NameOID.COMMON_NAME, "pump-7"),
        "SerialNumber": (NameOID.SERIAL_NUMBER, "s77"),
    }
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject_fields.values()])
    pem = authority.issue(subject)
    iot.create_thing_type(thingTypeName="pump")
    prefix = "AWS::IoT::Certificate::"
    names = [prefix + name for name in (*subject_fields, "Id")]
    body = build_template(
        {
            "ThingName": {"Ref": prefix + "CommonName"},
            "ThingTypeName": "pump",
            "AttributePayload": {name.rpartition(":")[2]: {"Ref": name} for name in names},
        },
        {"CertificatePem": pem},
        Parameters=build_string_parameters(*names),
    )
    iot.register_thing(templateBody=body)

    expected = {name: value for name, (_, value) in subject_fields.items()}
    assert get_attributes(iot) == {**expected, "Id": hashlib.sha256(pki.to_der(pem)).hexdigest()}
    # The subject of the signing request has no country, so RegisterThing fails before it issues a certificate.
    body_without_country = build_template(
        {"ThingName": {"Ref": prefix + "Country"}}, CSR, Parameters=build_string_parameters("CSR")
    )
    error = catch_error(
        iot.register_thing,
        templateBody=body_without_country,
        parameters={"CSR": pki.make_signing_request("a")},
    )
    assert (error, len(iot.list_certificates()["certificates"])) == (INVALID, 1)


def test_a_missing_thing_type_fails_and_the_certificate_stays(iot):
    body = build_template(
        {"ThingName": "pump-7", "ThingTypeName": "none"}, CSR, Parameters=build_string_parameters("CSR")
    )

    error = catch_error(
        iot.register_thing, templateBody=body, parameters={"CSR": pki.make_signing_request("a")}
    )

    assert (error, iot.list_things()["things"]) == (FAILED, [])
    assert [certificate["status"] for certificate in iot.list_certificates()["certificates"]] == ["ACTIVE"]


@pytest.mark.parametrize(
    "thing",
    [
        {"ThingName": "pump 7"},
        {"ThingName": "pump-7", "ThingGroups": ["none"]},
        {"ThingName": "pump-7", "BillingGroup": "none"},
    ],
)
def test_a_thing_with_an_invalid_property_is_not_created(iot, referenced_resources, thing):
    policy = {"PolicyName": "connect"}
    body = build_template(thing, {"CertificateSigningRequest": pki.make_signing_request("a")}, [policy])

    assert catch_error(iot.register_thing, templateBody=body) == FAILED
    assert iot.list_things()["things"] == []
    assert iot.list_targets_for_policy(policyName="connect")["targets"] == []


@pytest.mark.parametrize("policy", [{"PolicyName": "none"}, {"PolicyDocument": "{"}])
def test_an_invalid_policy_leaves_the_thing_without_its_certificate(iot, policy):
    body = build_template(
        {"ThingName": "pump-7"}, {"CertificateSigningRequest": pki.make_signing_request("a")}, [policy]
    )

    assert catch_error(iot.register_thing, templateBody=body) == FAILED
    assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["pump-7"]
    assert iot.list_thing_principals(thingName="pump-7")["principals"] == []


@pytest.mark.parametrize(
    "certificate",
    [
        {"CertificateId": "a" * 64},
        {"CertificatePem": "pem"},
        {"CertificateSigningRequest": "request"},
        {"CertificateSigningRequest": "x" * 4097},
    ],
)
def test_a_missing_or_invalid_certificate_fails_and_nothing_is_created(iot, certificate):
    body = build_template({"ThingName": "pump-7"}, certificate)

    assert catch_error(iot.register_thing, templateBody=body) == FAILED
    assert (iot.list_things()["things"], iot.list_certificates()["certificates"]) == ([], [])
