"""How long answers take: a constant, or drawn from a distribution, as in `20ms`, `uniform:10ms,30ms`, `lognormal:20ms,0.5`.

Law: the draws come from a seeded generator, so a run can be repeated.
"""

import re
from collections.abc import Callable
from random import Random

Latency = Callable[[], float]

LATENCY_SYNTAX = (
    "a time such as 20ms or 0.5s, uniform:FROM,TO, or lognormal:MEDIAN,SIGMA such as lognormal:20ms,0.5"
)

_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s)")
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,9})?")


def parse_latency(text: str, seed: int = 0) -> Latency:
    """Give what draws the seconds of one answer. Raises ValueError, which says what was expected."""
    name, colon, rest = text.partition(":")
    random = Random(seed)  # noqa: S311  (nothing is kept secret by it)
    if not colon:
        constant = _seconds(text)
        return lambda: constant
    first, comma, second = rest.partition(",")
    if name == "uniform" and comma:
        least, most = _seconds(first), _seconds(second)
        return lambda: random.uniform(least, most)
    if name == "lognormal" and comma and _NUMBER.fullmatch(second):
        median, sigma = _seconds(first), float(second)
        return lambda: median * random.lognormvariate(0.0, sigma)
    raise _wrong(text)


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise _wrong(text)
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _wrong(text: str) -> ValueError:
    return ValueError(f"{text!r} is no latency; expected {LATENCY_SYNTAX}")
