r"""Fleet indexing's query language for the registry's own data: query → SQL condition. Pure.

    query      := any_of any_of*               a space means AND, but binds less tightly than OR, as in AWS
    any_of     := all_of ((OR | ||) all_of)*
    all_of     := negatable ((AND | &&) negatable)*
    negatable  := (NOT | - | !)? operand
    operand    := ( query ) | field:( query ) | field:range | field:term | comparison | term
    range      := [from TO to] or {from TO to} or a mixture; a square bracket includes its bound; * means no bound
    comparison := field>term, or with >=, < or <=; a colon may precede the sign

Invariant: terms match whole values, regardless of the case of A to Z; `*` and `?` are wildcards outside quotes, `\` escapes
the next character. A term without a field is matched against the default fields and every attribute; in `field:( query )`,
every term is matched against that field. Fields of shadows and Device Defender match nothing, and no thing is ever
connected; `SqlCondition.sources` names these data sources when a query refers to them. A query has at most twelve terms and
1,000 characters. One term may begin with a wildcard, and then the query has at most 100 characters (AWS IoT Developer Guide,
"Query syntax"); `*` alone matches everything and does not count as such a term.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NoReturn

from attrs import Factory, define, evolve, frozen

from reconciler.registry.errors import ApiError
from reconciler.registry.store import Value

MAX_TERMS = 12
MAX_CHARACTERS = 1000
MAX_CHARACTERS_WITH_LEADING_WILDCARD = 100
MAX_DEPTH = 50  # far more than twelve terms need; it limits the parser's recursion

_OPERATOR = re.compile(r"(AND|OR|NOT|&&|\|\|)(?=[\s()]|\Z)")
_OPERATOR_WORDS = {"&&": "AND", "||": "OR"}
_FIELD = re.compile(r"((?:\\.|[\w.$,@/#-])+)(:\s*(?:[<>]=?)?|[<>]=?)", re.DOTALL)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_BOUND = r'("(?:\\.|[^"\\])*"|[^\s"]+?)'
_RANGE = re.compile(rf"([\[{{])\s*{_BOUND}\s+TO\s+{_BOUND}\s*([\]}}])", re.DOTALL)
_LEADING_WILDCARD = re.compile(r"\*+[^*]|\?")
_TERM = re.compile(r'(?:\\.|[^\s()"\\])+', re.DOTALL)
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

_FALSE = "0"
_ATTRIBUTE_PREFIX = "attributes."
_SOURCES = {"connectivity.": "Connectivity", "shadow.": "Shadow", "deviceDefender.": "Devicedefender"}
# A thing's billing group is searched as if it were one of its thing groups.
_GROUP_NAMES_OF_THING = (
    "SELECT g.name AS value FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group"
    " WHERE m.thing = t.seq UNION ALL SELECT t.billing_group"
)
_ANCESTOR_GROUP_NAMES = (
    "WITH RECURSIVE above (value) AS (SELECT t.parent UNION SELECT g.parent FROM above JOIN thing_groups g"
    " ON g.scope = t.scope AND g.name = above.value) SELECT value FROM above"
)


@frozen(eq=False)
class SearchIndex:
    """The fields of an index, as SQL on a row called `t`.

    `columns` has an expression for each field with one value; `lists` has, for each field with many, a SELECT that returns
    its values in the column `value`. `default_fields` are those that a term without a field is matched against, in addition
    to the attributes. `attributes` is the SQL after FROM that selects the attributes of row `t`, with its WHERE;
    `attribute_name` and `attribute_value` are its columns. `sources` has the data source of the fields with each prefix, as
    fleet indexing names it.
    """

    columns: Mapping[str, str]
    lists: Mapping[str, str]
    default_fields: tuple[str, ...]
    attributes: str
    attribute_name: str
    attribute_value: str
    sources: Mapping[str, str] = Factory(dict)


THINGS = SearchIndex(
    columns={
        "thingName": "t.name",
        "thingId": "t.id",
        "thingTypeName": "t.type",
        "registry.thingTypeName": "t.type",
        "connectivity.connected": "'false'",
        "connectivity.timestamp": "'0'",
        "connectivity.clientId": "t.name",
    },
    lists={"thingGroupNames": _GROUP_NAMES_OF_THING, "registry.thingGroupNames": _GROUP_NAMES_OF_THING},
    default_fields=("thingName", "thingId", "thingTypeName", "thingGroupNames"),
    attributes="thing_attributes a WHERE a.seq = t.seq",
    attribute_name="a.name",
    attribute_value="a.value",
    sources=_SOURCES,
)
THING_GROUPS = SearchIndex(
    columns={"thingGroupName": "t.name", "thingGroupId": "t.id", "description": "t.description"},
    lists={"parentGroupNames": _ANCESTOR_GROUP_NAMES},
    default_fields=("thingGroupName", "thingGroupId", "description", "parentGroupNames"),
    attributes="json_each(t.attributes) a WHERE 1",
    attribute_name="a.key",
    attribute_value="a.value",
)


@frozen
class SqlCondition:
    """An SQL condition on a row `t` of an index, with its parameters; its value is never NULL.

    `sources` are the data sources, other than the registry, that the query refers to.
    """

    sql: str
    values: tuple[Value, ...] = ()
    sources: frozenset[str] = frozenset()


@lru_cache(maxsize=256)
def compile_query(query: str, index: SearchIndex = THINGS) -> SqlCondition:
    """Compile a query of an index into a condition. Raises InvalidQueryException."""
    if len(query) > MAX_CHARACTERS:
        raise _invalid(f"it is longer than {MAX_CHARACTERS} characters", query)
    return _Parser(query, index).parse()


@define
class _Parser:
    """A recursive-descent parser of one query, with a method for each rule of the grammar above.

    It has read `text` up to `position`. `group_field` is the field of the `field:( query )` that is being read, or None.
    """

    text: str
    index: SearchIndex
    position: int = 0
    depth: int = 0
    term_count: int = 0
    leading_wildcard_count: int = 0
    group_field: str | None = None

    def parse(self) -> SqlCondition:
        condition = self._parse_query()
        if self.position < len(self.text):
            self._fail("a closing parenthesis has no opening one")
        return condition

    def _parse_query(self) -> SqlCondition:
        parts = [self._parse_any_of()]
        while self._has_next_operand():
            parts.append(self._parse_any_of())
        return _join(" AND ", parts)

    def _parse_any_of(self) -> SqlCondition:
        parts = [self._parse_all_of()]
        while self._take_operator("OR"):
            parts.append(self._parse_all_of())
        return _join(" OR ", parts)

    def _parse_all_of(self) -> SqlCondition:
        parts = [self._parse_negatable()]
        while self._take_operator("AND"):
            parts.append(self._parse_negatable())
        return _join(" AND ", parts)

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
            self._fail(f"it is nested deeper than {MAX_DEPTH} levels")
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
            self._fail("an operator is in the place of a term")
        return self._parse_field_condition()

    def _take_negation(self) -> bool:
        return self._take_operator("NOT") or self._take("-") or self._take("!")

    def _parse_group(self) -> SqlCondition:
        condition = self._parse_query()
        if not self._take(")"):
            self._fail("a parenthesis is not closed")
        return condition

    def _parse_field_condition(self) -> SqlCondition:
        """Parse a term, or a field name and what follows it: a group, a range, a comparison or a term."""
        if self.group_field is not None:
            return self._parse_term(self.group_field)
        match = _FIELD.match(self.text, self.position)
        if match is None:
            return self._parse_term(None)
        self.position = match.end()
        field, operator = _unescape(match[1]), match[2].removeprefix(":").strip()
        if operator:
            return self._parse_comparison(field, operator)
        if self._take("("):
            self.group_field = field
            condition = self._parse_group()
            self.group_field = None
            return condition
        bounds = _RANGE.match(self.text, self.position)
        return self._parse_term(field) if bounds is None else self._parse_range(field, bounds)

    def _parse_term(self, field: str | None) -> SqlCondition:
        """Parse a term, quoted or not, and match it as `_match_field` does."""
        self._count_term()
        quoted = _QUOTED.match(self.text, self.position)
        term = quoted or _TERM.match(self.text, self.position)
        if term is None:
            self._fail("a term is expected")
        self.position = term.end()
        if quoted:
            pattern = _to_like_pattern(_unescape(quoted[1]), wildcards=False)
        else:
            if _LEADING_WILDCARD.match(term[0]):
                self._count_leading_wildcard()
            pattern = _to_like_pattern(term[0], wildcards=True)
        return self._match_field(field, "{0} LIKE ? ESCAPE '!'", (pattern,))

    def _parse_comparison(self, field: str, operator: str) -> SqlCondition:
        self._count_term()
        self._skip_space()
        term = _QUOTED.match(self.text, self.position) or _TERM.match(self.text, self.position)
        if term is None:
            self._fail("a term is expected")
        self.position = term.end()
        return self._match_bounds(field, [(operator, term[0])])

    def _parse_range(self, field: str, match: re.Match[str]) -> SqlCondition:
        self._count_term()
        self.position = match.end()
        opening, low, high, closing = match.groups()
        bounds = [(">=" if opening == "[" else ">", low), ("<=" if closing == "]" else "<", high)]
        return self._match_bounds(field, [(operator, bound) for operator, bound in bounds if bound != "*"])

    def _match_bounds(self, field: str, bounds: Sequence[tuple[str, str]]) -> SqlCondition:
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
        return self._match_field(field, f"({' AND '.join(tests)})", values)

    def _match_field(self, field: str | None, test: str, values: tuple[Value, ...]) -> SqlCondition:
        """Return the condition that a field passes a test.

        With None as `field`, it suffices that one of the default fields or one of the attributes passes the test.

        `test` is SQL in which `{0}` is a placeholder for the field's value; `values` are the parameters of `test`.
        """
        index = self.index
        attribute_rows = f"SELECT 1 FROM {index.attributes} AND {test.format(index.attribute_value)}"  # noqa: S608
        if field is None:
            parts = [self._match_field(name, test, values) for name in index.default_fields]
            return _join(" OR ", [*parts, SqlCondition(f"EXISTS ({attribute_rows})", values)])
        sources = frozenset(source for prefix, source in index.sources.items() if field.startswith(prefix))
        if field in index.columns:
            return SqlCondition(f"IFNULL({test.format(index.columns[field])}, 0)", values, sources)
        if field in index.lists:
            list_test = f"EXISTS (SELECT 1 FROM ({index.lists[field]}) WHERE {test.format('value')})"  # noqa: S608
            return SqlCondition(list_test, values)
        if field.startswith(_ATTRIBUTE_PREFIX) and field != _ATTRIBUTE_PREFIX:
            name = field.removeprefix(_ATTRIBUTE_PREFIX)
            return SqlCondition(f"EXISTS ({attribute_rows} AND {index.attribute_name} = ?)", (*values, name))
        if not sources:
            raise _invalid(f"invalid field name, field name: {field}", self.text)
        return SqlCondition(_FALSE, (), sources)

    def _count_term(self) -> None:
        self.term_count += 1
        if self.term_count > MAX_TERMS:
            self._fail(f"it has more than {MAX_TERMS} terms")

    def _count_leading_wildcard(self) -> None:
        self.leading_wildcard_count += 1
        if self.leading_wildcard_count > 1:
            self._fail("a second term begins with a wildcard")
        limit = MAX_CHARACTERS_WITH_LEADING_WILDCARD
        if len(self.text) > limit:
            self._fail(f"a query with a leading wildcard is longer than {limit} characters")

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

    def _fail(self, problem: str) -> NoReturn:
        raise _invalid(f"invalid syntax: {problem}, at character {self.position + 1}", self.text)


def _join(operator: str, parts: Sequence[SqlCondition]) -> SqlCondition:
    if len(parts) == 1:
        return parts[0]
    values = tuple(value for part in parts for value in part.values)
    sources = frozenset().union(*(part.sources for part in parts))
    return SqlCondition(f"({operator.join(part.sql for part in parts)})", values, sources)


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


def _invalid(problem: str, query: str) -> ApiError:
    return ApiError("InvalidQueryException", f"Unable to parse query, {problem}, query string: {query}")
