"""Rate limits: no API is called more often than its quota allows, retries and pages included."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, combinations
from types import SimpleNamespace

import boto3
import pytest
from botocore.config import Config
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.caller import Caller
from reconciler.aws.embedded import bind
from reconciler.aws.rates import RECOVERY_SECONDS, RateLimiter, TokenBucket, limit_rates
from reconciler.aws.retries import NO_BOTOCORE_RETRIES, Retries
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError
from reconciler.model.quota import Quotas
from reconciler.registry import HttpResponse, Registry
from reconciler.registry.conditions import Conditions
from reconciler.registry.faults import FaultRule, Faults
from tests.support.conditioned_registry import ConditionedRegistry


class Time:
    """A clock that moves only in `pause`, or when a test changes `now`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def compute_admission_times(rate: float, gaps: list[float]) -> list[float]:
    """Return when calls are admitted that arrive `gaps` seconds apart.

    A call arrives even if the previous one still waits, as if each had its own thread.
    """
    now, waits = 0.0, []
    bucket = TokenBucket(rate, clock=lambda: now, pause=waits.append)
    times = []
    for gap in gaps:
        now += gap
        waits.clear()
        bucket.take()  # appends to `waits` if the call has to wait
        times.append(now + sum(waits))
    return times


_RATES = st.sampled_from([0.5, 1.0, 10.0, 100.0, 350.0])
_GAPS = st.lists(st.floats(0, 3), max_size=60)


@given(_RATES, _GAPS)
def test_no_time_window_has_more_calls_than_one_burst_and_the_rate_allow(rate, gaps):
    burst = max(1.0, rate)
    numbered_times = enumerate(compute_admission_times(rate, gaps))
    for (first_number, start), (last_number, end) in combinations(numbered_times, 2):
        calls = last_number - first_number + 1
        assert calls <= burst + rate * (end - start) + 1e-6


@given(_RATES, _GAPS)
def test_calls_are_admitted_first_come_first_served(rate, gaps):
    times = compute_admission_times(rate, gaps)
    assert times == sorted(times)


@given(_RATES)
def test_calls_at_the_rate_never_wait(rate):
    gaps = [1 / rate] * 50
    arrival_times = list(accumulate(gaps))
    assert compute_admission_times(rate, gaps) == pytest.approx(arrival_times)


def test_simultaneous_calls_beyond_the_burst_are_admitted_at_the_rate():
    assert compute_admission_times(2.0, [0, 0, 0, 0, 0, 0]) == [0.0, 0.0, 0.5, 1.0, 1.5, 2.0]


def test_an_idle_bucket_saves_up_at_most_the_calls_of_one_second():
    assert compute_admission_times(2.0, [1000, 0, 0, 0]) == [1000.0, 1000.0, 1000.5, 1001.0]


@pytest.fixture
def time(monkeypatch):
    clock = Time()
    monkeypatch.setattr(
        "reconciler.aws.rates.TokenBucket", partial(TokenBucket, clock=clock.clock, pause=clock.pause)
    )
    return clock


@pytest.fixture
def limited_caller(time, request):
    """A caller that sends each operation at most once per second, and a list of responses.

    ListThings and ListCertificates also share a quota of one request per second; CreateThing is hardly limited. While the
    list has responses, they replace the registry's own. The fixture's parameter, False by default, is
    `only_after_throttling` of `limit_rates`.
    """
    replacements: list[HttpResponse] = []
    registry = Registry(":memory:")
    proxy = SimpleNamespace(
        handle=lambda http_request: replacements.pop() if replacements else registry.handle(http_request)
    )
    shared = {"iot": {"listings": (1.0, frozenset({"ListThings", "ListCertificates"}))}}
    core = Session()
    quotas = Quotas({"iot": {"default": 1.0, "CreateThing": 1000.0}}, shared)
    limit_rates(core, quotas, RateLimiter(), only_after_throttling=getattr(request, "param", False))
    bind(core, proxy)
    session = boto3.Session("embedded", "embedded", region_name="eu-west-1", botocore_session=core)
    client = session.client("iot", config=Config(retries=dict(NO_BOTOCORE_RETRIES)))
    immediate_retries = Retries(time.clock, time.pauses.append, lambda _minimum, _maximum: 0.0)
    return Caller({"iot": client}, immediate_retries), replacements


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("iot", "ListThingTypes", {}),
        ("iot-managed-integrations", "ListManagedThings", {}),
        ("ssm", "GetParameters", {"Names": ["a"]}),
        ("secretsmanager", "BatchGetSecretValue", {"SecretIdList": ["a"]}),
        ("sts", "GetCallerIdentity", {}),
        ("iam", "GetRole", {"RoleName": "a"}),
        ("lambda", "GetFunctionConfiguration", {"FunctionName": "a"}),
        ("kinesis", "DescribeStreamSummary", {"StreamName": "a"}),
        ("firehose", "DescribeDeliveryStream", {"DeliveryStreamName": "a"}),
    ],
)
def test_calls_of_every_service_wait_for_their_rate_and_are_retried_when_throttled(
    time, service, operation, params
):
    core, registry = Session(), Registry(":memory:")
    limit_rates(core, Quotas({service: {operation: 0.5}}, {}), RateLimiter())
    throttled = Conditions(faults=Faults([FaultRule(operation, "throttle", calls=frozenset({1}))]))
    bind(core, ConditionedRegistry(registry, throttled, time.pause))
    session = boto3.Session("embedded", "embedded", region_name="eu-west-1", botocore_session=core)
    client = session.client(service, config=Config(retries=dict(NO_BOTOCORE_RETRIES)))
    immediate_retries = Retries(time.clock, time.pauses.append, lambda _minimum, _maximum: 0.0)

    Caller({service: client}, immediate_retries)(ApiCall(service, operation, params))

    # The pause before the retry, which is 0 here. Then the wait for a bucket of half the rate.
    assert time.pauses == [0.0, 4.0]


def build_error_response(status: int, code: str) -> HttpResponse:
    headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
    return HttpResponse(status, headers, b'{"message": "m"}')


def test_every_page_of_a_listing_takes_a_token(limited_caller, time):
    call, _ = limited_caller
    for number in range(501):
        call(ApiCall("iot", "CreateThing", {"thingName": f"t{number}"}))
    time.pauses.clear()
    call(ApiCall("iot", "ListThings"))
    # Three pages at one per second, the first at once. While a page waits for the operation's own bucket, the shared bucket refills.
    assert time.pauses == [1.0, 1.0]


def test_every_retry_waits_for_the_bucket(limited_caller, time):
    call, replacements = limited_caller
    replacements += [build_error_response(500, "InternalFailureException")] * 3
    assert call(ApiCall("iot", "ListThingTypes"))["thingTypes"] == []
    # After each response, the pause before the retry, which is 0 here, and then the wait for the bucket.
    assert time.pauses == [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]


# A response with the status 429 means throttling, no matter which code it has.
@pytest.mark.parametrize(("status", "code"), [(400, "ThrottlingException"), (429, "Whatever")])
def test_throttling_slows_the_operations_own_bucket_and_its_shared_bucket(limited_caller, time, status, code):
    call, replacements = limited_caller
    replacements += [build_error_response(status, code)]
    call(ApiCall("iot", "ListThings"))
    # The pause before the retry, which is 0 here. Then the wait for the operation's own bucket, which now admits half
    # a call per second; meanwhile, the shared bucket refills.
    assert time.pauses[:2] == [0.0, 2.0]
    time.pauses.clear()
    call(ApiCall("iot", "ListCertificates"))
    # The shared bucket was slowed to half a call per second, too, and has recovered for 2 seconds.
    assert time.pauses == pytest.approx([1 / (0.5 + 2 / RECOVERY_SECONDS)])


@pytest.mark.parametrize("limited_caller", [True], indirect=True)
def test_with_only_after_throttling_calls_wait_only_for_throttled_buckets(limited_caller, time):
    call, replacements = limited_caller
    for _ in range(5):
        call(ApiCall("iot", "ListThingTypes"))
    pauses_before = list(time.pauses)
    replacements += [build_error_response(400, "ThrottlingException")]
    call(ApiCall("iot", "ListThingTypes"))
    call(ApiCall("iot", "ListThings"))

    assert pauses_before == []
    # The pause before the retry, and the wait for the throttled bucket; no other bucket makes calls wait.
    assert time.pauses == [0.0, 2.0]


def test_an_exceeded_quota_on_resources_does_not_slow_calls(limited_caller, time):
    call, replacements = limited_caller
    replacements += [build_error_response(410, "LimitExceededException")]
    with pytest.raises(AwsError, match="LimitExceededException"):
        call(ApiCall("iot", "ListThings"))
    time.pauses.clear()
    call(ApiCall("iot", "ListThings"))
    assert time.pauses == [1.0]


def test_throttling_halves_the_rate_at_most_once_per_second():
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
    assert 10.0 / 64 <= bucket._rate < 1.0  # at least 1/64 of the quota always remains
    bucket.take()
    assert time.pauses == pytest.approx([1 / bucket._rate])


def test_operations_with_a_shared_quota_wait_for_each_other(limited_caller, time):
    call, _ = limited_caller
    call(ApiCall("iot", "ListThings"))
    call(ApiCall("iot", "ListCertificates"))
    assert time.pauses == [1.0]


def test_operations_without_a_shared_quota_do_not_wait_for_each_other(limited_caller, time):
    call, _ = limited_caller
    call(ApiCall("iot", "ListThingTypes"))
    call(ApiCall("iot", "ListCertificates"))
    assert time.pauses == []
