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

from reconciler.aws.caller import Caller
from reconciler.aws.embedded import bind
from reconciler.aws.rates import RECOVERY_SECONDS, TokenBucket, limit_rates
from reconciler.aws.retries import NO_BOTOCORE_RETRIES, Retries
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError
from reconciler.model.quota import Quotas
from reconciler.registry import HttpResponse, Registry


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
def test_no_time_window_has_more_calls_than_the_rate_and_one_burst(rate, gaps):
    burst = max(1.0, rate)
    for (first, start), (last, end) in combinations(enumerate(admitted(rate, gaps)), 2):
        assert last - first + 1 <= burst + rate * (end - start) + 1e-6


@given(_RATES, _GAPS)
def test_calls_are_admitted_first_come_first_served(rate, gaps):
    moments = admitted(rate, gaps)
    assert moments == sorted(moments)


@given(_RATES)
def test_calls_at_the_rate_never_wait(rate):
    arrivals = [1 / rate] * 50
    assert admitted(rate, arrivals) == pytest.approx([sum(arrivals[: n + 1]) for n in range(50)])


def test_a_burst_is_spread_at_the_rate():
    assert admitted(2.0, [0, 0, 0, 0, 0, 0]) == [0.0, 0.0, 0.5, 1.0, 1.5, 2.0]


def test_an_idle_bucket_saves_at_most_one_second_of_calls():
    assert admitted(2.0, [1000, 0, 0, 0]) == [1000.0, 1000.0, 1000.5, 1001.0]


@pytest.fixture
def time(monkeypatch):
    clock = Time()
    monkeypatch.setattr(
        "reconciler.aws.rates.TokenBucket", partial(TokenBucket, clock=clock.clock, pause=clock.pause)
    )
    return clock


@pytest.fixture
def limited(time, request):
    """A `Call` behind rates of one a second, and the answers that stand before the registry's own."""
    instead: list[HttpResponse] = []
    registry = Registry(":memory:")
    front = SimpleNamespace(handle=lambda asked: instead.pop() if instead else registry.handle(asked))
    shared = {"iot": {"registrations": (1.0, frozenset({"ListThings", "ListCertificates"}))}}
    core = Session()
    quotas = Quotas({"iot": {"default": 1.0, "CreateThing": 1000.0}}, shared)
    limit_rates(core, quotas, only_after_throttling=getattr(request, "param", False))
    bind(core, front)
    session = boto3.Session("embedded", "embedded", region_name="eu-west-1", botocore_session=core)
    client = session.client("iot", config=Config(retries=dict(NO_BOTOCORE_RETRIES)))
    at_once = Retries(time.clock, time.pauses.append, lambda _least, _most: 0.0)
    return Caller({"iot": client}, at_once), instead


def answer(status: int, code: str) -> HttpResponse:
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    return HttpResponse(status, headers, b'{"message": "m"}')


def test_every_page_of_a_listing_waits_for_the_bucket(limited, time):
    call, _ = limited
    for number in range(501):
        call(ApiCall("iot", "CreateThing", {"thingName": f"t{number}"}))
    time.pauses.clear()
    call(ApiCall("iot", "ListThings"))
    # Three pages at one a second, from its own bucket first and then from the shared one, which has filled up meanwhile.
    assert time.pauses == [1.0, 1.0]


def test_every_retry_waits_for_the_bucket(limited, time):
    call, instead = limited
    instead += [answer(500, "InternalFailureException")] * 3
    assert call(ApiCall("iot", "ListThingTypes"))["thingTypes"] == []
    # After each answer the pause of its retry, none here, and then the wait for the bucket.
    assert time.pauses == [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(("status", "code"), [(400, "ThrottlingException"), (429, "Whatever")])
def test_throttling_slows_every_call_of_the_bucket(limited, time, status, code):
    call, instead = limited
    instead += [answer(status, code)]
    call(ApiCall("iot", "ListThings"))
    # Half a call a second from its own bucket, and from the shared one which has filled up meanwhile.
    assert time.pauses[:2] == [0.0, 2.0]
    time.pauses.clear()
    call(ApiCall("iot", "ListCertificates"))
    assert time.pauses == pytest.approx([1 / (0.5 + 2 / RECOVERY_SECONDS)])


@pytest.mark.parametrize("limited", [True], indirect=True)
def test_no_call_waits_before_throttling_if_quotas_are_unknown(limited, time):
    call, instead = limited
    for _ in range(5):
        call(ApiCall("iot", "ListThingTypes"))
    before = list(time.pauses)
    instead += [answer(400, "ThrottlingException")]
    call(ApiCall("iot", "ListThingTypes"))
    call(ApiCall("iot", "ListThings"))

    assert before == []
    # The pause of the retry and the wait for the bucket that showed; no other one has.
    assert time.pauses == [0.0, 2.0]


def test_a_resource_quota_does_not_slow_calls(limited, time):
    call, instead = limited
    instead += [answer(410, "LimitExceededException")]
    with pytest.raises(AwsError, match="LimitExceededException"):
        call(ApiCall("iot", "ListThings"))
    time.pauses.clear()
    call(ApiCall("iot", "ListThings"))
    assert time.pauses == [1.0]


def test_throttling_halves_the_rate_once_per_second():
    time = Time()
    bucket = TokenBucket(64.0, time.clock, time.pause)
    assert [bucket.slow_down(), bucket.slow_down()] == [32.0, None]
    time.now += 1.0
    assert bucket.slow_down() == pytest.approx((32 + 64 / RECOVERY_SECONDS) / 2)


def test_a_throttled_rate_recovers_linearly_up_to_the_quota():
    time = Time()
    bucket = TokenBucket(60.0, time.clock, time.pause)
    bucket.slow_down()
    rates = []
    for _ in range(40):
        time.now += 1.0
        bucket.take()
        rates.append(bucket._rate)
    assert rates == pytest.approx(
        [min(60.0, 30.0 + 60 / RECOVERY_SECONDS * second) for second in range(1, 41)]
    )


def test_a_repeatedly_throttled_call_is_still_admitted():
    time = Time()
    bucket = TokenBucket(10.0, time.clock, time.pause)
    for _ in range(50):
        time.now += 1.0
        bucket.slow_down()
    assert 10.0 / 64 <= bucket._rate < 1.0
    bucket.take()
    assert time.pauses == pytest.approx([1 / bucket._rate])


def test_operations_with_a_shared_quota_wait_for_each_other(limited, time):
    call, _ = limited
    call(ApiCall("iot", "ListThings"))
    call(ApiCall("iot", "ListCertificates"))
    assert time.pauses == [1.0]


def test_operations_without_a_shared_quota_do_not_wait_for_each_other(limited, time):
    call, _ = limited
    call(ApiCall("iot", "ListThingTypes"))
    call(ApiCall("iot", "ListCertificates"))
    assert time.pauses == []
