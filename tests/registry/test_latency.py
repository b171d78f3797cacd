"""Latencies: their syntax and their distribution."""

import statistics

import pytest

from reconciler.registry.latency import LATENCY_SYNTAX, parse_latency


@pytest.mark.parametrize(("text", "seconds"), [("20ms", 0.02), ("1.5s", 1.5), ("0ms", 0.0)])
def test_a_single_time_is_a_constant_latency(text, seconds):
    draw = parse_latency(text)

    assert [draw(), draw()] == [seconds, seconds]


def test_a_uniform_latency_stays_within_its_bounds():
    draw = parse_latency("uniform:10ms,30ms")
    latencies = [draw() for _ in range(1000)]

    assert 0.01 <= min(latencies) < 0.011
    assert 0.029 < max(latencies) <= 0.03


def test_a_lognormal_latency_has_its_median_and_a_long_tail():
    draw = parse_latency("lognormal:20ms,0.5")
    latencies = [draw() for _ in range(5000)]

    assert statistics.median(latencies) == pytest.approx(0.02, rel=0.05)
    assert max(latencies) > 0.08


def test_the_same_seed_gives_the_same_latencies():
    def draw_latencies(seed):
        draw = parse_latency("lognormal:20ms,0.5", seed)
        return [draw() for _ in range(5)]

    assert draw_latencies(seed=1) == draw_latencies(seed=1)
    assert draw_latencies(seed=1) != draw_latencies(seed=2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20",
        "-1ms",
        "20 ms x",
        "uniform:1ms",
        "lognormal:20ms,x",
        "lognormal:,1",
        "normal:1ms,2ms",
        "9e9s",
    ],
)
def test_an_invalid_latency_is_rejected_with_the_expected_syntax(text):
    with pytest.raises(ValueError, match="is not a valid latency") as caught:
        parse_latency(text)

    message = str(caught.value)
    assert message.endswith(f"; expected {LATENCY_SYNTAX}")
