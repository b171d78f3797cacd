r"""The query language of fleet indexing, as far as the registry's own data goes: a query → a condition in SQL. Pure.

    query  := either either*                  all of them: nothing between two binds less than OR, as AWS has it
    either := clause ((OR | ||) clause)*
    clause := part ((AND | &&) part)*
    part   := (NOT | - | !)? plain
    plain  := ( query ) | field:( query ) | field:range | field:term | field>term | term
    range  := [from TO to] or {from TO to} or a mixture; a square bracket includes its end, and * leaves an end open

Law: terms match whole values, in any case of letters; `*` and `?` are wildcards outside quotes, `\` makes the next
character plain. A term without a field is sought in every field. Fields of shadows and Device Defender match nothing, and
no thing is ever connected; that a query is about these is in `sources`. At most twelve terms, of which one may begin with a
wildcard, and then the query has at most 100 characters (AWS IoT Developer Guide, "Query syntax"); `*` alone is everything and
no such term. Otherwise there may be 1,000 characters.
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
MAX_CHARACTERS_LEADING_WILDCARD = 100
MAX_DEPTH = 50

_WORD = re.compile(r"(AND|OR|NOT|&&|\|\|)(?=[\s()]|\Z)")
_MEANING = {"&&": "AND", "||": "OR"}
_FIELD = re.compile(r"((?:\\.|[\w.$,@/#-])+)(:\s*(?:[<>]=?)?|[<>]=?)", re.DOTALL)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_END = r'("(?:\\.|[^"\\])*"|[^\s"]+?)'
_RANGE = re.compile(rf"([\[{{])\s*{_END}\s+TO\s+{_END}\s*([\]}}])", re.DOTALL)
_LED = re.compile(r"\*+[^*]|\?")
_TERM = re.compile(r'(?:\\.|[^\s()"\\])+', re.DOTALL)
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

_NOTHING = "0"
_ATTRIBUTE = "attributes."
_SOURCES = {"connectivity.": "Connectivity", "shadow.": "Shadow", "deviceDefender.": "Devicedefender"}
_IN_GROUP = (
    "SELECT g.name AS value FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group"
    " WHERE m.thing = t.seq UNION ALL SELECT t.billing_group"
)
_ABOVE = (
    "WITH RECURSIVE above (value) AS (SELECT t.parent UNION SELECT g.parent FROM above JOIN thing_groups g"
    " ON g.scope = t.scope AND g.name = above.value) SELECT value FROM above"
)


@frozen(eq=False)
class SearchIndex:
    """What an index can be asked of a row called `t`.

    `columns` and `lists` are the fields of one value and of many, with their SQL, `everywhere` those of them in which a
    term without a field is sought; `attributes` is a FROM with its WHERE, in which `named` and `valued` are columns.
    """

    columns: Mapping[str, str]
    lists: Mapping[str, str]
    everywhere: tuple[str, ...]
    attributes: str
    named: str
    valued: str
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
    lists={"thingGroupNames": _IN_GROUP, "registry.thingGroupNames": _IN_GROUP},
    everywhere=("thingName", "thingId", "thingTypeName", "thingGroupNames"),
    attributes="thing_attributes a WHERE a.seq = t.seq",
    named="a.name",
    valued="a.value",
    sources=_SOURCES,
)
THING_GROUPS = SearchIndex(
    columns={"thingGroupName": "t.name", "thingGroupId": "t.id", "description": "t.description"},
    lists={"parentGroupNames": _ABOVE},
    everywhere=("thingGroupName", "thingGroupId", "description", "parentGroupNames"),
    attributes="json_each(t.attributes) a WHERE 1",
    named="a.key",
    valued="a.value",
)


@frozen
class SqlCondition:
    """A condition on an index's row `t`, never NULL, the parameters in it, and what it is about beside the registry."""

    sql: str
    values: tuple[Value, ...] = ()
    sources: frozenset[str] = frozenset()


@lru_cache(maxsize=256)
def compile_query(query: str, index: SearchIndex = THINGS) -> SqlCondition:
    """Turn a query of an index into a condition. Raises InvalidQueryException."""
    if len(query) > MAX_CHARACTERS:
        raise _invalid(f"it is longer than {MAX_CHARACTERS} characters", query)
    return _Parser(query, index).parse()


@define
class _Parser:
    """One query being read, from `at` on."""

    text: str
    index: SearchIndex
    at: int = 0
    depth: int = 0
    terms: int = 0
    led: int = 0
    fields: list[str] = Factory(list)

    def parse(self) -> SqlCondition:
        condition = self._query()
        if self.at < len(self.text):
            self._fail("a bracket is closed that was not opened")
        return condition

    def _query(self) -> SqlCondition:
        parts = [self._either()]
        while self._at_part():
            parts.append(self._either())
        return _joined(" AND ", parts)

    def _either(self) -> SqlCondition:
        clauses = [self._clause()]
        while self._take_word("OR"):
            clauses.append(self._clause())
        return _joined(" OR ", clauses)

    def _clause(self) -> SqlCondition:
        parts = [self._part()]
        while self._take_word("AND"):
            parts.append(self._part())
        return _joined(" AND ", parts)

    def _at_part(self) -> bool:
        """Whether another part follows at once."""
        self._skip()
        word = _WORD.match(self.text, self.at)
        return self.at < len(self.text) and self.text[self.at] != ")" and (not word or word[1] == "NOT")

    def _part(self) -> SqlCondition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(f"it is nested deeper than {MAX_DEPTH} levels")
        try:
            if self._take_negation():
                inner = self._plain()
                return evolve(inner, sql=f"NOT {inner.sql}")
            return self._plain()
        finally:
            self.depth -= 1

    def _plain(self) -> SqlCondition:
        if self._take("("):
            return self._group()
        if _WORD.match(self.text, self.at) or self._take_negation():
            self._fail("an operator stands where a term is expected")
        return self._fielded()

    def _take_negation(self) -> bool:
        return self._take_word("NOT") or self._take("-") or self._take("!")

    def _group(self) -> SqlCondition:
        condition = self._query()
        if not self._take(")"):
            self._fail("a bracket is not closed")
        return condition

    def _fielded(self) -> SqlCondition:
        found = None if self.fields else _FIELD.match(self.text, self.at)
        if found is None:
            return self._term(self.fields[-1] if self.fields else None)
        self.at = found.end()
        field, operator = _plain(found[1]), found[2].removeprefix(":").strip()
        if operator:
            return self._compared(field, operator)
        if self._take("("):
            self.fields.append(field)
            condition = self._group()
            self.fields.pop()
            return condition
        bounds = _RANGE.match(self.text, self.at)
        return self._term(field) if bounds is None else self._ranged(field, bounds)

    def _term(self, field: str | None) -> SqlCondition:
        """Read one term, quoted or not, and seek it in one field or in all."""
        self._count()
        quoted = _QUOTED.match(self.text, self.at)
        bare = quoted or _TERM.match(self.text, self.at)
        if bare is None:
            self._fail("a term is expected")
        self.at = bare.end()
        if not quoted and _LED.match(bare[0]):
            self._count_led()
        pattern = _like(_plain(quoted[1]), wild=False) if quoted else _like(bare[0], wild=True)
        return self._sought(field, "{0} LIKE ? ESCAPE '!'", (pattern,))

    def _compared(self, field: str, operator: str) -> SqlCondition:
        self._count()
        self._skip()
        term = _QUOTED.match(self.text, self.at) or _TERM.match(self.text, self.at)
        if term is None:
            self._fail("a term is expected")
        self.at = term.end()
        return self._bounded(field, [(operator, term[0])])

    def _ranged(self, field: str, bounds: re.Match[str]) -> SqlCondition:
        self._count()
        self.at = bounds.end()
        opening, low, high, closing = bounds.groups()
        ends = [(">=" if opening == "[" else ">", low), ("<=" if closing == "]" else "<", high)]
        return self._bounded(field, [(sign, end) for sign, end in ends if end != "*"])

    def _bounded(self, field: str, ends: Sequence[tuple[str, str]]) -> SqlCondition:
        """Compare a field with one end or two: as numbers when all are numbers without quotes, else as texts."""
        if all(_NUMBER.fullmatch(_plain(end)) for _, end in ends):
            tests = ["json_valid({0}) AND json_type({0}) IN ('integer', 'real')"]
            tests += [f"CAST({{0}} AS REAL) {sign} ?" for sign, _ in ends]
            return self._sought(
                field, f"({' AND '.join(tests)})", tuple(float(_plain(end)) for _, end in ends)
            )
        tests = [f"{{0}} {sign} ? COLLATE NOCASE" for sign, _ in ends]
        return self._sought(field, f"({' AND '.join(tests)})", tuple(_unquoted(end) for _, end in ends))

    def _sought(self, field: str | None, test: str, values: tuple[Value, ...]) -> SqlCondition:
        """Hold the values of a field, or of every field, against a test, in which they are called `{0}`."""
        index = self.index
        attribute = f"EXISTS (SELECT 1 FROM {index.attributes} AND {test.format(index.valued)}"  # noqa: S608
        if field is None:
            every = [self._sought(name, test, values) for name in index.everywhere]
            return _joined(" OR ", [*every, SqlCondition(f"{attribute})", values)])
        sources = frozenset(source for prefix, source in index.sources.items() if field.startswith(prefix))
        if field in index.columns:
            return SqlCondition(f"IFNULL({test.format(index.columns[field])}, 0)", values, sources)
        if field in index.lists:
            many = f"EXISTS (SELECT 1 FROM ({index.lists[field]}) WHERE {test.format('value')})"  # noqa: S608
            return SqlCondition(many, values)
        if field.startswith(_ATTRIBUTE) and field != _ATTRIBUTE:
            return SqlCondition(
                f"{attribute} AND {index.named} = ?)", (*values, field.removeprefix(_ATTRIBUTE))
            )
        if not sources:
            raise _invalid(f"invalid field name, field name: {field}", self.text)
        return SqlCondition(_NOTHING, (), sources)

    def _count(self) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            self._fail(f"it has more than {MAX_TERMS} terms")

    def _count_led(self) -> None:
        self.led += 1
        if self.led > 1:
            self._fail("a second term begins with a wildcard")
        if len(self.text) > MAX_CHARACTERS_LEADING_WILDCARD:
            self._fail(
                f"a term begins with a wildcard in more than {MAX_CHARACTERS_LEADING_WILDCARD} characters"
            )

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.at)
        assert space is not None
        self.at = space.end()

    def _take(self, sign: str) -> bool:
        self._skip()
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) * found
        return found

    def _take_word(self, word: str) -> bool:
        self._skip()
        found = _WORD.match(self.text, self.at)
        if found is None or _MEANING.get(found[1], found[1]) != word:
            return False
        self.at = found.end()
        return True

    def _fail(self, why: str) -> NoReturn:
        raise _invalid(f"invalid syntax: {why}, at character {self.at + 1}", self.text)


def _joined(operator: str, parts: Sequence[SqlCondition]) -> SqlCondition:
    if len(parts) == 1:
        return parts[0]
    values = tuple(value for part in parts for value in part.values)
    sources = frozenset().union(*(part.sources for part in parts))
    return SqlCondition(f"({operator.join(part.sql for part in parts)})", values, sources)


def _like(term: str, *, wild: bool) -> str:
    """Spell a term as a pattern for LIKE, whose own signs become plain ones."""
    pattern, plain = "", not wild
    for character in term:
        if not plain and character == "\\":
            plain = True
            continue
        if not plain and character in "*?":
            pattern += "%" if character == "*" else "_"
        else:
            pattern += f"!{character}" if character in "!%_" else character
        plain = not wild
    return pattern


def _unquoted(end: str) -> str:
    quoted = _QUOTED.fullmatch(end)
    return _plain(quoted[1] if quoted else end)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _invalid(why: str, query: str) -> ApiError:
    return ApiError("InvalidQueryException", f"Unable to parse query, {why}, query string: {query}")
