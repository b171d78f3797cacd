"""Words and signs that the formats for people share: kinds, counts, durations, actions and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.kinds import all_kinds, find_kind
from reconciler.kinds.base.account_settings import AccountSettings
from reconciler.model.change import ACTIONS
from reconciler.model.text import escape_invisible, format_count, make_plural

ACTION_GLYPHS: Mapping[str, str] = {
    "create": "+",
    "update": "~",
    "replace": "±",
    "delete": "-",
    "forget": "○",
}
"""The sign of each action."""

NOTE_GLYPHS: Mapping[str, str] = {"warning": "!", "info": "·", "unmanaged": "?"}
"""The sign of each level of notes."""

OUTCOME_GLYPHS: Mapping[str, str] = {
    "started": "▸",
    "waiting": "…",
    "applied": "✔",
    "failed": "✖",
    "skipped": "↷",
    "canceled": "◌",
}
"""The sign of each outcome of a step."""


def format_counts(counts: Mapping[str, int]) -> str:
    """Format the number of changes by action as `2 to create, 1 to delete`."""
    return ", ".join(f"{counts[action]:,} to {action}" for action in ACTIONS if counts.get(action))


def format_workspace(workspace: str, environment: str) -> str:
    """Format a workspace and its environment, which is empty in a file without environments."""
    return f"{workspace} in {environment}" if environment else workspace


def pluralize(count: int, noun: str) -> str:
    """Format a count with its noun: `1 call`, `1,204 calls`, `2 dependencies`."""
    return format_count(count, noun)


def join_facts(facts: Iterable[str]) -> str:
    """Join short facts with a middle dot, without the empty ones."""
    return " · ".join(fact for fact in facts if fact)


def shorten(text: str, max_length: int) -> str:
    """Shorten text to at most `max_length` characters (3 or more), with an ellipsis in its middle."""
    if len(text) <= max_length:
        return text
    half = max(1, (max_length - 1) // 2)
    return f"{text[:half]}…{text[-half:]}"


def get_kind_position(kind: str) -> int:
    """Return a kind's position in dependency order; unknown kinds come last."""
    kinds = list(all_kinds())
    return kinds.index(kind) if kind in kinds else len(kinds)


def format_kind(kind: str, count: int = 1) -> str:
    """Return the noun for one or more resources of a kind: "thing", "CA certificates"."""
    known_kind = find_kind(kind)
    if known_kind is None:
        return escape_invisible(kind)
    return known_kind.noun if count == 1 else make_plural(known_kind.noun)


def format_kind_title(kind: str) -> str:
    """Return the heading of a kind: "Things", or "Audit configuration" for an account setting."""
    noun = format_kind(kind, 1 if isinstance(find_kind(kind), AccountSettings) else 2)
    return noun[:1].upper() + noun[1:]


_AGE_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def format_age(seconds: float) -> str:
    """Format how long ago something was, in one unit: `just now`, `5 min ago`, `3 h ago`, `12 d ago`."""
    for unit_seconds, unit in _AGE_UNITS:
        if seconds >= unit_seconds:
            return f"{int(seconds // unit_seconds)} {unit} ago"
    return "just now"


def format_duration(seconds: float) -> str:
    """Format a duration with the units people use: `0.50 s`, `1 min 15 s`, `1 h 31 min`."""
    if seconds < 60:  # noqa: PLR2004 (a minute)
        return f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds:.2f} s"  # noqa: PLR2004 (tenths suffice from 1 s)
    total_minutes, remaining_seconds = divmod(round(seconds), 60)
    hours, remaining_minutes = divmod(total_minutes, 60)
    minutes = (remaining_minutes, "min")
    parts = ((hours, "h"), minutes) if hours else (minutes, (remaining_seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
