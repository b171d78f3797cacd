"""The warnings and notes of a plan."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest
from attrs import evolve

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.document import Document
from reconciler.model.errors import AwsError
from reconciler.model.pem import Pem
from reconciler.model.plan import Note
from tests.support.desired_states import (
    AUTHORITIES,
    converge,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.pki import DAY, NOW

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
}


@pytest.mark.parametrize(("within", "is_shown"), [("30d", True), ("7d", False)])
def test_every_plan_warns_of_a_certificate_that_expires_within_the_configured_time(cloud, within, is_shown):
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem("short-lived", days=10))
    certificate = make_resource("certificates", "a", Certificate(pem, ca="alpha"))
    desired = make_state(
        make_ca(),
        certificate,
        make_resource("things", "a", Thing(certificates=("a",))),
        expires_within=within,
    )
    expiry = (NOW + 10 * DAY).astimezone(datetime.UTC)
    # Nine whole days remain: a part of the tenth has passed since the certificate was created.
    text = f"the certificate expires on {expiry:%Y-%m-%d}, in 9 days"
    expected = (Note("warning", text, Address("certificates", "a")),) if is_shown else ()
    assert plan_state(desired, cloud).notes == expected
    converge(desired, cloud)
    assert plan_state(desired, cloud).notes == expected


def make_state_with_shared_policy(count, document):
    """Return a desired state in which `count` certificates have one policy."""
    devices = [
        make_resource(
            "certificates",
            f"d{number}",
            Certificate(
                Pem.parse(AUTHORITIES["alpha"].get_device_pem(f"d{number}")),
                ca="alpha",
                policies=("telemetry",),
            ),
        )
        for number in range(count)
    ]
    return make_state(
        make_ca(), make_resource("policies", "telemetry", Policy(Document.from_value(document))), *devices
    )


@pytest.mark.parametrize(("count", "is_shown"), [(50, True), (49, False)])
def test_a_note_suggests_a_group_for_a_policy_of_many_certificates(cloud, count, is_shown):
    desired = make_state_with_shared_policy(count, ALLOW)
    text = (
        "the policy 'telemetry' is attached to 50 certificates, one call each; attaching it to a thing group of "
        "their things instead saves 49 calls, which take 3 s under AWS's quotas"
    )
    assert plan_state(desired, cloud).notes == ((Note("info", text),) if is_shown else ())


@pytest.mark.parametrize("action", ["greengrass:*", "*", "greengrass:Discover"])
def test_no_note_suggests_a_group_for_a_policy_of_greengrass_devices(cloud, action):
    """AWS does not grant actions of Greengrass through the policies of thing groups."""
    statement = {"Effect": "Allow", "Action": ["iot:Connect", action], "Resource": "*"}
    desired = make_state_with_shared_policy(50, {"Version": "2012-10-17", "Statement": [statement]})
    assert plan_state(desired, cloud).notes == ()


class TestUnlistedKinds:
    """Kinds that the caller has no permission to list."""

    @staticmethod
    def deny_operation(cloud, operation: str):
        """Return a client of the cloud's registry to which this operation is denied."""

        def call(request):
            if request.operation == operation:
                raise AwsError(
                    service=request.service, operation=operation, code="AccessDeniedException", message="no"
                )
            return cloud.call(request)

        return SimpleNamespace(call=call)

    def test_a_kind_that_is_not_in_the_file_is_skipped_with_a_warning(self, cloud):
        plan = plan_state(make_state(make_ca()), self.deny_operation(cloud, "ListManagedThings"))
        text = (
            "managed things could not be listed; resources of this kind are skipped: "
            "iot-managed-integrations:ListManagedThings failed with AccessDeniedException: no"
        )
        # The CA and the workspace's group are created.
        assert (plan.notes, plan.counts["create"]) == ((Note("warning", text),), 2)

    def test_a_kind_that_is_in_the_file_must_be_listable(self, cloud):
        with pytest.raises(AwsError):
            plan_state(make_state(make_ca()), self.deny_operation(cloud, "ListCACertificates"))


def test_an_unset_key_is_not_reported_once_its_ca_is_registered(cloud):
    desired = make_state(make_ca())
    warning = Diagnostic(
        "fleet.toml",
        3,
        "env CA_KEY is unset or empty",
        "ca_certificates.alpha",
        "verification.key",
        severity="warning",
        code="unset-secret",
    )
    with_warning = evolve(desired, warnings=(warning,))
    text = "verification.key: env CA_KEY is unset or empty [unset-secret] (fleet.toml:3)"
    assert [note.text for note in plan_state(with_warning, cloud).notes] == [text]
    converge(desired, cloud)
    assert plan_state(with_warning, cloud).notes == ()


def test_an_activation_of_a_certificate_is_a_warning(cloud):
    desired = make_state(make_ca(), *make_device("a"))
    converge(desired, cloud)
    (certificate_id,) = cloud.read_content()["certificates"]
    cloud.iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    (ca_id,) = [ca["certificateId"] for ca in cloud.iot.list_ca_certificates()["certificates"]]
    cloud.iot.update_ca_certificate(certificateId=ca_id, newStatus="INACTIVE")
    text = (
        "is INACTIVE in AWS and will be activated; if someone deactivated it on purpose, "
        'set status = "INACTIVE" before you apply'
    )
    assert [(str(note.address), note.level, note.text) for note in plan_state(desired, cloud).notes] == [
        ("ca_certificates.alpha", "warning", text),
        ("certificates.a", "warning", text),
    ]
