"""The registry's rate limiter, with a clock that only the test advances."""

import pytest

from reconciler.registry.throttling import RateLimiter
from tests.support.direct_client import ManualClock


def find_buckets(service, operation):
    rates = {"RegisterThing": 10.0, "CreateThing": 100.0, "Slow": 0.5}
    operation_bucket = (service, operation, rates[operation])
    shared_buckets = ((service, "shared", 15.0),) if operation != "Slow" else ()
    return (operation_bucket, *shared_buckets)


@pytest.fixture
def limiter(clock):
    return RateLimiter(find_buckets, clock)


def count_admitted_calls(limiter, operation, times, account="1", region="r"):
    return [limiter.admit(account, region, "iot", operation) for _ in range(times)].count(0.0)


def test_a_full_bucket_admits_a_burst_and_then_calls_at_its_rate(limiter, clock: ManualClock):
    admitted_at_once = count_admitted_calls(limiter, "RegisterThing", 30)
    clock.advance(0.5)
    admitted_later = count_admitted_calls(limiter, "RegisterThing", 30)

    assert (admitted_at_once, admitted_later) == (10, 5)


def test_a_rejected_call_takes_no_token_and_can_be_repeated_after_its_wait(limiter, clock: ManualClock):
    count_admitted_calls(limiter, "RegisterThing", 10)
    waits = [limiter.admit("1", "r", "iot", "RegisterThing") for _ in range(3)]
    clock.advance(waits[0])

    assert waits == [pytest.approx(0.1)] * 3
    assert limiter.admit("1", "r", "iot", "RegisterThing") == 0.0


def test_a_call_takes_a_token_from_each_of_its_buckets_and_needs_them_all(limiter):
    # Both operations take from the shared bucket, which starts with 15 tokens.
    assert count_admitted_calls(limiter, "CreateThing", 12) == 12
    assert count_admitted_calls(limiter, "RegisterThing", 12) == 3


def test_accounts_and_regions_have_their_own_buckets(limiter):
    counts = [
        count_admitted_calls(limiter, "RegisterThing", 20, *account_and_region)
        for account_and_region in (("1", "r"), ("2", "r"), ("1", "s"))
    ]

    assert counts == [10, 10, 10]


def test_a_rate_below_one_per_second_admits_one_call_at_a_time(limiter, clock: ManualClock):
    admitted_at_once = count_admitted_calls(limiter, "Slow", 3)
    clock.advance(2.0)
    admitted_later = count_admitted_calls(limiter, "Slow", 3)

    assert (admitted_at_once, admitted_later) == (1, 1)


def test_a_call_that_arrives_slightly_early_is_admitted(limiter, clock: ManualClock):
    count_admitted_calls(limiter, "RegisterThing", 10)
    start = clock.now
    leads = [0.0, 0.015] * 50  # every other call arrives 15 milliseconds early
    waits = []
    for number, lead in enumerate(leads, 1):
        clock.now = start + number / 10 - lead
        waits.append(limiter.admit("1", "r", "iot", "RegisterThing"))

    assert waits == [0.0] * 100


def test_a_clock_that_moves_backwards_adds_no_tokens(limiter, clock: ManualClock):
    count_admitted_calls(limiter, "RegisterThing", 10)
    clock.advance(-3600)
    admitted_in_the_past = count_admitted_calls(limiter, "RegisterThing", 5)
    clock.advance(3600)

    assert (admitted_in_the_past, count_admitted_calls(limiter, "RegisterThing", 5)) == (0, 0)
