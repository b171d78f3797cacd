"""The calls for a fleet, compared with those of a bare loop that reaches the same state.

The loop sends only the writes that AWS needs. It neither marks what it owns, nor checks that no one else has changed what it writes,
and it needs no plan.
"""

from __future__ import annotations

from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.policies import Policy
from reconciler.model.settings import DesiredState
from tests.support.desired_states import (
    apply,
    list_failures,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.edits import make_allow_document
from tests.support.registry_client import Cloud

DEVICES = 100
CREATE_CALLS = 2 + 4 * DEVICES
"""RegisterCACertificate, CreatePolicy; RegisterCertificate, CreateThing, AttachPolicy, AttachThingPrincipal."""

CHECK_CALLS = 4 * DEVICES
"""DescribeThing, DescribeCertificate, ListAttachedPolicies, ListThingPrincipals: which devices differ from the file."""

DESTROY_CALLS = 3 + 5 * DEVICES
"""DeletePolicy, UpdateCACertificate, DeleteCACertificate; DetachThingPrincipal, DeleteThing, DetachPolicy,
UpdateCertificate, DeleteCertificate.
"""


def make_fleet(changed_site: str) -> DesiredState:
    """Return the desired state of a fleet whose first device is at a site of its own."""
    resources = [make_ca(), make_resource("policies", "connect", Policy(make_allow_document("iot:Connect")))]
    for number in range(DEVICES):
        site = "oslo" if number else changed_site
        certificate, thing = make_device(f"d{number:03}", site=site)
        resources += [replace(certificate, spec=evolve(certificate.spec, policies=("connect",))), thing]
    return make_state(*resources)


def count_calls(desired: DesiredState, cloud: Cloud, *, destroy: bool = False) -> int:
    """Plan and apply, and return the number of requests."""
    requests_before = cloud.request_count
    plan = plan_state(desired, cloud, destroy=destroy, allow={"delete": "100%"})
    assert list_failures(apply(plan, cloud)) == []
    return cloud.request_count - requests_before


def test_a_fleet_takes_few_more_calls_than_a_bare_loop(cloud):
    fleet, changed_fleet = make_fleet("oslo"), make_fleet("bergen")
    create_calls = count_calls(fleet, cloud)
    change_calls = count_calls(changed_fleet, cloud)
    destroy_calls = count_calls(changed_fleet, cloud, destroy=True)

    assert create_calls <= 1.5 * CREATE_CALLS
    assert change_calls <= 0.5 * CHECK_CALLS
    # The plan and each step read what a deletion would remove, mostly with listings. The plan also reads all kinds: 99 calls, a fifth
    # of those of a loop for this fleet.
    assert destroy_calls <= 1.6 * DESTROY_CALLS
