"""The facts that AWS documents and clients rely on, in one numbered test each, over HTTP with boto3.

Certificates, deletions, things, policies, groups, RegisterThing, lists, tags, managed things, quotas, registration tasks.
"""

import base64
import hashlib
import json
import textwrap

import pytest
from botocore.exceptions import ClientError

from tests.support import pki
from tests.support.direct_client import remove_metadata
from tests.support.registry_server import serve_registry

from .test_register_thing import string_parameters, template

LAG, DELETION, TASK = 5, 60, 60
DOCUMENT = '{"Version": "2012-10-17", "Statement": []}'
INVALID = ("InvalidRequestException", 400)
WIFI = "WIFI_SETUP_QR_BAR_CODE"
DEVICE = {
    "Role": "DEVICE",
    "AuthenticationMaterial": "SN:0007;UPC:012345678905;",
    "AuthenticationMaterialType": WIFI,
}


@pytest.fixture(scope="module")
def buckets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "devices").mkdir()
    (folder / "devices" / "all.json").write_text('{"ThingName": "pump-7"}\n')
    return folder


@pytest.fixture(scope="module")
def running_server(buckets):
    times = ("--detach-lag", f"{LAG}s", "--managed-thing-deletion", f"{DELETION}s")
    task = ("--registration-task", f"{TASK}s", "--buckets", str(buckets))
    with serve_registry("--virtual-time", *times, *task) as server:
        yield server


@pytest.fixture(scope="module")
def clients(running_server):
    return running_server.create_client("iot"), running_server.create_client("iot-managed-integrations")


@pytest.fixture(autouse=True)
def server(running_server):
    running_server.reset()
    return running_server


@pytest.fixture
def iot(clients):
    return clients[0]


@pytest.fixture
def managed(clients):
    return clients[1]


@pytest.fixture
def wait(server):
    """A function that advances the registry's clock by seconds."""

    def advance(seconds):
        assert server.request("POST", "/clock", json.dumps({"advance": seconds}).encode()).status == 200

    return advance


@pytest.fixture
def ca(iot, authority):
    return register_ca(iot, authority, setAsActive=True)


@pytest.fixture
def device(iot, ca, device_pem):
    return remove_metadata(iot.register_certificate(certificatePem=device_pem, status="ACTIVE"))


@pytest.fixture
def thing(iot):
    iot.create_thing(thingName="pump-7")
    return {"thingName": "pump-7"}


def register_ca(iot, authority, **extra):
    code = iot.get_registration_code()["registrationCode"]
    registered = iot.register_ca_certificate(
        caCertificate=authority.pem, verificationCertificate=authority.issue(code), **extra
    )
    return remove_metadata(registered)


def catch_error_with_members(operation, **params):
    """Call an operation that must fail, and return the error's code, HTTP status and other members."""
    with pytest.raises(ClientError) as caught:
        operation(**params)
    response = caught.value.response
    other_members = {"Error", "ResponseMetadata", "message"}
    members = {name: value for name, value in response.items() if name not in other_members}
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], members


def catch_error(operation, **params):
    return catch_error_with_members(operation, **params)[:2]


def get_status(iot, device):
    description = iot.describe_certificate(certificateId=device["certificateId"])
    return description["certificateDescription"]["status"]


def test_01_the_certificate_id_is_the_sha256_of_the_der_regardless_of_whitespace(iot, ca, device_pem):
    body = "".join(device_pem.split("\n")[1:-2])
    lines = "\r\n".join(textwrap.wrap(body, 40))
    spaced = f"\n-----BEGIN CERTIFICATE-----\r\n{lines}\r\n-----END CERTIFICATE-----\n\n"
    registered = iot.register_certificate(certificatePem=spaced)

    assert registered["certificateId"] == hashlib.sha256(base64.b64decode(body)).hexdigest()


def test_02_registering_a_pem_again_raises_409_with_its_id_and_arn(iot, device, device_pem):
    members = {"resourceId": device["certificateId"], "resourceArn": device["certificateArn"]}

    assert catch_error_with_members(iot.register_certificate, certificatePem=device_pem) == (
        "ResourceAlreadyExistsException",
        409,
        members,
    )


def test_03_a_certificate_registered_without_a_status_is_inactive(iot, ca, device_pem):
    registered = iot.register_certificate(certificatePem=device_pem)

    assert get_status(iot, registered) == "INACTIVE"


def test_04_two_cas_with_one_subject_and_key_raise_conflict_without_a_ca_pem(iot, ca, authority, device_pem):
    register_ca(iot, authority.renew(), setAsActive=True)

    assert catch_error(iot.register_certificate, certificatePem=device_pem) == (
        "CertificateConflictException",
        409,
    )
    registered = iot.register_certificate(certificatePem=device_pem, caCertificatePem=authority.pem)
    assert registered["certificateId"] == hashlib.sha256(pki.to_der(device_pem)).hexdigest()


def test_05_an_inactive_ca_cannot_register_device_certificates(iot, authority, device_pem):
    register_ca(iot, authority)

    assert catch_error(iot.register_certificate, certificatePem=device_pem) == (
        "CertificateStateException",
        406,
    )


def test_06_a_wrong_common_name_and_sni_only_with_verification_are_rejected(iot, authority):
    wrong_code = authority.issue("not the code")
    right_code = authority.issue(iot.get_registration_code()["registrationCode"])

    errors = (
        catch_error(
            iot.register_ca_certificate, caCertificate=authority.pem, verificationCertificate=wrong_code
        ),
        catch_error(
            iot.register_ca_certificate,
            caCertificate=authority.pem,
            verificationCertificate=right_code,
            certificateMode="SNI_ONLY",
        ),
    )
    assert errors == (("RegistrationCodeValidationException", 400), INVALID)


def test_07_the_11th_ca_with_one_subject_raises_limit_exceeded_410(iot, authority):
    renewed = authority
    for _ in range(10):
        renewed = renewed.renew()
        iot.register_ca_certificate(caCertificate=renewed.pem, certificateMode="SNI_ONLY")

    pem = renewed.renew().pem
    limit_error = catch_error(iot.register_ca_certificate, caCertificate=pem, certificateMode="SNI_ONLY")
    assert limit_error == ("LimitExceededException", 410)


def test_08_a_revoked_certificate_stays_revoked(iot, device):
    identity = {"certificateId": device["certificateId"]}
    iot.update_certificate(**identity, newStatus="REVOKED")

    for status in ("ACTIVE", "INACTIVE"):
        code, http_status = catch_error(iot.update_certificate, **identity, newStatus=status)
        assert (code, http_status) in {("CertificateStateException", 406), INVALID}
    assert get_status(iot, device) == "REVOKED"


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION"])
def test_09_updating_to_a_pending_status_fails(iot, device, status):
    assert (
        catch_error(iot.update_certificate, certificateId=device["certificateId"], newStatus=status)
        == INVALID
    )
    assert get_status(iot, device) == "ACTIVE"


def test_10_deleting_an_active_certificate_or_ca_raises_certificate_state_406(iot, ca, device):
    errors = (
        catch_error(iot.delete_certificate, certificateId=device["certificateId"], forceDelete=True),
        catch_error(iot.delete_ca_certificate, certificateId=ca["certificateId"]),
    )

    assert errors == (("CertificateStateException", 406),) * 2


def test_11_force_delete_detaches_policies_but_not_things(iot, device, thing, wait):
    certificate_id, arn = device["certificateId"], device["certificateArn"]
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="p", target=arn)
    iot.attach_thing_principal(**thing, principal=arn)
    iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")

    error_with_thing = catch_error(iot.delete_certificate, certificateId=certificate_id, forceDelete=True)
    iot.detach_thing_principal(**thing, principal=arn)
    wait(LAG + 1)
    error_with_policy = catch_error(iot.delete_certificate, certificateId=certificate_id)
    iot.delete_certificate(certificateId=certificate_id, forceDelete=True)

    assert (error_with_thing, error_with_policy) == (("DeleteConflictException", 409),) * 2
    assert catch_error(iot.describe_certificate, certificateId=certificate_id) == (
        "ResourceNotFoundException",
        404,
    )


def test_12_deleting_a_missing_thing_succeeds_and_one_with_a_principal_fails(iot, device, thing):
    iot.delete_thing(thingName="missing")
    iot.attach_thing_principal(**thing, principal=device["certificateArn"])

    assert catch_error(iot.delete_thing, **thing) == INVALID


def test_13_a_thing_cannot_be_deleted_within_the_detach_lag(iot, device, thing, wait):
    iot.attach_thing_principal(**thing, principal=device["certificateArn"])
    iot.detach_thing_principal(**thing, principal=device["certificateArn"])

    first_error = catch_error(iot.delete_thing, **thing)
    wait(LAG - 1)
    last_error = catch_error(iot.delete_thing, **thing)
    wait(1)
    iot.delete_thing(**thing)

    assert (first_error, last_error) == (INVALID,) * 2
    assert iot.list_things()["things"] == []


def test_14_a_thing_type_can_be_deleted_only_5_minutes_after_deprecation(iot, wait):
    iot.create_thing_type(thingTypeName="pump")
    error_while_active = catch_error(iot.delete_thing_type, thingTypeName="pump")
    iot.deprecate_thing_type(thingTypeName="pump")
    error_on_assignment = catch_error(iot.create_thing, thingName="pump-7", thingTypeName="pump")
    wait(299)
    error_before_5_minutes = catch_error(iot.delete_thing_type, thingTypeName="pump")
    wait(1)
    iot.delete_thing_type(thingTypeName="pump")

    assert (error_while_active, error_on_assignment, error_before_5_minutes) == (INVALID,) * 3
    assert iot.list_thing_types()["thingTypes"] == []


@pytest.mark.parametrize(("type_params", "max_attributes"), [({}, 3), ({"thingTypeName": "pump"}, 50)])
def test_15_a_4th_attribute_without_a_type_and_a_51st_with_a_type_are_rejected(
    iot, type_params, max_attributes
):
    iot.create_thing_type(thingTypeName="pump")

    def create(count):
        attributes = {f"a{number}": "1" for number in range(count)}
        name = f"with-{count}"
        return iot.create_thing(thingName=name, attributePayload={"attributes": attributes}, **type_params)

    create(max_attributes)

    assert catch_error(create, count=max_attributes + 1) == INVALID


def test_16_repeating_create_thing_succeeds_but_other_parameters_raise_409(iot):
    params = {"thingName": "pump-7", "attributePayload": {"attributes": {"site": "oslo"}}}
    first, second = (remove_metadata(iot.create_thing(**params)) for _ in range(2))
    members = {"resourceId": first["thingId"], "resourceArn": first["thingArn"]}

    assert first == second
    assert catch_error_with_members(iot.create_thing, thingName="pump-7") == (
        "ResourceAlreadyExistsException",
        409,
        members,
    )


def test_17_repeating_create_policy_raises_409(iot):
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)

    assert catch_error(iot.create_policy, policyName="p", policyDocument=DOCUMENT) == (
        "ResourceAlreadyExistsException",
        409,
    )


def test_18_versions_policies_per_certificate_and_document_length_are_limited(iot, device):
    for number in range(11):
        iot.create_policy(policyName=f"p{number}", policyDocument=DOCUMENT)
    for _ in range(4):
        iot.create_policy_version(policyName="p0", policyDocument=DOCUMENT)
    for number in range(10):
        iot.attach_policy(policyName=f"p{number}", target=device["certificateArn"])
    max_size = 2048 - len('{"a":""}')
    longest, too_long = (json.dumps({"a": "x" * size}) + " \n" * 999 for size in (max_size, max_size + 1))
    iot.create_policy(policyName="longest", policyDocument=longest)

    assert catch_error(iot.create_policy_version, policyName="p0", policyDocument=DOCUMENT) == (
        "VersionsLimitExceededException",
        409,
    )
    assert catch_error(iot.attach_policy, policyName="p10", target=device["certificateArn"]) == (
        "LimitExceededException",
        410,
    )
    assert catch_error(iot.create_policy, policyName="too-long", policyDocument=too_long) == (
        "MalformedPolicyException",
        400,
    )


def test_19_deleting_a_policy_with_targets_or_versions_raises_delete_conflict(iot, device):
    for name in ("attached", "versions"):
        iot.create_policy(policyName=name, policyDocument=DOCUMENT)
    iot.attach_policy(policyName="attached", target=device["certificateArn"])
    iot.create_policy_version(policyName="versions", policyDocument=DOCUMENT)

    errors = [catch_error(iot.delete_policy, policyName=name) for name in ("attached", "versions")]
    assert errors == [("DeleteConflictException", 409)] * 2


def test_20_deleting_a_group_with_children_fails_and_with_things_succeeds(iot, thing):
    iot.create_thing_group(thingGroupName="parent")
    iot.create_thing_group(thingGroupName="child", parentGroupName="parent")
    iot.add_thing_to_thing_group(thingGroupName="child", **thing)

    parent_error = catch_error(iot.delete_thing_group, thingGroupName="parent")
    iot.delete_thing_group(thingGroupName="child")

    assert parent_error == INVALID
    assert [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]] == ["parent"]
    assert iot.list_thing_groups_for_thing(**thing)["thingGroups"] == []


def test_21_updates_increment_the_version_and_a_stale_one_raises_409(iot, thing):
    iot.create_thing_group(thingGroupName="g")
    iot.create_billing_group(billingGroupName="b")
    updates = {
        iot.update_thing: thing,
        iot.update_thing_group: {"thingGroupName": "g", "thingGroupProperties": {}},
        iot.update_billing_group: {"billingGroupName": "b", "billingGroupProperties": {}},
    }
    for update, params in updates.items():
        update(**params, expectedVersion=1)
        update(**params)
        assert catch_error(update, **params, expectedVersion=1) == ("VersionConflictException", 409)
    deletions = {
        iot.delete_thing: thing,
        iot.delete_thing_group: {"thingGroupName": "g"},
        iot.delete_billing_group: {"billingGroupName": "b"},
    }
    for delete, params in deletions.items():
        assert catch_error(delete, **params, expectedVersion=2) == ("VersionConflictException", 409)
        delete(**params, expectedVersion=3)


def test_22_an_exclusively_attached_certificate_rejects_a_second_thing(iot, device, thing):
    iot.create_thing(thingName="pump-8")
    principal = {"principal": device["certificateArn"]}
    iot.attach_thing_principal(**thing, **principal, thingPrincipalType="EXCLUSIVE_THING")

    code, _ = catch_error(iot.attach_thing_principal, thingName="pump-8", **principal)
    things = iot.list_principal_things_v2(**principal)["principalThingObjects"]

    assert code == "InvalidRequestException"
    assert things == [{"thingName": "pump-7", "thingPrincipalType": "EXCLUSIVE_THING"}]


def test_23_register_thing_twice_with_one_csr_creates_two_certificates(iot):
    csr = {"CertificateSigningRequest": {"Ref": "CSR"}}
    body = template({"ThingName": "pump-7"}, csr, Parameters=string_parameters("CSR"))
    params = {"templateBody": body, "parameters": {"CSR": pki.make_signing_request("pump-7")}}
    created_arns = {iot.register_thing(**params)["resourceArns"]["certificate"] for _ in range(2)}

    assert {
        certificate["certificateArn"] for certificate in iot.list_certificates()["certificates"]
    } == created_arns
    assert len(created_arns) == 2


@pytest.mark.parametrize(
    ("setting", "attributes"),
    [
        ("DO_NOTHING", {"site": "oslo", "house": "A"}),
        ("REPLACE", {"site": "bergen"}),
        ("MERGE", {"site": "bergen", "house": "A"}),
        ("FAIL", None),
    ],
)
def test_24_override_settings_apply_per_property(iot, setting, attributes):
    for name in ("pump", "fan"):
        iot.create_thing_type(thingTypeName=name)
    before = {"site": "oslo", "house": "A"}
    iot.create_thing(thingName="pump-7", thingTypeName="pump", attributePayload={"attributes": before})
    settings = {"AttributePayload": setting, "ThingTypeName": "REPLACE"}
    properties = {"ThingName": "pump-7", "AttributePayload": {"site": "bergen"}, "ThingTypeName": "fan"}
    params = {"templateBody": template((properties, settings))}

    if attributes is None:
        assert catch_error(iot.register_thing, **params)[1] in {400, 409}
    else:
        iot.register_thing(**params)
    thing = iot.describe_thing(thingName="pump-7")
    expected = (before, "pump") if attributes is None else (attributes, "fan")
    assert (thing["attributes"], thing["thingTypeName"]) == expected


def test_25_a_missing_template_parameter_has_its_default(iot):
    body = template(
        {"ThingName": {"Ref": "Name"}, "AttributePayload": {"site": {"Ref": "Site"}}},
        Parameters=string_parameters("Name", Site="oslo"),
    )
    iot.register_thing(templateBody=body, parameters={"Name": "pump-7"})
    iot.register_thing(templateBody=body, parameters={"Name": "pump-8", "Site": "bergen"})

    attributes = {thing["thingName"]: thing["attributes"] for thing in iot.list_things()["things"]}
    assert attributes == {"pump-7": {"site": "oslo"}, "pump-8": {"site": "bergen"}}


def test_26_list_operations_limit_pages_and_certificate_lists_have_no_pem(iot, managed, authority, ca):
    for number in range(26):
        iot.register_certificate(certificatePem=authority.issue(f"d{number}"))
    page = iot.list_certificates()

    assert catch_error(iot.list_things, maxResults=251) == INVALID
    assert catch_error(managed.list_managed_things, MaxResults=1001) == ("ValidationException", 400)
    assert (
        iot.list_things(maxResults=250)["things"],
        managed.list_managed_things(MaxResults=1000)["Items"],
    ) == (
        [],
        [],
    )
    assert len(page["certificates"]) == 25
    assert {name for item in page["certificates"] for name in item} == {
        "certificateArn",
        "certificateId",
        "certificateMode",
        "creationDate",
        "status",
    }


def test_27_things_and_device_certificates_cannot_be_tagged(iot, device):
    thing = iot.create_thing(thingName="pump-7")["thingArn"]
    tags = [{"Key": "a", "Value": "b"}]

    errors = [
        catch_error(iot.tag_resource, resourceArn=arn, tags=tags) for arn in (thing, device["certificateArn"])
    ]
    assert errors == [INVALID] * 2


def test_28_get_managed_thing_never_returns_authentication_material(managed):
    created = managed.create_managed_thing(**DEVICE)
    responses = [managed.get_managed_thing(Identifier=created["Id"]), managed.list_managed_things()]

    assert not [
        response for response in responses if "AuthenticationMaterial" in json.dumps(response, default=str)
    ]
    assert responses[0]["SerialNumber"] == "0007"


def test_29_repeating_a_client_token_creates_no_second_managed_thing(managed):
    first, repeated = (managed.create_managed_thing(**DEVICE, ClientToken="one") for _ in range(2))

    assert first["Id"] == repeated["Id"]
    assert [item["Id"] for item in managed.list_managed_things()["Items"]] == [first["Id"]]


def test_30_a_managed_thing_is_delete_in_progress_before_it_is_missing(managed, wait):
    identity = {"Identifier": managed.create_managed_thing(**DEVICE)["Id"]}
    managed.delete_managed_thing(**identity)

    wait(DELETION - 1)
    status = managed.get_managed_thing(**identity)["ProvisioningStatus"]
    wait(1)

    assert status == "DELETE_IN_PROGRESS"
    assert catch_error(managed.get_managed_thing, **identity) == ("ResourceNotFoundException", 404)


def test_31_exceeding_an_apis_rate_raises_throttling_400_or_429():
    with serve_registry("--quotas", "aws") as limited:

        def first_error(operation):
            for _ in range(100):
                try:
                    operation()
                except ClientError as caught:
                    response = caught.response
                    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
            return None

        iot, managed = limited.create_client("iot"), limited.create_client("iot-managed-integrations")
        errors = first_error(iot.list_certificates), first_error(managed.list_managed_things)

    assert errors == (("ThrottlingException", 400), ("ThrottlingException", 429))


def test_32_a_second_concurrent_registration_task_is_rejected(iot, wait):
    params = {
        "templateBody": template(
            {"ThingName": {"Ref": "ThingName"}}, Parameters=string_parameters("ThingName")
        ),
        "inputFileBucket": "devices",
        "inputFileKey": "all.json",
        "roleArn": "arn:aws:iam::123456789012:role/bulk",
    }
    task = {"taskId": iot.start_thing_registration_task(**params)["taskId"]}
    wait(TASK - 1)
    second_error = catch_error(iot.start_thing_registration_task, **params)
    status_during = iot.describe_thing_registration_task(**task)["status"]
    wait(1)
    status_after = iot.describe_thing_registration_task(**task)["status"]
    iot.start_thing_registration_task(**params)

    assert (second_error, status_during, status_after) == (INVALID, "InProgress", "Completed")
