"""RegisterThing: what a template makes, what it does with what exists, and what stays when it fails."""

import hashlib
import json

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.support import pki
from tests.support.direct_client import ACCOUNT, error_of, without_metadata

from .test_thing_groups import members

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"
INVALID = ("InvalidRequestException", 400)
FAILED = ("ResourceRegistrationFailureException", 400)
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})
CSR = {"CertificateSigningRequest": {"Ref": "CSR"}}


def template(thing=None, certificate=None, policies=(), **sections):
    """Write a template body. A thing or a certificate is (properties, settings) or just properties."""
    resources = {}
    for name, kind, given in (("thing", "Thing", thing), ("certificate", "Certificate", certificate)):
        if given is not None:
            properties, settings = given if isinstance(given, tuple) else (given, None)
            resources[name] = {"Type": f"AWS::IoT::{kind}", "Properties": properties}
            if settings is not None:
                resources[name]["OverrideSettings"] = settings
    for number, properties in enumerate(policies):
        resources[f"policy{number}"] = {"Type": "AWS::IoT::Policy", "Properties": properties}
    return json.dumps({"Resources": resources, **sections})


def declared(*names, **defaults):
    parameters = {name: {"Type": "String"} for name in names}
    parameters.update({name: {"Type": "String", "Default": value} for name, value in defaults.items()})
    return parameters


def attributes_of(iot, thing="pump-7"):
    return iot.describe_thing(thingName=thing)["attributes"]


def status_of(iot, certificate_id):
    return iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"]


@pytest.fixture
def known(iot):
    """What templates refer to: a type, groups, a billing group and a policy."""
    for name in ("pump", "fan"):
        iot.create_thing_type(thingTypeName=name)
    for name in ("hall", "yard"):
        iot.create_thing_group(thingGroupName=name)
    iot.create_billing_group(billingGroupName="acme")
    iot.create_policy(policyName="connect", policyDocument=DOCUMENT)


def test_one_call_makes_a_thing_its_certificate_and_its_policies(iot, known):
    body = template(
        thing={
            "ThingName": {"Ref": "ThingName"},
            "AttributePayload": {"version": "v1", "serialNumber": {"Ref": "SerialNumber"}},
            "ThingTypeName": "pump",
            "ThingGroups": ["hall", "yard"],
            "BillingGroup": "acme",
        },
        certificate={**CSR, "Status": "ACTIVE"},
        policies=[{"PolicyName": "connect"}, {"PolicyDocument": DOCUMENT}],
        Parameters=declared("ThingName", "SerialNumber", "CSR"),
    )
    parameters = {"ThingName": "pump-7", "SerialNumber": "77", "CSR": pki.signing_request("pump-7")}
    made = without_metadata(iot.register_thing(templateBody=body, parameters=parameters))

    hashed = hashlib.sha1(DOCUMENT.encode()).hexdigest().upper()
    certificate_id = hashlib.sha256(pki.der_of(made["certificatePem"])).hexdigest()
    certificate = f"{ARN}cert/{certificate_id}"
    assert made["resourceArns"] == {
        "thing": ARN + "thing/pump-7",
        "certificate": certificate,
        "policy1": f"{ARN}policy/{hashed}",
    }
    described = without_metadata(iot.describe_thing(thingName="pump-7"))
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
    attached = [one["policyName"] for one in iot.list_attached_policies(target=certificate)["policies"]]
    assert attached == ["connect", hashed]
    assert iot.get_policy(policyName=hashed)["policyDocument"] == DOCUMENT
    assert iot.list_thing_principals(thingName="pump-7")["principals"] == [certificate]
    assert (members(iot, "hall"), members(iot, "yard")) == (["pump-7"], ["pump-7"])
    assert status_of(iot, certificate_id) == "ACTIVE"


def test_register_thing_twice_with_one_csr_yields_two_certificates(iot):
    """Fact 23."""
    body = template({"ThingName": "pump-7"}, CSR, Parameters=declared("CSR"))
    parameters = {"CSR": pki.signing_request("pump-7")}

    made = {iot.register_thing(templateBody=body, parameters=parameters)["certificatePem"] for _ in range(2)}

    principals = iot.list_thing_principals(thingName="pump-7")["principals"]
    assert (len(made), len(principals), len(iot.list_certificates()["certificates"])) == (2, 2, 2)


EXISTING = {"ThingName": "pump-7", "AttributePayload": {"a": "1", "b": "2"}, "ThingTypeName": "pump"}
WANTED = {
    "ThingName": "pump-7",
    "AttributePayload": {"b": "3", "c": "4"},
    "ThingTypeName": "fan",
    "ThingGroups": ["yard"],
}


@pytest.fixture
def existing(iot, known):
    iot.register_thing(templateBody=template({**EXISTING, "ThingGroups": ["hall"]}))


@pytest.mark.parametrize(
    ("overrides", "attributes", "kind", "groups"),
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
def test_do_nothing_replace_and_merge_apply_per_listed_property(
    *, iot, existing, overrides, attributes, kind, groups
):
    """Fact 24, what is resolved."""
    iot.register_thing(templateBody=template((WANTED, overrides)))

    described = iot.describe_thing(thingName="pump-7")
    assert (described["attributes"], described["thingTypeName"]) == (attributes, kind)
    assert (members(iot, "hall"), members(iot, "yard")) == groups


@pytest.mark.parametrize("failing", ["AttributePayload", "ThingTypeName", "ThingGroups"])
def test_fail_applies_per_listed_property_before_anything_of_the_thing_is_written(iot, existing, failing):
    """Fact 24, what is refused."""
    settings = {"AttributePayload": "REPLACE", "ThingTypeName": "REPLACE", "ThingGroups": "REPLACE"}
    body = template((WANTED, {**settings, failing: "FAIL"}))

    assert error_of(iot.register_thing, templateBody=body) == FAILED
    described = iot.describe_thing(thingName="pump-7")
    assert (described["attributes"], described["version"]) == ({"a": "1", "b": "2"}, 1)
    assert (members(iot, "hall"), members(iot, "yard")) == (["pump-7"], [])


def test_fail_does_not_mind_what_is_the_same(iot, existing):
    settings = {"AttributePayload": "FAIL", "ThingTypeName": "FAIL", "ThingGroups": "FAIL"}
    iot.register_thing(templateBody=template(({**EXISTING, "ThingGroups": ["hall"]}, settings)))

    assert iot.describe_thing(thingName="pump-7")["version"] == 1


def test_a_missing_parameter_takes_its_default(iot):
    """Fact 25."""
    body = template(
        {"ThingName": {"Ref": "ThingName"}, "AttributePayload": {"site": {"Ref": "Site"}}},
        Parameters=declared("ThingName", Site="WA"),
    )
    iot.register_thing(templateBody=body, parameters={"ThingName": "pump-7"})
    iot.register_thing(templateBody=body, parameters={"ThingName": "pump-8", "Site": "oslo"})

    assert (attributes_of(iot), attributes_of(iot, "pump-8")) == ({"site": "WA"}, {"site": "oslo"})


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [(None, "INACTIVE"), ({"Status": "DO_NOTHING"}, "INACTIVE"), ({"Status": "REPLACE"}, "ACTIVE")],
)
@pytest.mark.parametrize("source", ["CertificateId", "CertificatePem"])
def test_a_certificate_that_exists_is_used(*, iot, ca, device_pem, overrides, expected, source):
    registered = iot.register_certificate(certificatePem=device_pem)
    value = registered["certificateId"] if source == "CertificateId" else device_pem
    made = iot.register_thing(templateBody=template({"ThingName": "pump-7"}, ({source: value}, overrides)))

    assert made["certificatePem"] == device_pem
    assert made["resourceArns"]["certificate"] == registered["certificateArn"]
    assert status_of(iot, registered["certificateId"]) == expected
    failing = template({"ThingName": "pump-7"}, ({source: value, "Status": "INACTIVE"}, {"Status": "FAIL"}))
    iot.update_certificate(certificateId=registered["certificateId"], newStatus="ACTIVE")
    assert error_of(iot.register_thing, templateBody=failing) == FAILED


def test_a_pem_is_registered_by_the_ca_that_is_named(iot, ca, authority, device_pem):
    iot.register_ca_certificate(
        caCertificate=authority.renewed().pem, certificateMode="SNI_ONLY", setAsActive=True
    )
    properties = {"CertificatePem": device_pem, "Status": "INACTIVE"}
    ambiguous = error_of(iot.register_thing, templateBody=template(None, properties))
    named = template(None, {**properties, "CACertificatePem": authority.pem})
    made = iot.register_thing(templateBody=named)

    certificate_id = made["resourceArns"]["certificate"].rpartition("/")[2]
    described = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    assert ambiguous == FAILED
    assert (described["caCertificateId"], described["status"]) == (ca["certificateId"], "INACTIVE")


def test_a_certificate_is_attached_exclusively_when_the_template_says_so(iot):
    certificate = {
        "CertificateSigningRequest": pki.signing_request("a"),
        "ThingPrincipalType": "EXCLUSIVE_THING",
    }
    made = iot.register_thing(templateBody=template({"ThingName": "pump-7"}, certificate))

    assert iot.list_thing_principals_v2(thingName="pump-7")["thingPrincipalObjects"] == [
        {"principal": made["resourceArns"]["certificate"], "thingPrincipalType": "EXCLUSIVE_THING"}
    ]


def test_parameters_come_from_the_certificates_subject(iot, ca, authority):
    oids = {
        "Country": (NameOID.COUNTRY_NAME, "NO"),
        "Organization": (NameOID.ORGANIZATION_NAME, "Acme"),
        "OrganizationalUnit": (NameOID.ORGANIZATIONAL_UNIT_NAME, "Pumps"),
        "DistinguishedNameQualifier": (NameOID.DN_QUALIFIER, "q1"),
        "StateName": (NameOID.STATE_OR_PROVINCE_NAME, "Oslo"),
        "CommonName": (NameOID.COMMON_NAME, "pump-7"),
        "SerialNumber": (NameOID.SERIAL_NUMBER, "s77"),
    }
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in oids.values()])
    pem = authority.issue(subject)
    iot.create_thing_type(thingTypeName="pump")
    prefix = "AWS::IoT::Certificate::"
    names = [prefix + name for name in (*oids, "Id")]
    body = template(
        {
            "ThingName": {"Ref": prefix + "CommonName"},
            "ThingTypeName": "pump",
            "AttributePayload": {name.rpartition(":")[2]: {"Ref": name} for name in names},
        },
        {"CertificatePem": pem},
        Parameters=declared(*names),
    )
    iot.register_thing(templateBody=body)

    expected = {name: value for name, (_, value) in oids.items()}
    assert attributes_of(iot) == {**expected, "Id": hashlib.sha256(pki.der_of(pem)).hexdigest()}
    without = template({"ThingName": {"Ref": prefix + "Country"}}, CSR, Parameters=declared("CSR"))
    code = error_of(iot.register_thing, templateBody=without, parameters={"CSR": pki.signing_request("a")})
    assert (code, len(iot.list_certificates()["certificates"])) == (INVALID, 1)


def test_a_missing_thing_type_fails_and_what_was_made_before_stays(iot):
    body = template({"ThingName": "pump-7", "ThingTypeName": "none"}, CSR, Parameters=declared("CSR"))

    code = error_of(iot.register_thing, templateBody=body, parameters={"CSR": pki.signing_request("a")})

    assert (code, iot.list_things()["things"]) == (FAILED, [])
    assert [one["status"] for one in iot.list_certificates()["certificates"]] == ["ACTIVE"]


@pytest.mark.parametrize(
    ("thing", "policy"),
    [
        ({"ThingName": "pump 7"}, {"PolicyName": "connect"}),
        ({"ThingName": "pump-7", "ThingGroups": ["none"]}, {"PolicyName": "connect"}),
        ({"ThingName": "pump-7", "BillingGroup": "none"}, {"PolicyName": "connect"}),
    ],
)
def test_a_thing_is_made_as_a_whole_or_not_at_all(iot, known, thing, policy):
    body = template(thing, {"CertificateSigningRequest": pki.signing_request("a")}, [policy])

    assert error_of(iot.register_thing, templateBody=body) == FAILED
    assert iot.list_things()["things"] == []
    assert iot.list_targets_for_policy(policyName="connect")["targets"] == []


@pytest.mark.parametrize("policy", [{"PolicyName": "none"}, {"PolicyDocument": "{"}])
def test_a_policy_that_cannot_be_made_leaves_the_thing_and_the_certificate_apart(iot, policy):
    body = template(
        {"ThingName": "pump-7"}, {"CertificateSigningRequest": pki.signing_request("a")}, [policy]
    )

    assert error_of(iot.register_thing, templateBody=body) == FAILED
    assert [one["thingName"] for one in iot.list_things()["things"]] == ["pump-7"]
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
def test_a_certificate_that_cannot_be_had_fails_and_nothing_is_made(iot, certificate):
    body = template({"ThingName": "pump-7"}, certificate)

    assert error_of(iot.register_thing, templateBody=body) == FAILED
    assert (iot.list_things()["things"], iot.list_certificates()["certificates"]) == ([], [])
