"""The SQL statements of topic rules: only what is certainly wrong is found.

Source: developer guide, "AWS IoT SQL reference": SELECT is required; FROM is optional for rules that only Basic Ingest activates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.model.diagnostic import ValueProblem
from reconciler.model.text import quote

_QUOTED_TEXT = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_SELECT = re.compile(r"\bSELECT\b", re.IGNORECASE)
_FROM = re.compile(r"\bFROM\b", re.IGNORECASE)


def check_sql(sql: str) -> Iterator[ValueProblem]:
    """Yield an error for a statement without SELECT, and a warning for one without FROM."""
    clauses = _QUOTED_TEXT.sub("''", sql)
    if not _SELECT.search(clauses):
        problem = f"{quote(sql)} has no SELECT clause" if sql.strip() else "the statement is empty"
        yield ValueProblem("invalid-sql", problem, "SELECT … FROM 'topic/filter'", path=("sql",))
    elif not _FROM.search(clauses):
        yield ValueProblem(
            "no-from-clause",
            "without FROM, only messages sent to the rule by Basic Ingest activate it",
            "FROM with a topic filter",
            path=("sql",),
            severity="warning",
        )
