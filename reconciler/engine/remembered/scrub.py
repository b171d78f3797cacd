"""Choose the remembered edges that a run reads again although nothing speaks against them."""

from __future__ import annotations

import random
from collections.abc import Sequence

_RANDOM_SHARE = 10
"""One of this many turns is chosen at random, so that a change of many things is soon noticed."""


def choose_turns(names: Sequence[str], count: int) -> list[str]:
    """Return the things to read: nine tenths the oldest of `names`, which come first, and a random tenth."""
    if count >= len(names):
        return [*names]
    oldest = count - count // _RANDOM_SHARE
    others = range(oldest, len(names))
    chosen = random.sample(others, count - oldest)
    return [*names[:oldest], *(names[position] for position in chosen)]
