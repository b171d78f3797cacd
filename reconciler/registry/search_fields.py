"""The fields of fleet indexing's indexes, as SQL conditions on the registry's own data. Pure.

Invariant: a value matches regardless of the case of A to Z, a field name only exactly. Fields of shadows and Device Defender match
nothing, and no thing is ever connected. Such a field is an error while its data source is not indexed.
"""

from collections.abc import Mapping, Sequence

from reconciler.frozen_classes import field, frozen
from reconciler.registry.errors import ApiError
from reconciler.registry.store import Value

FALSE = "0"

_ATTRIBUTE_PREFIX = "attributes."
_NAMED_SHADOW_PREFIX = "shadow.name."
# The names of the data sources are those of AWS's error texts.
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


@frozen
class IndexedSources:
    """The data sources that are indexed, other than the registry.

    `names` are those with one switch. `named_shadows` are the names in the filter of named shadows; with None, every name is indexed.
    """

    names: frozenset[str] = frozenset()
    named_shadows: frozenset[str] | None = frozenset()


EVERY_SOURCE = IndexedSources(frozenset(_SOURCES.values()), None)
"""For the query of a group that exists already: its source may have been turned off since."""


@frozen
class SqlCondition:
    """An SQL condition on a row `t` of an index, with its parameters; its value is never NULL."""

    sql: str
    values: tuple[Value, ...] = ()


@frozen(eq=False)
class SearchIndex:
    """The fields of an index, as SQL on a row of `table` called `t`.

    `columns` has an expression for each field with one value; `lists` has, for each field with many, a SELECT that returns
    its values in the column `value`. `default_fields` are those that a term without a field is matched against, in addition
    to the attributes. `attributes` is the SQL after FROM that selects the attributes of row `t`, with its WHERE;
    `attribute_name` and `attribute_value` are its columns. `sources` has the data source of the fields with each prefix.
    """

    name: str
    table: str
    columns: Mapping[str, str]
    lists: Mapping[str, str]
    default_fields: tuple[str, ...]
    attributes: str
    attribute_name: str
    attribute_value: str
    sources: Mapping[str, str] = field(factory=dict)

    def require_field(self, field: str, indexed: IndexedSources, query: str) -> None:
        """Raise InvalidQuery for an unknown field, InvalidRequest if its source is not indexed."""
        source = self._find_source(field)
        if source is None:
            if not (self._is_attribute(field) or field in self.columns or field in self.lists):
                raise invalid_query(f"invalid field name, field name: {field}", query)
            return
        is_named_shadow = field.startswith(_NAMED_SHADOW_PREFIX)
        if source not in indexed.names and not (is_named_shadow and indexed.named_shadows != frozenset()):
            raise ApiError(
                "InvalidRequestException",
                f"Query includes one or more constraints for {source} attribute,"
                f" but {source} indexing is not enabled for {self.name} index",
            )
        if is_named_shadow and not _is_field_of_indexed_shadow(field, indexed):
            raise invalid_query(f"invalid field name, field name: {field}", query)

    def match(self, field: str | None, test: str, values: tuple[Value, ...]) -> SqlCondition:
        """Return the condition that a field passes a test.

        With None as `field`, it suffices that one of the default fields or one of the attributes passes the test.

        `test` is SQL in which `{0}` is a placeholder for the field's value; `values` are the parameters of `test`.
        """
        attribute_rows = f"SELECT 1 FROM {self.attributes} AND {test.format(self.attribute_value)}"  # noqa: S608
        if field is None:
            parts = [self.match(name, test, values) for name in self.default_fields]
            return join_conditions(" OR ", [*parts, SqlCondition(f"EXISTS ({attribute_rows})", values)])
        if field in self.columns:
            return SqlCondition(f"IFNULL({test.format(self.columns[field])}, 0)", values)
        if field in self.lists:
            list_test = f"EXISTS (SELECT 1 FROM ({self.lists[field]}) WHERE {test.format('value')})"  # noqa: S608
            return SqlCondition(list_test, values)
        if self._is_attribute(field):
            name = field.removeprefix(_ATTRIBUTE_PREFIX)
            return SqlCondition(f"EXISTS ({attribute_rows} AND {self.attribute_name} = ?)", (*values, name))
        return SqlCondition(FALSE)

    def _find_source(self, field: str) -> str | None:
        return next((source for prefix, source in self.sources.items() if field.startswith(prefix)), None)

    @staticmethod
    def _is_attribute(field: str) -> bool:
        return field.startswith(_ATTRIBUTE_PREFIX) and field != _ATTRIBUTE_PREFIX


THINGS = SearchIndex(
    name="AWS_Things",
    table="things",
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
    name="AWS_ThingGroups",
    table="thing_groups",
    columns={"thingGroupName": "t.name", "thingGroupId": "t.id", "description": "t.description"},
    lists={"parentGroupNames": _ANCESTOR_GROUP_NAMES},
    default_fields=("thingGroupName", "thingGroupId", "description", "parentGroupNames"),
    attributes="json_each(t.attributes) a WHERE 1",
    attribute_name="a.key",
    attribute_value="a.value",
)


def join_conditions(operator: str, parts: Sequence[SqlCondition]) -> SqlCondition:
    """Join conditions with an SQL operator, such as " AND "."""
    if len(parts) == 1:
        return parts[0]
    values = tuple(value for part in parts for value in part.values)
    return SqlCondition(f"({operator.join(part.sql for part in parts)})", values)


def invalid_query(problem: str, query: str) -> ApiError:
    """Return AWS's error for a query that it cannot parse."""
    return ApiError("InvalidQueryException", f"Unable to parse query, {problem}, query string: {query}")


def _is_field_of_indexed_shadow(field: str, indexed: IndexedSources) -> bool:
    """Return whether a field `shadow.name.<shadow>.<field>` is of a shadow in the filter of named shadows."""
    shadow, _, rest = field.removeprefix(_NAMED_SHADOW_PREFIX).partition(".")
    return bool(rest) and (indexed.named_shadows is None or shadow in indexed.named_shadows)
