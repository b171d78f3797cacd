"""The colors of text."""

from __future__ import annotations

from collections.abc import Mapping

COLORS: Mapping[str, str] = {
    "create": "#247fbc",
    "update": "#a56e00",
    "replace": "#ad5f92",
    "delete": "#c65813",
    "forget": "#6f7f8f",
    "warning": "#a56e00",
    "error": "#c65813",
    "applied": "#3c8a3c",
}
"""Action, severity or status → its color, with a contrast of at least 4.1 to 1 on white and on black."""

OUTCOME_STYLES: Mapping[str, str] = {
    "applied": COLORS["applied"],
    "waiting": "dim",
    "failed": f"bold {COLORS['error']}",
    "skipped": COLORS["warning"],
    "canceled": COLORS["warning"],
}
"""Status of an outcome → its style; a step that has only started has none here."""

QUIET = "dim"
