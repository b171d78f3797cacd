"""Match addresses with patterns: an address, a glob (`things.pump-*`) or a kind (`things`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase

from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.errors import SelectionError
from reconciler.model.text import closest_match

_GLOB = re.compile(r"[*?\[]")


def is_pattern(text: str) -> bool:
    """Return whether a text can match several addresses: it is a kind, or has a character of a glob."""
    kind = all_kinds().get(text)
    is_kind = kind is not None and kind.only_name is None  # `account.indexing` is also an address
    return is_kind or bool(_GLOB.search(text))


def match_addresses(pattern: str, addresses: Collection[Address]) -> set[Address]:
    """Return the addresses that a pattern matches.

    The pattern is first tried as an address, then as a kind.
    """
    address = parse_known_address(pattern, addresses)
    if address:
        return {address}
    if pattern in all_kinds():
        return {address for address in addresses if address.kind == pattern}
    if _GLOB.search(pattern):
        return {address for address in addresses if fnmatchcase(str(address), pattern)}
    return set()


def match_all(
    patterns: Iterable[str], addresses: Collection[Address], explain: Callable[[str], str], summary: str
) -> set[Address]:
    """Return the addresses that the patterns match.

    Raises SelectionError with `summary` and an explanation of each pattern that matches nothing.
    """
    matches_by_pattern = {pattern: match_addresses(pattern, addresses) for pattern in patterns}
    problems = [explain(pattern) for pattern, matches in matches_by_pattern.items() if not matches]
    if problems:
        raise SelectionError(problems, summary)
    return set().union(*matches_by_pattern.values())


def parse_known_address(text: str, addresses: Collection[Address]) -> Address | None:
    """Return the address that a text is, if it is one of `addresses`, else None."""
    try:
        address = Address.parse(text)
    except ValueError:
        return None
    return address if address in addresses else None


def find_closest(pattern: str, addresses: Collection[Address]) -> str | None:
    """Return the address, glob or kind that is closest to a pattern that matches nothing, or None."""
    kinds = all_kinds()
    if "." not in pattern and match_addresses(f"*.{pattern}", addresses):
        return f"*.{pattern}"  # a name without its kind
    # The kind of a glob such as `things.*` is right; only the resources are missing.
    is_glob_of_kind = is_pattern(pattern) and pattern.partition(".")[0] in kinds
    nearest = closest_match(pattern, [*map(str, addresses), *(() if is_glob_of_kind else kinds)])
    return nearest or _find_closest_address(pattern, addresses)


def _find_closest_address(pattern: str, addresses: Collection[Address]) -> str | None:
    """Return the address with the closest name among those of the kind in `pattern`."""
    table, _, name = pattern.partition(".")
    nearest = closest_match(name, [address.name for address in addresses if address.table == table])
    return f"{table}.{nearest}" if nearest else None
