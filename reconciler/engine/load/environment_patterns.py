"""Names and globs of environments, as `--env`, `after` and `environments` have them."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection

GLOB_CHARACTERS = frozenset("*?[]")
"""The characters that make a text a glob; no name of an environment has them."""


def match_names(pattern: str, names: Collection[str]) -> list[str]:
    """Return the names that a name or glob matches, in their own order."""
    if pattern in names:
        return [pattern]
    return fnmatch.filter(names, pattern) if GLOB_CHARACTERS & set(pattern) else []
