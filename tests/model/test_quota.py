"""Quotas: the buckets that count a call, and how long a plan's calls take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.plan import Bottleneck, Estimate
from reconciler.model.quota import Bucket, Quotas

QUOTAS = Quotas(
    rates={"iot": {"default": 10.0, "CreateThing": 100.0, "Slow": 0.5}},
    shared={"iot": {"registrations": (15.0, frozenset({"RegisterOne", "RegisterOther"}))}},
)


def test_a_call_counts_in_its_own_bucket_and_in_shared_buckets():
    assert {
        name: QUOTAS.find_buckets("iot", name) for name in ("CreateThing", "Unnamed", "RegisterOne")
    } == {
        "CreateThing": (Bucket("iot", "CreateThing", 100.0),),
        "Unnamed": (Bucket("iot", "Unnamed", 10.0),),
        "RegisterOne": (Bucket("iot", "RegisterOne", 10.0), Bucket("iot", "registrations", 15.0)),
    }  # fmt: skip


def test_a_service_without_rates_has_no_buckets():
    assert QUOTAS.find_buckets("sts", "GetCallerIdentity") == ()


def test_the_estimate_is_the_time_of_the_slowest_bucket():
    calls = {("iot", "CreateThing"): 100, ("iot", "DescribeThing"): 30}
    assert QUOTAS.estimate(calls) == Estimate(calls, 3.0, Bottleneck("DescribeThing", 30, 10.0))


def test_operations_that_share_a_bucket_are_counted_together():
    calls = {("iot", "RegisterOne"): 60, ("iot", "RegisterOther"): 60}
    assert QUOTAS.estimate(calls) == Estimate(calls, 8.0, Bottleneck("registrations", 120, 15.0))


def test_the_bottleneck_of_equally_slow_buckets_is_the_last_one_by_name():
    calls = {("iot", "A"): 10, ("iot", "B"): 10}
    assert QUOTAS.estimate(calls).bottleneck == Bottleneck("B", 10, 10.0)


def test_an_estimate_without_calls_is_zero_seconds():
    assert QUOTAS.estimate({}) == Estimate({}, 0.0)


def test_calls_without_a_rate_are_counted_but_add_no_time():
    estimate = QUOTAS.estimate({("sts", "GetCallerIdentity"): 7})
    assert (estimate.total_calls, estimate.seconds, estimate.bottleneck) == (7, 0.0, None)


_CALLS = st.dictionaries(
    st.tuples(
        st.just("iot"), st.sampled_from(["CreateThing", "Slow", "RegisterOne", "RegisterOther", "Any"])
    ),
    st.integers(1, 1000),
)


@given(_CALLS, _CALLS)
def test_more_calls_never_take_less_time(first, second):
    all_calls = {key: first.get(key, 0) + second.get(key, 0) for key in first.keys() | second.keys()}
    seconds = QUOTAS.estimate(all_calls).seconds
    assert seconds >= max(QUOTAS.estimate(first).seconds, QUOTAS.estimate(second).seconds)
