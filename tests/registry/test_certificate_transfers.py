"""Transfers of certificates to another account."""

import pytest

from tests.support.direct_client import ACCOUNT, EMPTY_POLICY, START_TIME, catch_error, create_client

TARGET_ACCOUNT = "111122223333"
WRONG_STATE = ("CertificateStateException", 406)
CONFLICT = ("TransferConflictException", 409)
COMPLETED = ("TransferAlreadyCompletedException", 410)
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def target_iot(current_registry, registry):
    """A client of the target account."""
    return create_client("iot", current_registry.get, account=TARGET_ACCOUNT)


@pytest.fixture
def identity(iot, device):
    """The parameters that identify an INACTIVE certificate."""
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    return {"certificateId": device["certificateId"]}


def transfer(iot, identity):
    return iot.transfer_certificate(**identity, targetAwsAccount=TARGET_ACCOUNT, transferMessage="yours")


def describe_certificate(client, identity):
    return client.describe_certificate(**identity)["certificateDescription"]


def list_statuses(client):
    return {
        certificate["certificateId"]: certificate["status"]
        for certificate in client.list_certificates()["certificates"]
    }


def test_a_transferred_certificate_is_pending_in_both_accounts(iot, target_iot, identity, device):
    transferred = transfer(iot, identity)

    expected = {device["certificateId"]: "PENDING_TRANSFER"}
    assert (list_statuses(iot), list_statuses(target_iot)) == (expected, expected)
    target_arn = device["certificateArn"].replace(ACCOUNT, TARGET_ACCOUNT)
    assert (
        transferred["transferredCertificateArn"],
        describe_certificate(target_iot, identity)["certificateArn"],
    ) == (
        target_arn,
        target_arn,
    )
    outgoing = iot.list_outgoing_certificates()["outgoingCertificates"]
    assert outgoing == [
        {
            **device,
            "transferredTo": TARGET_ACCOUNT,
            "transferDate": START_TIME,
            "transferMessage": "yours",
            "creationDate": START_TIME,
        }
    ]
    assert target_iot.list_outgoing_certificates()["outgoingCertificates"] == []


@pytest.mark.parametrize(("extra", "status"), [({}, "INACTIVE"), ({"setAsActive": True}, "ACTIVE")])
def test_an_accepted_certificate_belongs_to_the_target_account(iot, target_iot, identity, extra, status):
    transfer(iot, identity)
    target_iot.accept_certificate_transfer(**identity, **extra)

    described = describe_certificate(target_iot, identity)
    members = {key: described[key] for key in ("status", "ownedBy", "previousOwnedBy", "transferData")}
    assert members == {
        "status": status,
        "ownedBy": TARGET_ACCOUNT,
        "previousOwnedBy": ACCOUNT,
        "transferData": {"transferMessage": "yours", "transferDate": START_TIME, "acceptDate": START_TIME},
    }
    assert catch_error(iot.describe_certificate, **identity) == MISSING
    assert iot.list_outgoing_certificates()["outgoingCertificates"] == []
    assert catch_error(target_iot.accept_certificate_transfer, **identity) == COMPLETED
    assert catch_error(iot.cancel_certificate_transfer, **identity) == COMPLETED


def test_a_rejected_certificate_is_inactive_in_the_source_account_and_can_be_transferred_again(
    iot, target_iot, identity
):
    transfer(iot, identity)
    target_iot.reject_certificate_transfer(**identity, rejectReason="not ours")

    described = describe_certificate(iot, identity)
    assert (described["status"], described["transferData"]) == (
        "INACTIVE",
        {
            "transferMessage": "yours",
            "rejectReason": "not ours",
            "transferDate": START_TIME,
            "rejectDate": START_TIME,
        },
    )
    assert list_statuses(target_iot) == {}
    transfer(iot, identity)
    target_iot.accept_certificate_transfer(**identity)


def test_a_canceled_transfer_leaves_the_certificate_inactive(iot, target_iot, identity):
    transfer(iot, identity)
    iot.cancel_certificate_transfer(**identity)

    described = describe_certificate(iot, identity)
    assert (described["status"], described["transferData"], list_statuses(target_iot)) == (
        "INACTIVE",
        {},
        {},
    )
    assert catch_error(iot.cancel_certificate_transfer, **identity) == COMPLETED
    assert catch_error(target_iot.accept_certificate_transfer, **identity) == MISSING


def test_only_an_inactive_certificate_without_attachments_can_be_transferred(iot, target_iot, device, clock):
    params = {"certificateId": device["certificateId"], "targetAwsAccount": TARGET_ACCOUNT}
    assert catch_error(iot.transfer_certificate, **params) == WRONG_STATE
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    iot.create_policy(policyName="connect", policyDocument=EMPTY_POLICY)
    iot.attach_policy(policyName="connect", target=device["certificateArn"])
    assert catch_error(iot.transfer_certificate, **params) == CONFLICT
    iot.detach_policy(policyName="connect", target=device["certificateArn"])
    iot.create_thing(thingName="pump-7")
    iot.attach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    assert catch_error(iot.transfer_certificate, **params) == CONFLICT
    iot.detach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    clock.advance(5)  # the detach lag

    iot.transfer_certificate(**params)
    assert catch_error(iot.transfer_certificate, **params) == WRONG_STATE


def test_a_certificate_cannot_be_transferred_to_its_own_account_or_one_that_already_has_it(
    iot, target_iot, identity, device_pem
):
    target_iot.register_certificate_without_ca(certificatePem=device_pem)

    assert catch_error(iot.transfer_certificate, **identity, targetAwsAccount=TARGET_ACCOUNT) == CONFLICT
    assert catch_error(iot.transfer_certificate, **identity, targetAwsAccount=ACCOUNT) == INVALID


def test_a_certificate_in_transfer_cannot_be_attached_updated_or_deleted(iot, target_iot, identity, device):
    iot.create_thing(thingName="pump-7")
    iot.create_policy(policyName="connect", policyDocument=EMPTY_POLICY)
    transfer(iot, identity)

    arn = device["certificateArn"]
    for client in (iot, target_iot):
        assert catch_error(client.update_certificate, **identity, newStatus="ACTIVE") == WRONG_STATE
        assert catch_error(client.delete_certificate, **identity, forceDelete=True) == WRONG_STATE
    assert catch_error(iot.attach_policy, policyName="connect", target=arn) == INVALID
    assert catch_error(iot.attach_thing_principal, thingName="pump-7", principal=arn) == INVALID


def test_only_the_source_account_cancels_a_transfer_and_only_the_target_accepts_it(iot, target_iot, identity):
    transfer(iot, identity)

    assert catch_error(target_iot.cancel_certificate_transfer, **identity) == COMPLETED
    assert catch_error(iot.accept_certificate_transfer, **identity) == COMPLETED


def test_transfers_of_a_missing_certificate_raise_resource_not_found(iot, registry):
    identity = {"certificateId": "a" * 64}

    assert catch_error(iot.transfer_certificate, **identity, targetAwsAccount=TARGET_ACCOUNT) == MISSING
    for operation in (
        iot.accept_certificate_transfer,
        iot.reject_certificate_transfer,
        iot.cancel_certificate_transfer,
    ):
        assert catch_error(operation, **identity) == MISSING


def test_outgoing_certificates_are_listed_by_age_in_pages(iot, target_iot, clock):
    created_ids = []
    for _ in range(3):
        clock.advance(1)
        created_ids.append(iot.create_keys_and_certificate()["certificateId"])
        transfer(iot, {"certificateId": created_ids[-1]})

    newest_two = iot.list_outgoing_certificates(pageSize=2)
    oldest_one = iot.list_outgoing_certificates(pageSize=2, marker=newest_two["nextMarker"])
    oldest_two = iot.list_outgoing_certificates(pageSize=2, ascendingOrder=True)

    def get_ids(output):
        return [certificate["certificateId"] for certificate in output["outgoingCertificates"]]

    first, second, third = created_ids
    assert get_ids(newest_two) == [third, second]
    assert get_ids(oldest_one) == [first]
    assert get_ids(oldest_two) == [first, second]
