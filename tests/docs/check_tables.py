"""Tables of the limits and the warnings that `validate` checks."""

from __future__ import annotations

from reconciler.kinds.base.aws_limits import FIXED_LIMITS
from reconciler.model.warning_codes import WARNING_CODES
from tests.docs.markdown import render_table


def render_limits() -> str:
    """Return a table of AWS's fixed limits."""
    rows = [
        (" ".join(filter(None, (limit.counted, limit.owner))), f"{limit.maximum:,}") for limit in FIXED_LIMITS
    ]
    return render_table(("Counted", "At most"), rows)


def render_warnings() -> str:
    """Return a table of the codes of all warnings about resources."""
    return render_table(("Code", "Meaning"), [(f"`{code}`", text) for code, text in WARNING_CODES.items()])
