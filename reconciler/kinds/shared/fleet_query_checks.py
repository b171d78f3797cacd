"""Check the query of a dynamic thing group for common mistakes.

Only AWS parses the whole language, so a query without a problem here can still be rejected.
Source: AWS IoT developer guide, "Query syntax" and "Managed fields".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.model.diagnostic import Suggestion, ValueProblem
from reconciler.model.text import quote

_FIELD_ROOTS = (
    "thingName",
    "thingId",
    "thingTypeName",
    "thingGroupNames",
    "attributes",
    "registry",
    "shadow",
    "connectivity",
    "deviceDefender",
)
_MAX_CHARACTERS = 1000
"""The maximum length of a query, so that the examination of fields is bounded."""
_LITERAL = r'\\.|"(?:[^"\\]|\\.)*"'
"""An escaped character, or a text in quotes."""
_FIELD = r"(?<![\w.:/$@-])([A-Za-z]\w*)((?:\.[^\s:()<>]*)?)(?::|[<>])"
"""A field before its value: the part of its name before the first dot, and the rest."""


def check_query(query: str) -> Iterator[ValueProblem]:
    """Yield an error for quotes or parentheses without a partner, and a warning for each unknown field."""
    bare = re.sub(_LITERAL, " ", query, flags=re.DOTALL)
    if '"' in bare:
        yield _build_syntax_error("a quote without its partner", 'a quote at the end of each text, or \\"')
        return
    if not _is_balanced(bare):
        yield _build_syntax_error("a parenthesis without its partner", "as many ( as )")
        return
    for root, rest in dict.fromkeys(re.findall(_FIELD, bare[:_MAX_CHARACTERS])):
        if root not in _FIELD_ROOTS:
            yield ValueProblem(
                "query-unknown-field",
                f"fleet indexing does not define the field {quote(root + rest)}",
                f"a field such as thingName or attributes.{root}{rest}",
                Suggestion(root, _FIELD_ROOTS, suffix=rest, replaces_expected=True),
                path=("query_string",),
                severity="warning",
            )


def _build_syntax_error(problem: str, expected: str) -> ValueProblem:
    return ValueProblem("invalid-query", f"the query has {problem}", expected, path=("query_string",))


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
