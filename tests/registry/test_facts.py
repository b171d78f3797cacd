"""The behaviours that AWS documents and clients build on, over HTTP and plain boto3. A test each, in the order of the
facts: certificates, deletions, things, policies, groups, RegisterThing, lists, tags, managed things, quotas, bulk tasks.
"""

import base64
import hashlib
import json
import textwrap

import pytest
from botocore.exceptions import ClientError

from tests.support import pki
from tests.support.direct_client import without_metadata
from tests.support.registry_server import served

from .test_issued_certificates import request_for
from .test_register_thing import declared, template

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
def running(buckets):
    times = ("--detach-lag", f"{LAG}s", "--managed-thing-deletion", f"{DELETION}s")
    task = ("--registration-task", f"{TASK}s", "--buckets", str(buckets))
    with served("--virtual-time", *times, *task) as found:
        yield found


@pytest.fixture(scope="module")
def clients(running):
    return running.client("iot"), running.client("iot-managed-integrations")


@pytest.fixture(autouse=True)
def server(running):
    running.reset()
    return running


@pytest.fixture
def iot(clients):
    return clients[0]


@pytest.fixture
def managed(clients):
    return clients[1]


@pytest.fixture
def wait(server):
    """Let the registry's time pass."""

    def advance(seconds):
        assert server.ask("POST", "/clock", json.dumps({"advance": seconds}).encode()).status == 200

    return advance


@pytest.fixture
def ca(iot, authority):
    return register_ca(iot, authority, setAsActive=True)


@pytest.fixture
def device(iot, ca, device_pem):
    return without_metadata(iot.register_certificate(certificatePem=device_pem, status="ACTIVE"))


@pytest.fixture
def thing(iot):
    iot.create_thing(thingName="pump-7")
    return {"thingName": "pump-7"}


def register_ca(iot, authority, **more):
    code = iot.get_registration_code()["registrationCode"]
    made = iot.register_ca_certificate(
        caCertificate=authority.pem, verificationCertificate=authority.issue(code), **more
    )
    return without_metadata(made)


def refusal(operation, **params):
    """The code, status and members of the error that a call must get."""
    with pytest.raises(ClientError) as caught:
        operation(**params)
    answer = caught.value.response
    dropped = {"Error", "ResponseMetadata", "message"}
    members = {name: value for name, value in answer.items() if name not in dropped}
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], members


def error(operation, **params):
    return refusal(operation, **params)[:2]


def status_of(iot, device):
    found = iot.describe_certificate(certificateId=device["certificateId"])
    return found["certificateDescription"]["status"]


def test_01_the_certificate_id_equals_lowercase_sha256_of_the_der_whatever_the_pem_whitespace(
    iot, ca, device_pem
):
    body = "".join(device_pem.split("\n")[1:-2])
    lines = "\r\n".join(textwrap.wrap(body, 40))
    spaced = f"\n-----BEGIN CERTIFICATE-----\r\n{lines}\r\n-----END CERTIFICATE-----\n\n"
    made = iot.register_certificate(certificatePem=spaced)

    assert made["certificateId"] == hashlib.sha256(base64.b64decode(body)).hexdigest()


def test_02_registering_a_known_pem_raises_resource_already_exists_409_carrying_resource_id_and_resource_arn(
    iot, device, device_pem
):
    carried = {"resourceId": device["certificateId"], "resourceArn": device["certificateArn"]}

    assert refusal(iot.register_certificate, certificatePem=device_pem) == (
        "ResourceAlreadyExistsException",
        409,
        carried,
    )


def test_03_register_certificate_without_status_yields_inactive(iot, ca, device_pem):
    made = iot.register_certificate(certificatePem=device_pem)

    assert status_of(iot, made) == "INACTIVE"


def test_04_with_two_same_subject_and_key_cas_and_no_ca_certificate_pem_register_certificate_raises_certificate_conflict(
    iot, ca, authority, device_pem
):
    register_ca(iot, authority.renewed(), setAsActive=True)

    assert error(iot.register_certificate, certificatePem=device_pem) == ("CertificateConflictException", 409)
    named = iot.register_certificate(certificatePem=device_pem, caCertificatePem=authority.pem)
    assert named["certificateId"] == hashlib.sha256(pki.der_of(device_pem)).hexdigest()


def test_05_an_inactive_ca_cannot_register_device_certs(iot, authority, device_pem):
    register_ca(iot, authority)

    assert error(iot.register_certificate, certificatePem=device_pem) == ("CertificateStateException", 406)


def test_06_default_ca_registration_with_a_wrong_cn_raises_registration_code_validation_and_sni_only_with_a_verification_certificate_is_refused(
    iot, authority
):
    wrong = authority.issue("not the code")
    right = authority.issue(iot.get_registration_code()["registrationCode"])

    found = (
        error(iot.register_ca_certificate, caCertificate=authority.pem, verificationCertificate=wrong),
        error(
            iot.register_ca_certificate,
            caCertificate=authority.pem,
            verificationCertificate=right,
            certificateMode="SNI_ONLY",
        ),
    )
    assert found == (("RegistrationCodeValidationException", 400), INVALID)


def test_07_the_11th_same_subject_ca_raises_limit_exceeded_410(iot, authority):
    def register():
        pem = authority.renewed().pem
        return iot.register_ca_certificate(caCertificate=pem, certificateMode="SNI_ONLY")

    for _ in range(10):
        register()

    assert error(register) == ("LimitExceededException", 410)


def test_08_no_update_leaves_revoked(iot, device):
    identity = {"certificateId": device["certificateId"]}
    iot.update_certificate(**identity, newStatus="REVOKED")

    for status in ("ACTIVE", "INACTIVE"):
        code, number = error(iot.update_certificate, **identity, newStatus=status)
        assert (code, number) in {("CertificateStateException", 406), INVALID}
    assert status_of(iot, device) == "REVOKED"


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION"])
def test_09_update_certificate_to_pending_transfer_or_pending_activation_fails(iot, device, status):
    assert error(iot.update_certificate, certificateId=device["certificateId"], newStatus=status) == INVALID
    assert status_of(iot, device) == "ACTIVE"


def test_10_deleting_an_active_certificate_or_ca_raises_certificate_state_406(iot, ca, device):
    found = (
        error(iot.delete_certificate, certificateId=device["certificateId"], forceDelete=True),
        error(iot.delete_ca_certificate, certificateId=ca["certificateId"]),
    )

    assert found == (("CertificateStateException", 406),) * 2


def test_11_force_delete_overrides_attached_policies_never_attached_things(iot, device, thing, wait):
    identity, arn = device["certificateId"], device["certificateArn"]
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="p", target=arn)
    iot.attach_thing_principal(**thing, principal=arn)
    iot.update_certificate(certificateId=identity, newStatus="INACTIVE")

    attached = error(iot.delete_certificate, certificateId=identity, forceDelete=True)
    iot.detach_thing_principal(**thing, principal=arn)
    wait(LAG + 1)
    held = error(iot.delete_certificate, certificateId=identity)
    iot.delete_certificate(certificateId=identity, forceDelete=True)

    assert (attached, held) == (("DeleteConflictException", 409),) * 2
    assert error(iot.describe_certificate, certificateId=identity) == ("ResourceNotFoundException", 404)


def test_12_deleting_a_missing_thing_succeeds_and_one_with_a_principal_raises_invalid_request(
    iot, device, thing
):
    iot.delete_thing(thingName="missing")
    iot.attach_thing_principal(**thing, principal=device["certificateArn"])

    assert error(iot.delete_thing, **thing) == INVALID


def test_13_with_a_configurable_lag_delete_thing_just_after_detach_still_fails(iot, device, thing, wait):
    iot.attach_thing_principal(**thing, principal=device["certificateArn"])
    iot.detach_thing_principal(**thing, principal=device["certificateArn"])

    early = error(iot.delete_thing, **thing)
    wait(LAG - 1)
    late = error(iot.delete_thing, **thing)
    wait(1)
    iot.delete_thing(**thing)

    assert (early, late) == (INVALID,) * 2
    assert iot.list_things()["things"] == []


def test_14_a_thing_type_is_deletable_only_5_minutes_after_deprecation_and_a_deprecated_type_cannot_be_assigned(
    iot, wait
):
    iot.create_thing_type(thingTypeName="pump")
    active = error(iot.delete_thing_type, thingTypeName="pump")
    iot.deprecate_thing_type(thingTypeName="pump")
    assigned = error(iot.create_thing, thingName="pump-7", thingTypeName="pump")
    wait(299)
    early = error(iot.delete_thing_type, thingTypeName="pump")
    wait(1)
    iot.delete_thing_type(thingTypeName="pump")

    assert (active, assigned, early) == (INVALID,) * 3
    assert iot.list_thing_types()["thingTypes"] == []


@pytest.mark.parametrize(("typed", "most"), [({}, 3), ({"thingTypeName": "pump"}, 50)])
def test_15_a_4th_attribute_on_an_untyped_thing_or_a_51st_on_a_typed_one_is_refused(iot, typed, most):
    iot.create_thing_type(thingTypeName="pump")

    def create(count):
        attributes = {f"a{number}": "1" for number in range(count)}
        name = f"with-{count}"
        return iot.create_thing(thingName=name, attributePayload={"attributes": attributes}, **typed)

    create(most)

    assert error(create, count=most + 1) == INVALID


def test_16_a_repeated_identical_create_thing_succeeds_and_a_differing_one_raises_409(iot):
    given = {"thingName": "pump-7", "attributePayload": {"attributes": {"site": "oslo"}}}
    first, second = (without_metadata(iot.create_thing(**given)) for _ in range(2))
    carried = {"resourceId": first["thingId"], "resourceArn": first["thingArn"]}

    assert first == second
    assert refusal(iot.create_thing, thingName="pump-7") == ("ResourceAlreadyExistsException", 409, carried)


def test_17_repeated_create_policy_always_raises_409(iot):
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)

    assert error(iot.create_policy, policyName="p", policyDocument=DOCUMENT) == (
        "ResourceAlreadyExistsException",
        409,
    )


def test_18_a_6th_policy_version_raises_versions_limit_exceeded_an_11th_policy_on_a_cert_limit_exceeded_and_more_than_2048_characters_are_refused(
    iot, device
):
    for number in range(11):
        iot.create_policy(policyName=f"p{number}", policyDocument=DOCUMENT)
    for _ in range(4):
        iot.create_policy_version(policyName="p0", policyDocument=DOCUMENT)
    for number in range(10):
        iot.attach_policy(policyName=f"p{number}", target=device["certificateArn"])
    room = 2048 - len('{"a":""}')
    just, over = (json.dumps({"a": "x" * size}) + " \n" * 999 for size in (room, room + 1))
    iot.create_policy(policyName="just", policyDocument=just)

    assert error(iot.create_policy_version, policyName="p0", policyDocument=DOCUMENT) == (
        "VersionsLimitExceededException",
        409,
    )
    assert error(iot.attach_policy, policyName="p10", target=device["certificateArn"]) == (
        "LimitExceededException",
        410,
    )
    assert error(iot.create_policy, policyName="over", policyDocument=over) == (
        "MalformedPolicyException",
        400,
    )


def test_19_delete_policy_with_targets_or_extra_versions_raises_delete_conflict(iot, device):
    for name in ("attached", "versions"):
        iot.create_policy(policyName=name, policyDocument=DOCUMENT)
    iot.attach_policy(policyName="attached", target=device["certificateArn"])
    iot.create_policy_version(policyName="versions", policyDocument=DOCUMENT)

    found = [error(iot.delete_policy, policyName=name) for name in ("attached", "versions")]
    assert found == [("DeleteConflictException", 409)] * 2


def test_20_deleting_a_group_with_children_fails_and_with_things_it_succeeds(iot, thing):
    iot.create_thing_group(thingGroupName="parent")
    iot.create_thing_group(thingGroupName="child", parentGroupName="parent")
    iot.add_thing_to_thing_group(thingGroupName="child", **thing)

    refused = error(iot.delete_thing_group, thingGroupName="parent")
    iot.delete_thing_group(thingGroupName="child")

    assert refused == INVALID
    assert [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]] == ["parent"]
    assert iot.list_thing_groups_for_thing(**thing)["thingGroups"] == []


def test_21_a_stale_expected_version_raises_version_conflict_and_every_update_increments_version(iot, thing):
    iot.create_thing_group(thingGroupName="g")
    iot.create_billing_group(billingGroupName="b")
    updates = {
        iot.update_thing: thing,
        iot.update_thing_group: {"thingGroupName": "g", "thingGroupProperties": {}},
        iot.update_billing_group: {"billingGroupName": "b", "billingGroupProperties": {}},
    }
    for update, given in updates.items():
        update(**given, expectedVersion=1)
        update(**given)
        assert error(update, **given, expectedVersion=1) == ("VersionConflictException", 409)
    deletions = {
        iot.delete_thing: thing,
        iot.delete_thing_group: {"thingGroupName": "g"},
        iot.delete_billing_group: {"billingGroupName": "b"},
    }
    for delete, given in deletions.items():
        assert error(delete, **given, expectedVersion=2) == ("VersionConflictException", 409)
        delete(**given, expectedVersion=3)


def test_22_an_exclusively_attached_certificate_refuses_a_second_thing(iot, device, thing):
    iot.create_thing(thingName="pump-8")
    principal = {"principal": device["certificateArn"]}
    iot.attach_thing_principal(**thing, **principal, thingPrincipalType="EXCLUSIVE_THING")

    code, _ = error(iot.attach_thing_principal, thingName="pump-8", **principal)
    things = iot.list_principal_things_v2(**principal)["principalThingObjects"]

    assert code == "InvalidRequestException"
    assert things == [{"thingName": "pump-7", "thingPrincipalType": "EXCLUSIVE_THING"}]


def test_23_register_thing_twice_with_one_csr_yields_two_certificates(iot):
    csr = {"CertificateSigningRequest": {"Ref": "CSR"}}
    body = template({"ThingName": "pump-7"}, csr, Parameters=declared("CSR"))
    given = {"templateBody": body, "parameters": {"CSR": request_for("pump-7")}}
    made = {iot.register_thing(**given)["resourceArns"]["certificate"] for _ in range(2)}

    assert {found["certificateArn"] for found in iot.list_certificates()["certificates"]} == made
    assert len(made) == 2


@pytest.mark.parametrize(
    ("setting", "left"),
    [
        ("DO_NOTHING", {"site": "oslo", "house": "A"}),
        ("REPLACE", {"site": "bergen"}),
        ("MERGE", {"site": "bergen", "house": "A"}),
        ("FAIL", None),
    ],
)
def test_24_do_nothing_replace_merge_fail_apply_per_listed_property(iot, setting, left):
    for name in ("pump", "fan"):
        iot.create_thing_type(thingTypeName=name)
    before = {"site": "oslo", "house": "A"}
    iot.create_thing(thingName="pump-7", thingTypeName="pump", attributePayload={"attributes": before})
    settings = {"AttributePayload": setting, "ThingTypeName": "REPLACE"}
    properties = {"ThingName": "pump-7", "AttributePayload": {"site": "bergen"}, "ThingTypeName": "fan"}
    given = {"templateBody": template((properties, settings))}

    if left is None:
        assert error(iot.register_thing, **given)[1] in {400, 409}
    else:
        iot.register_thing(**given)
    found = iot.describe_thing(thingName="pump-7")
    kept = (before, "pump") if left is None else (left, "fan")
    assert (found["attributes"], found["thingTypeName"]) == kept


def test_25_a_missing_register_thing_parameter_takes_its_default(iot):
    body = template(
        {"ThingName": {"Ref": "Name"}, "AttributePayload": {"site": {"Ref": "Site"}}},
        Parameters=declared("Name", Site="oslo"),
    )
    iot.register_thing(templateBody=body, parameters={"Name": "pump-7"})
    iot.register_thing(templateBody=body, parameters={"Name": "pump-8", "Site": "bergen"})

    found = {thing["thingName"]: thing["attributes"] for thing in iot.list_things()["things"]}
    assert found == {"pump-7": {"site": "oslo"}, "pump-8": {"site": "bergen"}}


def test_26_iot_lists_refuse_max_results_over_250_and_mi_lists_over_1000_and_list_certificates_defaults_to_25_and_never_returns_pem(
    iot, managed, authority, ca
):
    for number in range(26):
        iot.register_certificate(certificatePem=authority.issue(f"d{number}"))
    page = iot.list_certificates()

    assert error(iot.list_things, maxResults=251) == INVALID
    assert error(managed.list_managed_things, MaxResults=1001) == ("ValidationException", 400)
    assert (
        iot.list_things(maxResults=250)["things"],
        managed.list_managed_things(MaxResults=1000)["Items"],
    ) == (
        [],
        [],
    )
    assert len(page["certificates"]) == 25
    assert {name for found in page["certificates"] for name in found} == {
        "certificateArn",
        "certificateId",
        "certificateMode",
        "creationDate",
        "status",
    }


def test_27_tag_resource_on_a_thing_or_device_certificate_is_refused(iot, device):
    thing = iot.create_thing(thingName="pump-7")["thingArn"]
    tags = [{"Key": "a", "Value": "b"}]

    found = [error(iot.tag_resource, resourceArn=arn, tags=tags) for arn in (thing, device["certificateArn"])]
    assert found == [INVALID] * 2


def test_28_get_managed_thing_never_returns_authentication_material(managed):
    made = managed.create_managed_thing(**DEVICE)
    answered = [managed.get_managed_thing(Identifier=made["Id"]), managed.list_managed_things()]

    assert not [one for one in answered if "AuthenticationMaterial" in json.dumps(one, default=str)]
    assert answered[0]["SerialNumber"] == "0007"


def test_29_replaying_a_client_token_with_identical_input_creates_nothing_new(managed):
    first, again = (managed.create_managed_thing(**DEVICE, ClientToken="one") for _ in range(2))

    assert first["Id"] == again["Id"]
    assert [item["Id"] for item in managed.list_managed_things()["Items"]] == [first["Id"]]


def test_30_deleting_a_managed_thing_shows_delete_in_progress_then_404(managed, wait):
    identity = {"Identifier": managed.create_managed_thing(**DEVICE)["Id"]}
    managed.delete_managed_thing(**identity)

    wait(DELETION - 1)
    during = managed.get_managed_thing(**identity)["ProvisioningStatus"]
    wait(1)

    assert during == "DELETE_IN_PROGRESS"
    assert error(managed.get_managed_thing, **identity) == ("ResourceNotFoundException", 404)


def test_31_exceeding_an_apis_tps_raises_throttling_400_iot_429_mi():
    with served("--quotas", "aws") as limited:

        def throttled(operation):
            for _ in range(100):
                try:
                    operation()
                except ClientError as caught:
                    answer = caught.response
                    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
            return None

        iot, managed = limited.client("iot"), limited.client("iot-managed-integrations")
        found = throttled(iot.list_certificates), throttled(managed.list_managed_things)

    assert found == (("ThrottlingException", 400), ("ThrottlingException", 429))


def test_32_a_second_concurrent_bulk_task_is_refused(iot, wait):
    given = {
        "templateBody": template({"ThingName": {"Ref": "ThingName"}}, Parameters=declared("ThingName")),
        "inputFileBucket": "devices",
        "inputFileKey": "all.json",
        "roleArn": "arn:aws:iam::123456789012:role/bulk",
    }
    task = {"taskId": iot.start_thing_registration_task(**given)["taskId"]}
    wait(TASK - 1)
    second = error(iot.start_thing_registration_task, **given)
    during = iot.describe_thing_registration_task(**task)["status"]
    wait(1)
    after = iot.describe_thing_registration_task(**task)["status"]
    iot.start_thing_registration_task(**given)

    assert (second, during, after) == (INVALID, "InProgress", "Completed")
