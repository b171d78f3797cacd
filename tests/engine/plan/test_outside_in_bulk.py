"""A plan that refers to very many resources outside the file checks them in few calls."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.engine.plan import outside, outside_reads
from reconciler.engine.plan.planner import make_plan
from reconciler.kinds.things import Thing
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Note
from reconciler.model.plan_options import PlanOptions
from reconciler.model.resource import External
from tests.support.denied_calls import deny
from tests.support.desired_states import AUTHORITIES, QUOTAS, make_resource, make_state
from tests.support.outside_problems import describe_missing, place
from tests.support.pki import compute_certificate_id
from tests.support.registry_client import TARGET

NAMES = ("a", "b", "c", "d", "e", "f")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    """Make a page of a listing as slow as one description, and no listing complete unless it is needed."""
    monkeypatch.setattr(outside_reads, "DESCRIBES_PER_PAGE", 1)
    monkeypatch.setattr("reconciler.engine.plan.refresh._MAX_LISTED_BY_PLANS", 1)


def register(cloud, *names):
    """Register a certificate of each name, and return their IDs."""
    pems = [AUTHORITIES["alpha"].get_device_pem(name) for name in names]
    for pem in pems:
        cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
    return [compute_certificate_id(pem) for pem in pems]


def make_things(ids):
    things = (
        place(make_resource("things", f"t-{number}", Thing(certificates=(External(identity),))))
        for number, identity in enumerate(ids)
    )
    return make_state(*things)


def plan_and_count(desired, cloud, call=None):
    """Return the plan, or the reasons why it is rejected, and the calls about certificates."""
    sent = Counter()

    def count(request):
        sent[request.operation] += 1
        return (call or cloud.call)(request)

    try:
        result = make_plan(
            desired, PlanOptions(), target=TARGET, call=count, quotas=QUOTAS, progress=lambda *_: None
        )
    except PlanRejectedError as error:
        result = list(error.reasons)
    operations = ("ListCertificates", "DescribeCertificate", "ListPrincipalThingsV2")
    return result, {operation: sent[operation] for operation in operations if sent[operation]}


@pytest.mark.parametrize("max_listed", [1, 1_000])
def test_many_certificates_outside_the_file_are_looked_up_in_one_listing(cloud, monkeypatch, max_listed):
    monkeypatch.setattr("reconciler.engine.plan.refresh._MAX_LISTED_BY_PLANS", max_listed)
    ids = register(cloud, *NAMES)

    plan, calls = plan_and_count(make_things(ids), cloud)

    assert len(plan.steps) == len(ids) + 1  # and the workspace's group
    assert calls == {"ListCertificates": 2, "ListPrincipalThingsV2": len(ids)}


def test_a_listing_shows_missing_certificates_and_those_in_transfer(cloud):
    *ids, transferred = register(cloud, *NAMES)
    cloud.iot.update_certificate(certificateId=transferred, newStatus="INACTIVE")
    cloud.iot.transfer_certificate(certificateId=transferred, targetAwsAccount="210987654321")
    missing = "ab" * 32

    reasons, calls = plan_and_count(make_things([*ids, transferred, missing]), cloud)

    assert reasons == [
        (
            f"things.t-5: certificates: the device certificate {transferred[:12]}… is being transferred to another account; accept, "
            "reject or cancel the transfer first (fleet.toml:7)"
        ),
        f"things.t-6: certificates: {describe_missing('device certificate', missing)}",
    ]
    assert calls == {"ListCertificates": 2, "ListPrincipalThingsV2": len(NAMES) + 1}


def test_certificates_are_described_if_the_account_has_too_many_to_list(cloud, monkeypatch):
    monkeypatch.setattr(outside_reads, "PAGE_SIZE", 1)
    ids = register(cloud, *NAMES)

    plan, calls = plan_and_count(make_things(ids), cloud)

    assert len(plan.steps) == len(ids) + 1
    assert calls == {
        "ListCertificates": 2,
        "DescribeCertificate": len(ids),
        "ListPrincipalThingsV2": len(ids),
    }


def test_certificates_are_described_without_the_permission_to_list_them(cloud):
    ids = register(cloud, *NAMES)
    call = deny(cloud.call, lambda request: request.operation == "ListCertificates")

    plan, calls = plan_and_count(make_things(ids), cloud, call)

    assert len(plan.steps) == len(ids) + 1
    assert calls["DescribeCertificate"] == len(ids)


def test_a_plan_reads_the_things_of_a_limited_number_of_certificates_and_notes_the_others(cloud, monkeypatch):
    monkeypatch.setattr(outside, "_MAX_READS_OF_ONE_KIND", 2)
    ids = register(cloud, *NAMES)

    plan, calls = plan_and_count(make_things(ids), cloud)

    assert calls == {"ListCertificates": 2, "ListPrincipalThingsV2": 2}
    text = (
        "not checked for 4 changes: whether other things have certificates exclusively; AWS rejects such a change, and nothing else "
        "is affected"
    )
    assert [note for note in plan.notes if note.level == "info"] == [Note("info", text)]
