"""The simulated latency of responses: `20ms`, `uniform:10ms,30ms` or `lognormal:20ms,0.5`.

Invariant: the random times come from a seeded generator, so the same seed gives the same sequence of times.
"""

import re
from collections.abc import Callable
from random import Random

Latency = Callable[[], float]
"""Returns the seconds by which one response is delayed."""

LATENCY_SYNTAX = (
    "a time such as 20ms or 0.5s, uniform:FROM,TO, or lognormal:MEDIAN,SIGMA such as lognormal:20ms,0.5"
)

_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s)")
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,9})?")


def parse_latency(text: str, seed: int = 0) -> Latency:
    """Parse a latency. Raises ValueError with the expected syntax."""
    distribution, colon, arguments = text.partition(":")
    random = Random(seed)  # noqa: S311  (not used for secrets)
    if not colon:
        constant = _parse_seconds(text)
        return lambda: constant
    first_argument, comma, second_argument = arguments.partition(",")
    if distribution == "uniform" and comma:
        shortest, longest = _parse_seconds(first_argument), _parse_seconds(second_argument)
        return lambda: random.uniform(shortest, longest)
    if distribution == "lognormal" and comma and _NUMBER.fullmatch(second_argument):
        median, sigma = _parse_seconds(first_argument), float(second_argument)
        return lambda: median * random.lognormvariate(0.0, sigma)
    raise _invalid(text)


def _parse_seconds(text: str) -> float:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise _invalid(text)
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _invalid(text: str) -> ValueError:
    return ValueError(f"{text!r} is not a valid latency; expected {LATENCY_SYNTAX}")
