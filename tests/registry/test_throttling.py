"""The registry's rate limiter, with a clock that moves only by hand."""

import pytest

from reconciler.registry.throttling import RateLimiter
from tests.support.direct_client import ManualClock


def buckets(service, operation):
    rates = {"RegisterThing": 10.0, "CreateThing": 100.0, "Slow": 0.5}
    operation_bucket = (service, operation, rates[operation])
    shared_buckets = ((service, "registrations", 15.0),) if operation != "Slow" else ()
    return (operation_bucket, *shared_buckets)


@pytest.fixture
def limiter(clock):
    return RateLimiter(buckets, clock)


def count_admitted(limiter, operation, times, account="1", region="r"):
    return [limiter.admit(account, region, "iot", operation) for _ in range(times)].count(0.0)


def test_a_full_bucket_admits_a_burst_and_then_calls_at_its_rate(limiter, clock: ManualClock):
    at_once = count_admitted(limiter, "RegisterThing", 30)
    clock.advance(0.5)
    later = count_admitted(limiter, "RegisterThing", 30)

    assert (at_once, later) == (10, 5)


def test_a_rejected_call_gets_its_wait_and_takes_no_token(limiter, clock: ManualClock):
    count_admitted(limiter, "RegisterThing", 10)
    waits = [limiter.admit("1", "r", "iot", "RegisterThing") for _ in range(3)]
    clock.advance(waits[0])

    assert waits == [pytest.approx(0.1)] * 3
    assert limiter.admit("1", "r", "iot", "RegisterThing") == 0.0


def test_a_call_takes_from_all_its_buckets_and_the_emptiest_decides(limiter):
    assert count_admitted(limiter, "CreateThing", 12) == 12
    assert count_admitted(limiter, "RegisterThing", 12) == 3


def test_accounts_and_regions_have_their_own_buckets(limiter):
    counts = [
        count_admitted(limiter, "RegisterThing", 20, *account_and_region)
        for account_and_region in (("1", "r"), ("2", "r"), ("1", "s"))
    ]

    assert counts == [10, 10, 10]


def test_a_rate_below_one_per_second_admits_one_call(limiter, clock: ManualClock):
    first = count_admitted(limiter, "Slow", 3)
    clock.advance(2.0)

    assert (first, count_admitted(limiter, "Slow", 3)) == (1, 1)


def test_a_call_that_arrives_slightly_early_is_admitted(limiter, clock: ManualClock):
    count_admitted(limiter, "RegisterThing", 10)
    start = clock.now
    leads = [0.0, 0.015] * 50
    waits = []
    for number, lead in enumerate(leads, 1):
        clock.now = start + number / 10 - lead
        waits.append(limiter.admit("1", "r", "iot", "RegisterThing"))

    assert waits == [0.0] * 100


def test_a_clock_that_moves_backwards_changes_no_bucket(limiter, clock: ManualClock):
    count_admitted(limiter, "RegisterThing", 10)
    clock.advance(-3600)

    assert count_admitted(limiter, "RegisterThing", 5) == 0
