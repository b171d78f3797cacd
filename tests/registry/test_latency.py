"""How long answers take, as it is written and as it is drawn."""

import statistics

import pytest

from reconciler.registry.latency import LATENCY_SYNTAX, parse_latency


@pytest.mark.parametrize(("text", "seconds"), [("20ms", 0.02), ("1.5s", 1.5), ("0ms", 0.0)])
def test_a_time_is_a_constant(text, seconds):
    draw = parse_latency(text)

    assert [draw(), draw()] == [seconds, seconds]


def test_a_uniform_latency_stays_between_its_ends():
    draw = parse_latency("uniform:10ms,30ms")
    drawn = [draw() for _ in range(1000)]

    assert 0.01 <= min(drawn) < 0.011
    assert 0.029 < max(drawn) <= 0.03


def test_a_lognormal_latency_has_its_median_and_a_long_tail():
    draw = parse_latency("lognormal:20ms,0.5")
    drawn = [draw() for _ in range(5000)]

    assert statistics.median(drawn) == pytest.approx(0.02, rel=0.05)
    assert max(drawn) > 0.08


def test_one_seed_draws_the_same_again():
    first, second, other = (parse_latency("lognormal:20ms,0.5", seed) for seed in (1, 1, 2))

    drawn = [first() for _ in range(5)]
    assert drawn == [second() for _ in range(5)] != [other() for _ in range(5)]


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
def test_anything_else_is_told_with_what_was_expected(text):
    with pytest.raises(ValueError, match="is not a valid latency") as caught:
        parse_latency(text)

    told = str(caught.value)
    assert told.endswith(f"; expected {LATENCY_SYNTAX}")
