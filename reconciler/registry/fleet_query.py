r"""Fleet indexing's query language: query → SQL condition. Pure.

    query      := any_of any_of*               a space means AND, but binds less tightly than OR, as in AWS
    any_of     := all_of ((OR | ||) all_of)*
    all_of     := negatable ((AND | &&) negatable)*
    negatable  := (NOT | - | !)? operand
    operand    := ( query ) | field:( query ) | field:range | range | field:term | comparison | term
    range      := [from TO to] or {from TO to} or a mixture; a square bracket includes its bound; * means no bound; TO is optional
    comparison := field>term, or with >=, < or <=

Invariant: terms match whole values; `*` and `?` are wildcards outside quotes, `\` escapes the next character. A term without a field
is matched against the default fields and every attribute; in `field:( query )`, every term is matched against that field.

Errors are found in AWS's order: the syntax of the whole query, then the number of terms, then the fields and values from left to
right. The order, the texts and the limits below, except those of a leading wildcard, are those that the authors of the emulator
floci measured on AWS. A query has at most twelve terms and 1,000 characters. One term may begin with a wildcard, and then the query
has at most 100 characters (AWS IoT Developer Guide, "Query syntax"; AWS's texts are unknown); `*` alone matches everything and does
not count as such a term.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NoReturn

from attrs import define, evolve

from reconciler.registry.errors import ApiError
from reconciler.registry.search_fields import (
    EVERY_SOURCE,
    FALSE,
    THINGS,
    IndexedSources,
    SearchIndex,
    SqlCondition,
    invalid_query,
    join_conditions,
)
from reconciler.registry.store import Value

MAX_TERMS = 12
MAX_CHARACTERS = 1000
MAX_CHARACTERS_WITH_LEADING_WILDCARD = 100
MAX_WILDCARDS = 2
MAX_DEPTH = 50  # far more than twelve terms need; it limits the parser's recursion

_OPERATOR = re.compile(r"(AND|OR|NOT|&&|\|\|)(?=[\s()]|\Z)")
_OPERATOR_WORDS = {"&&": "AND", "||": "OR"}
_FIELD = re.compile(r'((?:\\.|[^\s()"\\:<>\[\]{}])+)(:\s*|[<>]=?)', re.DOTALL)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_BOUND = r'("(?:\\.|[^"\\])*"|(?!TO[ \]}])(?:\\.|[^ "\\\]}])+)'
_RANGE = re.compile(rf"([\[{{]) *{_BOUND} +(?:TO +)?{_BOUND} *([\]}}])", re.DOTALL)
_TERM = re.compile(r'(?:\\.|[^\s()"\\])+', re.DOTALL)
_END_OF_TERM = re.compile(r"[\s()]|\Z")
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# Query types of Apache Lucene that AWS rejects, by the first unescaped character that marks them.
_UNSUPPORTED_TYPES = {"~": "fuzzy", "^": "boost"}


@lru_cache(maxsize=256)
def compile_query(
    query: str, index: SearchIndex = THINGS, indexed: IndexedSources = EVERY_SOURCE
) -> SqlCondition:
    """Compile a query of an index into a condition.

    Raises InvalidQueryException, and InvalidRequestException for a field whose data source is not indexed.
    """
    return _Parser(query, index, indexed).parse()


@define
class _Parser:
    """A recursive-descent parser of one query, with a method for each rule of the grammar above.

    It has read `text` up to `position`. `group_field` is the field of the `field:( query )` that is being read, or None.
    `error` is the first error of a field or value.
    """

    text: str
    index: SearchIndex
    indexed: IndexedSources
    position: int = 0
    depth: int = 0
    term_count: int = 0
    leading_wildcard_count: int = 0
    group_field: str | None = None
    error: ApiError | None = None

    def parse(self) -> SqlCondition:
        condition = self._parse_query()
        if self.position < len(self.text):
            self._fail_syntax()
        if self.term_count > MAX_TERMS:
            problem = f"number of terms cannot exceed {MAX_TERMS}, terms found: {self.term_count}"
            raise invalid_query(problem, self.text)
        if self.error is not None:
            raise self.error
        return condition

    def _parse_query(self) -> SqlCondition:
        parts = [self._parse_any_of()]
        while self._has_next_operand():
            parts.append(self._parse_any_of())
        return join_conditions(" AND ", parts)

    def _parse_any_of(self) -> SqlCondition:
        parts = [self._parse_all_of()]
        while self._take_operator("OR"):
            parts.append(self._parse_all_of())
        return join_conditions(" OR ", parts)

    def _parse_all_of(self) -> SqlCondition:
        parts = [self._parse_negatable()]
        while self._take_operator("AND"):
            parts.append(self._parse_negatable())
        return join_conditions(" AND ", parts)

    def _has_next_operand(self) -> bool:
        """Return whether another operand follows without an operator between."""
        self._skip_space()
        if self.position == len(self.text) or self.text[self.position] == ")":
            return False
        operator = _OPERATOR.match(self.text, self.position)
        return operator is None or operator[1] == "NOT"

    def _parse_negatable(self) -> SqlCondition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise invalid_query(f"it is nested deeper than {MAX_DEPTH} levels", self.text)
        try:
            if self._take_negation():
                inner = self._parse_operand()
                return evolve(inner, sql=f"NOT {inner.sql}")
            return self._parse_operand()
        finally:
            self.depth -= 1

    def _parse_operand(self) -> SqlCondition:
        if self._take("("):
            return self._parse_group()
        if _OPERATOR.match(self.text, self.position) or self._take_negation():
            self._fail_syntax()
        return self._parse_field_condition()

    def _take_negation(self) -> bool:
        return self._take_operator("NOT") or self._take("-") or self._take("!")

    def _parse_group(self) -> SqlCondition:
        condition = self._parse_query()
        if not self._take(")"):
            self._fail_syntax()
        return condition

    def _parse_field_condition(self) -> SqlCondition:
        """Parse a term or range, or a field with its group, range, comparison or term."""
        match = _FIELD.match(self.text, self.position) if self.group_field is None else None
        if match is None:
            return self._parse_value(self.group_field)
        self.position = match.end()
        field, operator = _unescape(match[1]), match[2].strip()
        self._check_field(field)
        if operator != ":":
            return self._parse_comparison(field, operator)
        if self._take("("):
            self.group_field = field
            condition = self._parse_group()
            self.group_field = None
            return condition
        if self.text.startswith(("<", ">"), self.position):
            self._fail_syntax()
        return self._parse_value(field)

    def _parse_value(self, field: str | None) -> SqlCondition:
        if self.text.startswith(("[", "{"), self.position):
            return self._parse_range(field)
        return self._parse_term(field)

    def _parse_term(self, field: str | None) -> SqlCondition:
        """Parse a term, quoted or not, and match it against a field, or against all default fields."""
        value = self._take_term()
        quoted = _QUOTED.fullmatch(value)
        if quoted:
            pattern = _to_like_pattern(_unescape(quoted[1]), wildcards=False)
        else:
            self._check_value(field, value)
            pattern = _to_like_pattern(value, wildcards=True)
        return self._match(field, "{0} LIKE ? ESCAPE '!'", (pattern,))

    def _parse_comparison(self, field: str, operator: str) -> SqlCondition:
        self._skip_space()
        return self._match_bounds(field, [(operator, self._take_term())])

    def _take_term(self) -> str:
        """Consume a term and return it, with its quotes if it has them."""
        self.term_count += 1
        quoted = _QUOTED.match(self.text, self.position)
        term = quoted or _TERM.match(self.text, self.position)
        if term is None or _END_OF_TERM.match(self.text, term.end()) is None:
            self._fail_syntax()
        if not quoted and any(character in "[]{}" for character in _ESCAPED.sub("", term[0])):
            self._fail_syntax()
        self.position = term.end()
        return term[0]

    def _parse_range(self, field: str | None) -> SqlCondition:
        self.term_count += 1
        match = _RANGE.match(self.text, self.position)
        if match is None:
            self._fail_syntax()
        self.position = match.end()
        opening, low, high, closing = match.groups()
        bounds = [(">=" if opening == "[" else ">", low), ("<=" if closing == "]" else "<", high)]
        return self._match_bounds(field, [(operator, bound) for operator, bound in bounds if bound != "*"])

    def _match_bounds(self, field: str | None, bounds: Sequence[tuple[str, str]]) -> SqlCondition:
        """Compare a field with at most two bounds: as numbers if all are unquoted numbers, else as strings.

        Without bounds, every number matches.
        """
        values: tuple[Value, ...]
        if all(_NUMBER.fullmatch(_unescape(bound)) for _, bound in bounds):
            # Values are stored as text. Only those that JSON accepts as numbers match, so 7 can match, but 007 cannot.
            tests = ["json_valid({0}) AND json_type({0}) IN ('integer', 'real')"]
            tests += [f"CAST({{0}} AS REAL) {operator} ?" for operator, _ in bounds]
            values = tuple(float(_unescape(bound)) for _, bound in bounds)
        else:
            tests = [f"{{0}} {operator} ? COLLATE NOCASE" for operator, _ in bounds]
            values = tuple(_unquote(bound) for _, bound in bounds)
        return self._match(field, f"({' AND '.join(tests)})", values)

    def _match(self, field: str | None, test: str, values: tuple[Value, ...]) -> SqlCondition:
        return SqlCondition(FALSE) if self.error is not None else self.index.match(field, test, values)

    def _check_field(self, field: str) -> None:
        if field.startswith("+"):
            self._defer('unsupported operator - "+"')
            return
        try:
            self.index.require_field(field, self.indexed, self.text)
        except ApiError as error:
            self.error = self.error or error

    def _check_value(self, field: str | None, value: str) -> None:
        """Record what AWS rejects in a term without quotes."""
        literal = _ESCAPED.sub("", value)
        where = f"value: {value}" if field is None else f"field name: {field}, value: {value}"
        if value.startswith("/"):
            self._defer("unsupported query type - regular expression")
        elif value.startswith("+") and field == self.group_field:
            self._defer('unsupported operator - "+"')  # an operator only before a term, not after "field:"
        elif value.startswith("?"):
            problem = "wildcard character (?) is not allowed at the start of the value"
            self._defer(f"invalid value - {problem}, {where}")
        mark = next((character for character in literal if character in _UNSUPPORTED_TYPES), None)
        if mark is not None:
            self._defer(f"unsupported query type - {_UNSUPPORTED_TYPES[mark]}")
        if literal.count("*") > MAX_WILDCARDS:
            problem = f"too many wildcards (*). The maximum allowed per term is {MAX_WILDCARDS}"
            self._defer(f"invalid value - {problem}, {where}")
        if value.startswith("*") and value.strip("*"):
            self._count_leading_wildcard()

    def _count_leading_wildcard(self) -> None:
        self.leading_wildcard_count += 1
        limit = MAX_CHARACTERS_WITH_LEADING_WILDCARD
        if self.leading_wildcard_count > 1:
            self._defer("a second term begins with a wildcard")
        elif len(self.text) > limit:
            self._defer(f"a query with a leading wildcard is longer than {limit} characters")

    def _skip_space(self) -> None:
        space = _SPACE.match(self.text, self.position)
        assert space is not None
        self.position = space.end()

    def _take(self, sign: str) -> bool:
        """Consume a sign if it is next, and return whether it was."""
        self._skip_space()
        if not self.text.startswith(sign, self.position):
            return False
        self.position += len(sign)
        return True

    def _take_operator(self, operator: str) -> bool:
        """Consume an operator if it is next, and return whether it was."""
        self._skip_space()
        match = _OPERATOR.match(self.text, self.position)
        if match is None or _OPERATOR_WORDS.get(match[1], match[1]) != operator:
            return False
        self.position = match.end()
        return True

    def _defer(self, problem: str) -> None:
        """Record the first error that AWS reports only if syntax and number of terms are right."""
        self.error = self.error or invalid_query(problem, self.text)

    def _fail_syntax(self) -> NoReturn:
        raise invalid_query("invalid syntax", self.text)


def _to_like_pattern(term: str, *, wildcards: bool) -> str:
    r"""Convert a term to a pattern for LIKE, in which LIKE's own wildcards are escaped.

    Without `wildcards`, the characters `*`, `?` and `\` have no special meaning.
    """
    pattern, is_literal = "", not wildcards
    for character in term:
        if not is_literal and character == "\\":
            is_literal = True
            continue
        if not is_literal and character in "*?":
            pattern += "%" if character == "*" else "_"
        else:
            pattern += f"!{character}" if character in "!%_" else character
        is_literal = not wildcards
    return pattern


def _unquote(bound: str) -> str:
    quoted = _QUOTED.fullmatch(bound)
    return _unescape(quoted[1] if quoted else bound)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
