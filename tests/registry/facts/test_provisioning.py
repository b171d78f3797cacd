"""Facts 23 to 32: RegisterThing, lists, tags, managed things, throttling, registration tasks."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.registry.test_register_thing import build_string_parameters, build_template
from tests.support import pki
from tests.support.direct_client import catch_error
from tests.support.registry_server import serve_registry

from .conftest import DELETION_SECONDS, INVALID, TASK_SECONDS

DEVICE = {
    "Role": "DEVICE",
    "AuthenticationMaterial": "SN:0007;UPC:012345678905;",
    "AuthenticationMaterialType": "WIFI_SETUP_QR_BAR_CODE",
}


def test_23_register_thing_twice_with_one_csr_creates_two_certificates(iot):
    csr = {"CertificateSigningRequest": {"Ref": "CSR"}}
    body = build_template({"ThingName": "pump-7"}, csr, Parameters=build_string_parameters("CSR"))
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
        ("FAIL", None),  # RegisterThing fails and changes nothing
    ],
)
def test_24_override_settings_apply_per_property(iot, setting, attributes):
    for name in ("pump", "fan"):
        iot.create_thing_type(thingTypeName=name)
    before = {"site": "oslo", "house": "A"}
    iot.create_thing(thingName="pump-7", thingTypeName="pump", attributePayload={"attributes": before})
    settings = {"AttributePayload": setting, "ThingTypeName": "REPLACE"}
    properties = {"ThingName": "pump-7", "AttributePayload": {"site": "bergen"}, "ThingTypeName": "fan"}
    params = {"templateBody": build_template((properties, settings))}

    if attributes is None:
        assert catch_error(iot.register_thing, **params)[1] in {400, 409}
    else:
        iot.register_thing(**params)
    thing = iot.describe_thing(thingName="pump-7")
    expected = (before, "pump") if attributes is None else (attributes, "fan")
    assert (thing["attributes"], thing["thingTypeName"]) == expected


def test_25_a_missing_template_parameter_has_its_default(iot):
    body = build_template(
        {"ThingName": {"Ref": "Name"}, "AttributePayload": {"site": {"Ref": "Site"}}},
        Parameters=build_string_parameters("Name", Site="oslo"),
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

    wait(DELETION_SECONDS - 1)
    status = managed.get_managed_thing(**identity)["ProvisioningStatus"]
    wait(1)

    assert status == "DELETE_IN_PROGRESS"
    assert catch_error(managed.get_managed_thing, **identity) == ("ResourceNotFoundException", 404)


def test_31_exceeding_an_apis_rate_raises_throttling_400_or_429():
    with serve_registry("--quotas", "aws") as server_with_quotas:

        def find_first_error(operation):
            for _ in range(100):
                try:
                    operation()
                except ClientError as caught:
                    response = caught.response
                    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
            return None

        iot = server_with_quotas.create_client("iot")
        managed = server_with_quotas.create_client("iot-managed-integrations")
        iot_error = find_first_error(iot.list_certificates)
        managed_error = find_first_error(managed.list_managed_things)

    assert (iot_error, managed_error) == (("ThrottlingException", 400), ("ThrottlingException", 429))


def test_32_a_second_concurrent_registration_task_is_rejected(iot, wait):
    params = {
        "templateBody": build_template(
            {"ThingName": {"Ref": "ThingName"}}, Parameters=build_string_parameters("ThingName")
        ),
        "inputFileBucket": "devices",
        "inputFileKey": "all.json",
        "roleArn": "arn:aws:iam::123456789012:role/bulk",
    }
    task = {"taskId": iot.start_thing_registration_task(**params)["taskId"]}
    wait(TASK_SECONDS - 1)
    second_error = catch_error(iot.start_thing_registration_task, **params)
    status_during = iot.describe_thing_registration_task(**task)["status"]
    wait(1)
    status_after = iot.describe_thing_registration_task(**task)["status"]
    iot.start_thing_registration_task(**params)

    assert (second_error, status_during, status_after) == (INVALID, "InProgress", "Completed")
