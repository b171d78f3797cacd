"""AWS's default API rates, which are packaged as `quotas.toml`."""

from __future__ import annotations

import pytest

from reconciler.aws.quotas import load_quotas
from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.kinds import all_kinds

QUOTAS = load_quotas({})


@pytest.mark.parametrize("service", sorted(QUOTAS.rates))
def test_every_rate_is_positive_and_for_existing_operations(service):
    rates, shared_quotas = QUOTAS.rates[service], QUOTAS.shared[service]
    shared_operations = {name for _, operations in shared_quotas.values() for name in operations}
    existing_operations = set(ServiceModelConstraints().list_operations(service))
    # "default" is the rate of all operations without a rate of their own.
    assert (rates.keys() | shared_operations) - existing_operations - {"default"} == set()
    assert [name for name, rate in rates.items() if rate <= 0] == []
    assert [name for name, (rate, _) in shared_quotas.items() if rate <= 0] == []


def test_every_service_of_a_kind_has_rates():
    assert {kind.service for kind in all_kinds().values()} - QUOTAS.rates.keys() == set()


def test_the_workspaces_quotas_replace_only_the_defaults_of_the_same_operations():
    quotas = load_quotas({"iot": {"CreateThing": 1.5}})
    rates = {name: quotas.find_buckets("iot", name)[0].rate for name in ("CreateThing", "UpdateThing")}
    assert rates == {"CreateThing": 1.5, "UpdateThing": 100.0}
