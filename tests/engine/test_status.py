"""The status of a live resource: facts that AWS reports and no file can declare."""

from __future__ import annotations

import hashlib
import re
import ssl

from reconciler.engine.status import Status, read_status
from reconciler.kinds import all_kinds
from reconciler.model.errors import AwsError
from reconciler.model.resource import Live
from tests.support.desired_states import converge, make_managed_thing, make_state
from tests.support.registry_client import Cloud

COMMAND = {
    "endpointId": "1",
    "capabilities": [
        {
            "id": "aws.OnOff@1.0",
            "name": "OnOff",
            "version": "1",
            "actions": [{"name": "UpdateState", "parameters": {"OnOff": True}}],
        }
    ],
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def apply_managed_thing() -> tuple[Cloud, Live]:
    """Apply a managed thing, and return its registry and its live state with only the ID."""
    cloud = Cloud()
    converge(make_state(make_managed_thing("a")), cloud)
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    return cloud, Live(item["Id"], None)


def test_a_managed_thing_that_was_never_set_up_has_a_short_status():
    cloud, live = apply_managed_thing()
    assert read_status(all_kinds()["managed_things"], live, cloud.call) == Status(
        {"provisioning_status": "PRE_ASSOCIATED", "connected": False}
    )


def test_the_status_of_a_managed_thing_has_its_certificate_and_states():
    cloud, live = apply_managed_thing()
    cloud.managed_integrations.send_managed_thing_command(ManagedThingId=live.identity, Endpoints=[COMMAND])
    pem = cloud.managed_integrations.get_managed_thing_certificate(Identifier=live.identity)["CertificatePem"]
    values = dict(read_status(all_kinds()["managed_things"], live, cloud.call).values)
    assert TIME.fullmatch(values["connectivity_as_of"])
    assert values.pop("connectivity_as_of") == values.pop("activated_at")
    assert values == {
        "provisioning_status": "ACTIVATED",
        "connected": True,
        "certificate.sha256": hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest(),
        "certificate.subject": "CN=AWS IoT Certificate",
        "certificate.expires_at": "2049-12-31T23:59:59Z",
        "states.1.aws.OnOff@1.0": {"OnOff": True},
    }


def test_operations_without_permission_are_left_out_and_named():
    cloud, live = apply_managed_thing()

    def call(request):
        if request.operation in {"GetManagedThingCertificate", "GetManagedThingState"}:
            raise AwsError(
                service=request.service,
                operation=request.operation,
                code="AccessDeniedException",
                message="no",
            )
        return cloud.call(request)

    assert read_status(all_kinds()["managed_things"], live, call) == Status(
        {"provisioning_status": "PRE_ASSOCIATED", "connected": False},
        (
            "iot-managed-integrations:GetManagedThingCertificate",
            "iot-managed-integrations:GetManagedThingState",
        ),
    )


def test_a_kind_without_a_status_sends_no_calls():
    cloud = Cloud()
    calls = cloud.request_count
    assert read_status(all_kinds()["things"], Live("a", None), cloud.call) == Status()
    assert cloud.request_count == calls
