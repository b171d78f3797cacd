"""Log levels of single targets: thing groups, clients, IP addresses and principals.

Source: AWS IoT API reference, SetV2LoggingLevel and related operations; developer guide, "Configure AWS IoT logging". The level of
the target type DEFAULT is `default_log_level` in `[account.logging]`. UNCONFIRMED: DeleteV2LoggingLevel has no error for a target
without a level, so a level that is missing is not deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.marker_groups import (
    Marker,
    build_marker_calls,
    build_marker_deletion,
    build_marker_name,
    build_marker_tags,
    check_marker,
    read_markers,
)
from reconciler.kinds.base.outside import CheckedNeed, Need, ProblemRead
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import NAME_TAG, build_tagged_live
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, External, Live, Reference, Resource

_LOGGING = "account.logging"
_NOT_CONFIGURED = frozenset({"NotConfiguredException"})
_TARGET_NAME = "SetV2LoggingLevel.logTarget.targetName"
_TARGET_FIELDS = ("thing_group", "client_id", "source_ip", "principal_id")
"""The fields of the target; in upper case, they are AWS's target types."""


def _target(doc: str) -> Any:
    return member(doc, api=_TARGET_NAME, on_change="replaces", default=None)


@frozen
class LogLevel:
    """`[log_levels.*]`."""

    log_level: Literal["DEBUG", "INFO", "ERROR", "WARN", "DISABLED"] | None = member(
        "The level of the target's logs.", api="SetV2LoggingLevel.logLevel"
    )
    thing_group: Reference | None = member(
        "The thing group whose things are the target.",
        api=_TARGET_NAME,
        references="thing_groups",
        on_change="replaces",
        default=None,
    )
    client_id: str | None = _target("The MQTT client ID that is the target.")
    source_ip: str | None = _target("The IP address that is the target.")
    principal_id: str | None = _target("The principal that is the target, such as a certificate's ID.")


@frozen
class _TargetListing(Listing):
    """The listing of the levels: the ID of an item consists of the type and the name of its target."""

    def iterate_ids(self, response: Response) -> Iterator[str]:
        """Yield the IDs in a response, without that of the default level."""
        for item in response.get(self.items, ()):
            if item["logTarget"]["targetType"].lower() in _TARGET_FIELDS:
                yield _get_identity(item)


class LogLevels(Kind):
    """Log levels: found by target, owned by a marker group for each."""

    table = "log_levels"
    noun = "log level"
    spec_class = LogLevel
    operations = Operations(
        read=("ListThingGroups", "DescribeThingGroup", "ListV2LoggingLevels", "GetV2LoggingOptions"),
        create=("CreateThingGroup", "SetV2LoggingLevel"),
        update=("CreateThingGroup", "UpdateThingGroup", "SetV2LoggingLevel"),
        replace=("CreateThingGroup", "SetV2LoggingLevel", "DeleteV2LoggingLevel", "DeleteThingGroup"),
        delete=("DeleteV2LoggingLevel", "DeleteThingGroup"),
        forget=("DeleteThingGroup",),
    )
    listing = _TargetListing(
        "ListV2LoggingLevels", "logTargetConfigurations", "logTarget", ignored_errors=_NOT_CONFIGURED
    )
    write_operations = ("SetV2LoggingLevel",)
    derived_members: ClassVar = {"SetV2LoggingLevel.logTarget.targetType": "the field that has the target"}
    create_succeeds_if_exists = True
    needs_settings = frozenset({_LOGGING})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a problem unless there is exactly one target; or if the marker cannot record the name."""
        yield from check_marker(resource)
        fields = [name for name in _TARGET_FIELDS if getattr(resource.spec, name) is not None]
        if len(fields) != 1:
            problem = f"has the targets {' and '.join(fields)}" if fields else "has no target"
            expected = f"one of {', '.join(_TARGET_FIELDS)}"
            yield ValueProblem("conflicting-keys" if fields else "missing-key", problem, expected)

    def identity(self, resource: Resource) -> str | None:
        """Return the type and the name of the target, as in `CLIENT_ID:pump-1`."""
        return _build_identity(resource.spec) or None

    def find_changed_identity(self, operation: str, members: Mapping[str, Any]) -> str | None:
        """Return the type and the name of the target."""
        target = members.get("logTarget", members)
        return _get_identity({"logTarget": target}) if "targetType" in target else None

    def outputs(self, live: Live, context: PlanContext) -> Mapping[str, str]:
        """Return nothing: a log level has neither an ID nor an ARN."""
        return {}

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the markers and, if there are any or the file has log levels, the levels."""
        markers = yield from read_markers(self.table, scope)
        desired = {_build_identity(item.spec) for item in scope.iterate_resources(self.table)}
        wanted = set(desired if scope.previous_states is None else scope.previous_states)
        if not markers and not wanted:
            return []
        (levels,) = yield [ApiCall("iot", "ListV2LoggingLevels", ignored_errors=_NOT_CONFIGURED)]
        level_by_target = {
            _get_identity(item): item["logLevel"] for item in levels.get("logTargetConfigurations", ())
        }
        targets = {build_marker_name(self.table, target): target for target in {*wanted, *level_by_target}}
        markers_by_target = {targets.get(name, marker.resource): marker for name, marker in markers.items()}
        live = [
            _to_live(identity, level_by_target.get(identity), markers_by_target.get(identity))
            for identity in sorted(markers_by_target.keys() | level_by_target.keys())
        ]
        return [item for item in live if item.identity in wanted or item.owner == scope.workspace]

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the thing group outside the file, and the need that logging is configured in the account."""
        yield from super().outside_needs(change, context)
        is_set = isinstance(change, Create | Update | Replace)
        if is_set and not isinstance(context.changes.get(Address.parse(_LOGGING)), Create | Update):
            yield CheckedNeed(("logging",), "", _read_logging_problem)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Record the owner, then set the level."""
        return [*_mark(change.resource, None, context), _set(change.resource.spec)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Record the owner and set the level, if they differ."""
        resource = change.resource
        level = [_set(resource.spec)] if change.has_changed("log_level") else []
        return [*_mark(resource, change.live, context), *level]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Set the level of the new target, then delete that of the old one."""
        new = [*_mark(change.resource, None, context), _set(change.resource.spec)]
        return [*new, *_delete(change.live)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the level, then the record of its owner."""
        return [*_delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the record of the owner; the level stays."""
        return [_unmark(change.live)]


def _build_identity(spec: LogLevel) -> str:
    """Return the type and the name of the target; empty if a spec has none."""
    for name in _TARGET_FIELDS:
        value = getattr(spec, name)
        if value is not None:
            return f"{name.upper()}:{value.name if isinstance(value, External) else value}"
    return ""


def _get_identity(configuration: Response) -> str:
    target = configuration["logTarget"]
    return f"{target['targetType']}:{target.get('targetName', '')}"


def _to_live(identity: str, level: Any, marker: Marker | None) -> Live:
    """Return a level with its owner; `level` is None if only the marker exists."""
    target_type, _, name = identity.partition(":")
    field = target_type.lower()
    target: dict[str, Any] = (
        {field: External(name) if field == "thing_group" else name} if field in _TARGET_FIELDS else {}
    )
    tags, version = (marker.tags, marker.version) if marker else ({}, None)
    spec = LogLevel(level, **target)
    return build_tagged_live(identity, spec, tags, "", version=version, declared_name=tags.get(NAME_TAG))


def _mark(resource: Resource, live: Live | None, context: PlanContext) -> Iterator[ApiCall]:
    marker = build_marker_name(LogLevels.table, _build_identity(resource.spec))
    return build_marker_calls(marker, resource, live, build_marker_tags(resource, context.workspace))


def _unmark(live: Live) -> ApiCall:
    return build_marker_deletion(build_marker_name(LogLevels.table, live.identity), live.version)


def _set(spec: LogLevel) -> ApiCall:
    target_type, _, name = _build_identity(spec).partition(":")
    target = {"targetType": target_type, "targetName": name}
    return ApiCall(
        "iot", "SetV2LoggingLevel", {"logTarget": target, "logLevel": spec.log_level}, idempotent=True
    )


def _delete(live: Live) -> Iterator[ApiCall]:
    target_type, _, name = live.identity.partition(":")
    if live.spec.log_level is not None:
        params = {"targetType": target_type, "targetName": name}
        yield ApiCall("iot", "DeleteV2LoggingLevel", params, idempotent=True)
    yield _unmark(live)


def _read_logging_problem() -> ProblemRead:
    (options,) = yield [ApiCall("iot", "GetV2LoggingOptions", ignored_errors=_NOT_CONFIGURED)]
    if options:
        return None
    return f"logging is not configured in this account and Region; configure it in [{_LOGGING}]"


KIND = LogLevels()
