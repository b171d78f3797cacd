"""No API is called more often than its quota allows, whoever calls it and however often botocore retries."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from types import SimpleNamespace

import boto3
import pytest
from botocore.config import Config
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.calls import Caller
from reconciler.aws.embedded import bind
from reconciler.aws.rates import TokenBucket, limit
from reconciler.model.call import ApiCall
from reconciler.model.quotas import Quotas
from reconciler.registry import Registry, Response


class Time:
    """A clock that stands still until somebody pauses."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def admitted(rate: float, gaps: list[float]) -> list[float]:
    """When calls that come `gaps` seconds after each other, each from its own thread, are let through."""
    now, waits = 0.0, [0.0]
    bucket = TokenBucket(rate, clock=lambda: now, pause=waits.append)
    moments = []
    for gap in gaps:
        now += gap
        waits[:] = [0.0]
        bucket.take()
        moments.append(now + waits[-1])
    return moments


_RATES = st.sampled_from([0.5, 1.0, 10.0, 100.0, 350.0])
_GAPS = st.lists(st.floats(0, 3), max_size=60)


@given(_RATES, _GAPS)
def test_in_no_window_are_there_more_calls_than_the_rate_and_one_burst_allow(rate, gaps):
    burst = max(1.0, rate)
    for (first, start), (last, end) in combinations(enumerate(admitted(rate, gaps)), 2):
        assert last - first + 1 <= burst + rate * (end - start) + 1e-6


@given(_RATES, _GAPS)
def test_whoever_comes_first_is_served_first(rate, gaps):
    moments = admitted(rate, gaps)
    assert moments == sorted(moments)


@given(_RATES)
def test_at_most_the_rate_nobody_waits(rate):
    arrivals = [1 / rate] * 50
    assert admitted(rate, arrivals) == pytest.approx([sum(arrivals[: n + 1]) for n in range(50)])


def test_a_burst_is_spread_at_the_rate():
    assert admitted(2.0, [0, 0, 0, 0, 0, 0]) == [0.0, 0.0, 0.5, 1.0, 1.5, 2.0]


def test_a_long_silence_saves_up_no_more_than_one_second():
    assert admitted(2.0, [1000, 0, 0, 0]) == [1000.0, 1000.0, 1000.5, 1001.0]


@pytest.fixture
def time(monkeypatch):
    found = Time()
    monkeypatch.setattr(
        "reconciler.aws.rates.TokenBucket", partial(TokenBucket, clock=found.clock, pause=found.pause)
    )
    return found


@pytest.fixture
def limited(time, monkeypatch):
    """A `Call` behind rates of one a second, and the answers that stand before the registry's own."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
    instead: list[Response] = []
    registry = Registry(":memory:")
    front = SimpleNamespace(handle=lambda asked: instead.pop() if instead else registry.handle(asked))
    shared = {"iot": {"registrations": (1.0, frozenset({"ListThings", "ListCertificates"}))}}
    core = Session()
    limit(core, Quotas({"iot": {"default": 1.0, "CreateThing": 1000.0}}, shared))
    bind(core, front)
    session = boto3.Session("embedded", "embedded", region_name="eu-west-1", botocore_session=core)
    config = Config(retries={"mode": "standard", "total_max_attempts": 8})
    return Caller({"iot": session.client("iot", config=config)}), instead


def test_every_page_of_a_listing_takes_its_turn(limited, time):
    call, _ = limited
    for number in range(501):
        call(ApiCall("iot", "CreateThing", {"thingName": f"t{number}"}))
    time.pauses.clear()
    call(ApiCall("iot", "ListThings"))
    # Three pages at one a second, from its own bucket first and then from the shared one, which has filled up meanwhile.
    assert time.pauses == [1.0, 1.0]


def test_every_retry_takes_its_turn(limited, time):
    call, instead = limited
    headers = {"x-amzn-ErrorType": "ThrottlingException", "Content-Type": "application/json"}
    instead += [Response(429, headers, b'{"message": "slow down"}')] * 3
    assert call(ApiCall("iot", "ListThingTypes"))["thingTypes"] == []
    assert time.pauses == [1.0, 1.0, 1.0]


def test_operations_that_share_a_quota_wait_for_each_other(limited, time):
    call, _ = limited
    call(ApiCall("iot", "ListThings"))
    call(ApiCall("iot", "ListCertificates"))
    assert time.pauses == [1.0]


def test_operations_that_share_nothing_do_not_wait_for_each_other(limited, time):
    call, _ = limited
    call(ApiCall("iot", "ListThingTypes"))
    call(ApiCall("iot", "ListCertificates"))
    assert time.pauses == []
