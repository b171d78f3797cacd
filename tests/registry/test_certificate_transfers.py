"""Certificates on their way to another account."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, NOON, create_client, error_of, without_metadata

TARGET = "111122223333"
STATE = ("CertificateStateException", 406)
CONFLICT = ("TransferConflictException", 409)
COMPLETED = ("TransferAlreadyCompletedException", 410)
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
MOMENT = datetime.fromtimestamp(NOON, UTC)


@pytest.fixture
def other(current_registry, registry):
    """A client of the account that certificates are transferred to."""
    return create_client("iot", current_registry.get, account=TARGET)


@pytest.fixture
def named(iot, device):
    """The parameters that name an INACTIVE certificate."""
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    return {"certificateId": device["certificateId"]}


def offer(iot, named):
    return iot.transfer_certificate(**named, targetAwsAccount=TARGET, transferMessage="yours")


def description(client, named):
    return client.describe_certificate(**named)["certificateDescription"]


def statuses(client):
    return {one["certificateId"]: one["status"] for one in client.list_certificates()["certificates"]}


def test_an_offered_certificate_is_pending_in_both_accounts(iot, other, named, device):
    offered = offer(iot, named)

    expected = {device["certificateId"]: "PENDING_TRANSFER"}
    assert (statuses(iot), statuses(other)) == (expected, expected)
    there = device["certificateArn"].replace(ACCOUNT, TARGET)
    assert (offered["transferredCertificateArn"], description(other, named)["certificateArn"]) == (
        there,
        there,
    )
    outgoing = iot.list_outgoing_certificates()["outgoingCertificates"]
    assert outgoing == [
        {
            **device,
            "transferredTo": TARGET,
            "transferDate": MOMENT,
            "transferMessage": "yours",
            "creationDate": MOMENT,
        }
    ]
    assert other.list_outgoing_certificates()["outgoingCertificates"] == []


@pytest.mark.parametrize(("more", "status"), [({}, "INACTIVE"), ({"setAsActive": True}, "ACTIVE")])
def test_an_accepted_certificate_belongs_to_the_target(iot, other, named, more, status):
    offer(iot, named)
    other.accept_certificate_transfer(**named, **more)

    described = description(other, named)
    seen = {key: described[key] for key in ("status", "ownedBy", "previousOwnedBy", "transferData")}
    assert seen == {
        "status": status,
        "ownedBy": TARGET,
        "previousOwnedBy": ACCOUNT,
        "transferData": {"transferMessage": "yours", "transferDate": MOMENT, "acceptDate": MOMENT},
    }
    assert error_of(iot.describe_certificate, **named) == MISSING
    assert iot.list_outgoing_certificates()["outgoingCertificates"] == []
    assert error_of(other.accept_certificate_transfer, **named) == COMPLETED
    assert error_of(iot.cancel_certificate_transfer, **named) == COMPLETED


def test_a_rejected_certificate_is_inactive_at_its_source_again(iot, other, named):
    offer(iot, named)
    other.reject_certificate_transfer(**named, rejectReason="not ours")

    described = description(iot, named)
    assert (described["status"], described["transferData"]) == (
        "INACTIVE",
        {
            "transferMessage": "yours",
            "rejectReason": "not ours",
            "transferDate": MOMENT,
            "rejectDate": MOMENT,
        },
    )
    assert statuses(other) == {}
    offer(iot, named)
    other.accept_certificate_transfer(**named)


def test_a_cancelled_certificate_is_inactive_at_its_source_again(iot, other, named):
    offer(iot, named)
    iot.cancel_certificate_transfer(**named)

    described = description(iot, named)
    assert (described["status"], "transferData" in described, statuses(other)) == ("INACTIVE", False, {})
    assert error_of(iot.cancel_certificate_transfer, **named) == COMPLETED
    assert error_of(other.accept_certificate_transfer, **named) == MISSING


def test_only_an_inactive_certificate_to_which_nothing_is_attached_is_transferred(iot, other, device, clock):
    params = {"certificateId": device["certificateId"], "targetAwsAccount": TARGET}
    assert error_of(iot.transfer_certificate, **params) == STATE
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    iot.create_policy(policyName="connect", policyDocument="{}")
    iot.attach_policy(policyName="connect", target=device["certificateArn"])
    assert error_of(iot.transfer_certificate, **params) == CONFLICT
    iot.detach_policy(policyName="connect", target=device["certificateArn"])
    iot.create_thing(thingName="pump-7")
    iot.attach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    assert error_of(iot.transfer_certificate, **params) == CONFLICT
    iot.detach_thing_principal(thingName="pump-7", principal=device["certificateArn"])
    clock.advance(5)

    iot.transfer_certificate(**params)
    assert error_of(iot.transfer_certificate, **params) == STATE


def test_a_certificate_that_the_target_has_is_not_transferred(iot, other, named, device_pem):
    other.register_certificate_without_ca(certificatePem=device_pem)

    assert error_of(iot.transfer_certificate, **named, targetAwsAccount=TARGET) == CONFLICT
    assert error_of(iot.transfer_certificate, **named, targetAwsAccount=ACCOUNT) == INVALID


def test_a_certificate_that_is_being_transferred_cannot_be_used_changed_or_deleted(iot, other, named, device):
    iot.create_thing(thingName="pump-7")
    iot.create_policy(policyName="connect", policyDocument="{}")
    offer(iot, named)

    arn = device["certificateArn"]
    for client in (iot, other):
        assert error_of(client.update_certificate, **named, newStatus="ACTIVE") == STATE
        assert error_of(client.delete_certificate, **named, forceDelete=True) == STATE
    assert error_of(iot.attach_policy, policyName="connect", target=arn) == INVALID
    assert error_of(iot.attach_thing_principal, thingName="pump-7", principal=arn) == INVALID
    assert error_of(other.cancel_certificate_transfer, **named) == COMPLETED
    assert error_of(iot.accept_certificate_transfer, **named) == COMPLETED


def test_what_is_missing_is_not_found(iot, registry):
    named = {"certificateId": "a" * 64}

    assert error_of(iot.transfer_certificate, **named, targetAwsAccount=TARGET) == MISSING
    for operation in (
        iot.accept_certificate_transfer,
        iot.reject_certificate_transfer,
        iot.cancel_certificate_transfer,
    ):
        assert error_of(operation, **named) == MISSING


def test_outgoing_certificates_are_listed_by_age_page_by_page(iot, other, clock):
    made = []
    for _ in range(3):
        clock.advance(1)
        made.append({"certificateId": iot.create_keys_and_certificate()["certificateId"]})
        offer(iot, made[-1])

    newest = iot.list_outgoing_certificates(pageSize=2)
    oldest = iot.list_outgoing_certificates(pageSize=2, ascendingOrder=True)
    rest = without_metadata(iot.list_outgoing_certificates(pageSize=2, marker=newest["nextMarker"]))

    def ids(output):
        return [{"certificateId": one["certificateId"]} for one in output["outgoingCertificates"]]

    assert (ids(newest), ids(rest), ids(oldest)) == (made[:0:-1], made[:1], made[:2])
