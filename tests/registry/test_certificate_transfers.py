"""Transfers of certificates to another account."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, create_client, remove_metadata

TARGET = "111122223333"
STATE = ("CertificateStateException", 406)
CONFLICT = ("TransferConflictException", 409)
COMPLETED = ("TransferAlreadyCompletedException", 410)
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def other(current_registry, registry):
    """A client of the target account."""
    return create_client("iot", current_registry.get, account=TARGET)


@pytest.fixture
def identity(iot, device):
    """The parameters that identify an INACTIVE certificate."""
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    return {"certificateId": device["certificateId"]}


def transfer(iot, identity):
    return iot.transfer_certificate(**identity, targetAwsAccount=TARGET, transferMessage="yours")


def description(client, identity):
    return client.describe_certificate(**identity)["certificateDescription"]


def statuses(client):
    return {
        certificate["certificateId"]: certificate["status"]
        for certificate in client.list_certificates()["certificates"]
    }


def test_a_transferred_certificate_is_pending_in_both_accounts(iot, other, identity, device):
    transferred = transfer(iot, identity)

    expected = {device["certificateId"]: "PENDING_TRANSFER"}
    assert (statuses(iot), statuses(other)) == (expected, expected)
    target_arn = device["certificateArn"].replace(ACCOUNT, TARGET)
    assert (transferred["transferredCertificateArn"], description(other, identity)["certificateArn"]) == (
        target_arn,
        target_arn,
    )
    outgoing = iot.list_outgoing_certificates()["outgoingCertificates"]
    assert outgoing == [
        {
            **device,
            "transferredTo": TARGET,
            "transferDate": START_TIME,
            "transferMessage": "yours",
            "creationDate": START_TIME,
        }
    ]
    assert other.list_outgoing_certificates()["outgoingCertificates"] == []


@pytest.mark.parametrize(("extra", "status"), [({}, "INACTIVE"), ({"setAsActive": True}, "ACTIVE")])
def test_an_accepted_certificate_belongs_to_the_target_account(iot, other, identity, extra, status):
    transfer(iot, identity)
    other.accept_certificate_transfer(**identity, **extra)

    described = description(other, identity)
    members = {key: described[key] for key in ("status", "ownedBy", "previousOwnedBy", "transferData")}
    assert members == {
        "status": status,
        "ownedBy": TARGET,
        "previousOwnedBy": ACCOUNT,
        "transferData": {"transferMessage": "yours", "transferDate": START_TIME, "acceptDate": START_TIME},
    }
    assert catch_error(iot.describe_certificate, **identity) == MISSING
    assert iot.list_outgoing_certificates()["outgoingCertificates"] == []
    assert catch_error(other.accept_certificate_transfer, **identity) == COMPLETED
    assert catch_error(iot.cancel_certificate_transfer, **identity) == COMPLETED


def test_a_rejected_certificate_is_inactive_in_the_source_account(iot, other, identity):
    transfer(iot, identity)
    other.reject_certificate_transfer(**identity, rejectReason="not ours")

    described = description(iot, identity)
    assert (described["status"], described["transferData"]) == (
        "INACTIVE",
        {
            "transferMessage": "yours",
            "rejectReason": "not ours",
            "transferDate": START_TIME,
            "rejectDate": START_TIME,
        },
    )
    assert statuses(other) == {}
    transfer(iot, identity)
    other.accept_certificate_transfer(**identity)


def test_a_canceled_transfer_leaves_the_certificate_inactive(iot, other, identity):
    transfer(iot, identity)
    iot.cancel_certificate_transfer(**identity)

    described = description(iot, identity)
    assert (described["status"], "transferData" in described, statuses(other)) == ("INACTIVE", False, {})
    assert catch_error(iot.cancel_certificate_transfer, **identity) == COMPLETED
    assert catch_error(other.accept_certificate_transfer, **identity) == MISSING


def test_only_an_inactive_certificate_without_attachments_can_be_transferred(iot, other, device, clock):
    params = {"certificateId": device["certificateId"], "targetAwsAccount": TARGET}
    assert catch_error(iot.transfer_certificate, **params) == STATE
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    iot.create_policy(policyName="connect", policyDocument="{}")
    iot.attach_policy(policyName="connect", target=device["certificateArn"])
    assert catch_error(iot.transfer_certificate, **params) == CONFLICT
    iot.detach_policy(policyName="connect", target=device["certificateArn"])
    iot.create_thing(thingName="pump-7")
    iot.attach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    assert catch_error(iot.transfer_certificate, **params) == CONFLICT
    iot.detach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    clock.advance(5)

    iot.transfer_certificate(**params)
    assert catch_error(iot.transfer_certificate, **params) == STATE


def test_a_certificate_that_the_target_account_has_cannot_be_transferred(iot, other, identity, device_pem):
    other.register_certificate_without_ca(certificatePem=device_pem)

    assert catch_error(iot.transfer_certificate, **identity, targetAwsAccount=TARGET) == CONFLICT
    assert catch_error(iot.transfer_certificate, **identity, targetAwsAccount=ACCOUNT) == INVALID


def test_a_pending_certificate_cannot_be_attached_updated_or_deleted(iot, other, identity, device):
    iot.create_thing(thingName="pump-7")
    iot.create_policy(policyName="connect", policyDocument="{}")
    transfer(iot, identity)

    arn = device["certificateArn"]
    for client in (iot, other):
        assert catch_error(client.update_certificate, **identity, newStatus="ACTIVE") == STATE
        assert catch_error(client.delete_certificate, **identity, forceDelete=True) == STATE
    assert catch_error(iot.attach_policy, policyName="connect", target=arn) == INVALID
    assert catch_error(iot.attach_thing_principal, thingName="pump-7", principal=arn) == INVALID
    assert catch_error(other.cancel_certificate_transfer, **identity) == COMPLETED
    assert catch_error(iot.accept_certificate_transfer, **identity) == COMPLETED


def test_transfers_of_a_missing_certificate_raise_resource_not_found(iot, registry):
    identity = {"certificateId": "a" * 64}

    assert catch_error(iot.transfer_certificate, **identity, targetAwsAccount=TARGET) == MISSING
    for operation in (
        iot.accept_certificate_transfer,
        iot.reject_certificate_transfer,
        iot.cancel_certificate_transfer,
    ):
        assert catch_error(operation, **identity) == MISSING


def test_outgoing_certificates_are_listed_by_age_in_pages(iot, other, clock):
    created = []
    for _ in range(3):
        clock.advance(1)
        created.append({"certificateId": iot.create_keys_and_certificate()["certificateId"]})
        transfer(iot, created[-1])

    newest = iot.list_outgoing_certificates(pageSize=2)
    oldest = iot.list_outgoing_certificates(pageSize=2, ascendingOrder=True)
    rest = remove_metadata(iot.list_outgoing_certificates(pageSize=2, marker=newest["nextMarker"]))

    def ids(output):
        return [
            {"certificateId": certificate["certificateId"]} for certificate in output["outgoingCertificates"]
        ]

    assert (ids(newest), ids(rest), ids(oldest)) == (created[:0:-1], created[:1], created[:2])
