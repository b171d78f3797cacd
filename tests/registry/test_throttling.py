"""Rates on the registry's side, against a clock that stands still until it is told."""

import pytest

from reconciler.registry.throttling import RateLimiter
from tests.support.direct_client import ManualClock


def buckets(service, operation):
    rates = {"RegisterThing": 10.0, "CreateThing": 100.0, "Slow": 0.5}
    own = (service, operation, rates[operation])
    shared = ((service, "registrations", 15.0),) if operation != "Slow" else ()
    return (own, *shared)


@pytest.fixture
def limits(clock):
    return RateLimiter(buckets, clock)


def admitted(limits, operation, times, account="1", region="r"):
    return [limits.admit(account, region, "iot", operation) for _ in range(times)].count(0.0)


def test_one_seconds_calls_are_admitted_at_once_and_then_at_the_rate(limits, clock: ManualClock):
    at_once = admitted(limits, "RegisterThing", 30)
    clock.advance(0.5)
    later = admitted(limits, "RegisterThing", 30)

    assert (at_once, later) == (10, 5)


def test_a_refused_call_is_told_when_there_is_room_and_takes_nothing(limits, clock: ManualClock):
    admitted(limits, "RegisterThing", 10)
    told = [limits.admit("1", "r", "iot", "RegisterThing") for _ in range(3)]
    clock.advance(told[0])

    assert told == [pytest.approx(0.1)] * 3
    assert limits.admit("1", "r", "iot", "RegisterThing") == 0.0


def test_a_call_draws_from_all_its_buckets_and_the_emptiest_decides(limits):
    assert admitted(limits, "CreateThing", 12) == 12
    assert admitted(limits, "RegisterThing", 12) == 3


def test_accounts_and_regions_have_buckets_of_their_own(limits):
    counts = [admitted(limits, "RegisterThing", 20, *of) for of in (("1", "r"), ("2", "r"), ("1", "s"))]

    assert counts == [10, 10, 10]


def test_a_rate_below_one_a_second_admits_one(limits, clock: ManualClock):
    first = admitted(limits, "Slow", 3)
    clock.advance(2.0)

    assert (first, admitted(limits, "Slow", 3)) == (1, 1)


def test_a_client_that_keeps_the_rate_is_never_refused_for_arriving_a_little_early(
    limits, clock: ManualClock
):
    admitted(limits, "RegisterThing", 10)
    early = [0.0, 0.015] * 50
    waits = []
    for number, lead in enumerate(early, 1):
        clock.now = 1_750_000_000.0 + number / 10 - lead
        waits.append(limits.admit("1", "r", "iot", "RegisterThing"))

    assert waits == [0.0] * 100


def test_a_clock_that_goes_back_fills_and_empties_nothing(limits, clock: ManualClock):
    admitted(limits, "RegisterThing", 10)
    clock.advance(-3600)

    assert admitted(limits, "RegisterThing", 5) == 0
