"""What a plan says beside its changes."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import AwsError
from reconciler.model.pem import Pem
from reconciler.model.plan import Note
from tests.support.desired_states import AUTHORITIES, ca, converge, plan_of, resource, state
from tests.support.pki import DAY, NOW
from tests.support.registry_client import Cloud

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.mark.parametrize(("within", "told"), [("30d", True), ("7d", False)])
def test_a_certificate_about_to_expire_is_a_warning_in_every_plan(cloud, within, told):
    pem = Pem.parse(AUTHORITIES["alpha"].device("short-lived", 1, 10))
    certificate = resource("certificates", "a", Certificate(pem, ca="alpha"))
    wanted = state(
        ca(), certificate, resource("things", "a", Thing(certificates=("a",))), expires_within=within
    )
    end = (NOW + 10 * DAY).astimezone(datetime.UTC)
    text = f"the certificate expires on {end:%Y-%m-%d}, in 9 days"
    expected = (Note("warning", text, Address("certificates", "a")),) if told else ()
    assert plan_of(wanted, cloud).notes == expected
    converge(wanted, cloud)
    assert plan_of(wanted, cloud).notes == expected


@pytest.mark.parametrize(("count", "told"), [(50, True), (49, False)])
def test_a_policy_that_many_certificates_get_is_better_attached_to_a_group(cloud, count, told):
    devices = [
        resource(
            "certificates",
            f"d{number}",
            Certificate(
                Pem.parse(AUTHORITIES["alpha"].device(f"d{number}")), ca="alpha", policies=("telemetry",)
            ),
        )
        for number in range(count)
    ]
    wanted = state(ca(), resource("policies", "telemetry", Policy(Document.from_value(ALLOW))), *devices)
    text = (
        "the policy 'telemetry' is attached to 50 certificates one by one; attached to a thing group of theirs "
        "it would take 49 calls less, 3 s under AWS's quotas"
    )
    assert plan_of(wanted, cloud).notes == ((Note("info", text),) if told else ())


class TestClosed:
    """Kinds that we may not look at."""

    @staticmethod
    def closing(cloud, operation: str):
        def call(asked):
            if asked.operation == operation:
                raise AwsError(
                    service=asked.service, operation=operation, code="AccessDeniedException", message="no"
                )
            return cloud.call(asked)

        return SimpleNamespace(call=call)

    def test_what_the_file_has_nothing_of_is_left_alone_with_a_warning(self, cloud):
        found = plan_of(state(ca()), self.closing(cloud, "ListManagedThings"))
        told = (
            "managed things could not be looked for, so any that the workspace owns are left alone: "
            "iot-managed-integrations:ListManagedThings answered AccessDeniedException: no"
        )
        assert (found.notes, found.counts["create"]) == ((Note("warning", told),), 2)

    def test_what_the_file_has_something_of_must_be_looked_at(self, cloud):
        with pytest.raises(AwsError):
            plan_of(state(ca()), self.closing(cloud, "ListCACertificates"))
