"""The base class of account settings, which an account has once in each Region.

Account settings have no tags. So a static thing group records their owner: `reconciler:account-indexing` for `[account.indexing]`.
Its attribute `workspace` is the name of the workspace. AWS rejects the creation of a group that exists with other attributes, so
of two workspaces only one gets the settings. The group's name cannot be that of a workspace's group, which begins with
`reconciler-`.

AWS cannot delete most settings. When they are removed from the file, they stay as they are, and only the group is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.marker_groups import MARKER_SERVICE
from reconciler.kinds.base.members import to_field_value, to_members
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import get_types
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Update
from reconciler.model.resource import NOT_COMPARED, Live, Resource

SETTINGS_MARKER_PREFIX = "reconciler:account-"
"""The beginning of the names of the groups that record the owners of account settings."""

_OWNER_ATTRIBUTE = "workspace"


@frozen
class SettingsApi:
    """The operations that read and change account settings.

    `not_configured_errors` are the codes of the errors of `read` for settings that were never changed. `clear` is the operation
    that restores AWS's defaults, for settings that have one. `other_reads` are further operations that a kind's hooks send to
    read. With `waits`, a kind's updates read the settings until AWS has changed them.
    """

    read: str
    update: str
    not_configured_errors: frozenset[str] = frozenset()
    clear: str = ""
    other_reads: tuple[str, ...] = ()
    waits: bool = False


class AccountSettings(Kind):
    """Settings of the account.

    Each field of the spec class has the default NOT_COMPARED: what the file does not set is neither compared nor changed.
    """

    api: ClassVar[SettingsApi]
    """The operations; `operations` and `write_operations` follow from it."""
    defaults: ClassVar[Any]
    """The spec of an account whose settings were never changed."""

    has_ownership_markers = False
    create_succeeds_if_exists = True
    is_deletable = False

    def __init_subclass__(cls) -> None:
        """Derive the declarations that `Kind` needs from `api`."""
        clears = (cls.api.clear,) if cls.api.clear else ()
        waits = (cls.api.read,) if cls.api.waits else ()
        writes = ("iot:CreateThingGroup", *clears, cls.api.update, *waits)
        cls.operations = Operations(
            read=("iot:DescribeThingGroup", cls.api.read, *cls.api.other_reads),
            create=writes,
            update=writes,
            delete=(*clears, "iot:DeleteThingGroup") if clears else (),
            forget=("iot:DeleteThingGroup",),
        )
        cls.write_operations = (cls.api.update,)

    @property
    def address(self) -> Address:
        """The address of the settings."""
        assert self.only_name
        return Address(self.table, self.only_name)

    @property
    def marker_name(self) -> str:
        """The name of the thing group that records the owner."""
        return f"{SETTINGS_MARKER_PREFIX}{self.only_name}"

    def to_spec(self, response: Response) -> Any:
        """Return the spec that AWS's response means, with a value for every field.

        The response has the members of the update under the same paths.
        """
        types = get_types(self.spec_class)
        values = {}
        for name, member in self.members.items():
            value = _get_member(response, member.api)
            if value is not None:
                values[name] = _sort(to_field_value(value, types[name], member))
        return evolve(self.defaults, **values)

    def to_facts(self, response: Response) -> object:
        """Return the facts about the live settings beyond their spec."""
        return None

    def to_params(self, spec: Any, changed_fields: frozenset[str]) -> Mapping[str, Any]:
        """Return the parameters of the update; `spec` has a value for every field."""
        return to_members(spec)

    def build_update_calls(
        self, spec: Any, current: Any, changed_fields: frozenset[str], context: PlanContext
    ) -> Sequence[ApiCall]:
        """Return the calls that change the settings from `current` to `spec`.

        Both have a value for every field.
        """
        params = self.to_params(spec, changed_fields)
        return [ApiCall(self.service, self.api.update, params, idempotent=True)]

    def find_problems(self, spec: Any, declared: Any) -> Iterable[str]:
        """Return the reasons why AWS would reject the settings.

        `spec` has a value for every field, `declared` only those of the file.
        """
        return ()

    # ── desired state and reading ─────────────────────────────────────────────────────────────────

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Any:
        """Return the spec with sorted lists, as their order means nothing."""
        spec = resource.spec
        return evolve(spec, **{name: _sort(getattr(spec, name)) for name in self.members})

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    def find_changed_identity(self, operation: str, members: Mapping[str, Any]) -> str | None:
        """Return the name for an update of the settings."""
        return self.only_name if operation in {self.api.update, self.api.clear} else None

    def outputs(self, live: Live, context: PlanContext) -> Mapping[str, str]:
        """Return nothing: settings have neither an ID nor an ARN."""
        return {}

    def to_desired_spec(self, spec: Any, desired: Any) -> Any:
        """Return the spec without the values that are AWS's defaults."""
        names = [name for name in self.members if getattr(spec, name) == getattr(self.defaults, name)]
        return evolve(spec, **dict.fromkeys(names, NOT_COMPARED))

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the marker and, if the file has the settings or the workspace owns them, the settings.

        Settings that are AWS's defaults and that no workspace owns do not count as existing.
        """
        (marker,) = yield [
            ApiCall(
                MARKER_SERVICE,
                "DescribeThingGroup",
                {"thingGroupName": self.marker_name},
                ignored_errors=NOT_FOUND,
            )
        ]
        owner = marker.get("thingGroupProperties", {}).get("attributePayload", {}).get("attributes", {})
        workspace = owner.get(_OWNER_ATTRIBUTE)
        is_wanted = scope.previous_states is not None or self.address in scope.desired
        if not is_wanted and workspace != scope.workspace:
            return []
        (response,) = yield [
            ApiCall(self.service, self.api.read, ignored_errors=self.api.not_configured_errors)
        ]
        spec = self.to_spec(response)
        if workspace is None and spec == self.defaults:
            return []
        name = self.address.name
        facts = self.to_facts(response)
        return [Live(name, spec, marker.get("version"), workspace, declared_name=name, facts=facts)]

    # ── errors and calls ──────────────────────────────────────────────────────────────────────────

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the reasons why AWS would reject the settings together with those that stay."""
        if isinstance(change, Create | Update):
            return self.find_problems(self.complete_spec(change), change.resource.spec)
        return ()

    def complete_spec(self, change: Create | Update) -> Any:
        """Return the settings after a change; those that the file does not set stay as they are."""
        spec = change.resource.spec
        current = change.live.spec if isinstance(change, Update) else self.defaults
        names = [name for name in self.members if getattr(spec, name) is NOT_COMPARED]
        return evolve(spec, **{name: getattr(current, name) for name in names})

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the marker, and change the settings."""
        return [self._build_marker_call(context.workspace), *self._update(change, self.defaults, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Create the marker if the settings have no owner, and change them."""
        marker_calls = [] if change.live.owner else [self._build_marker_call(context.workspace)]
        return [*marker_calls, *self._update(change, change.live.spec, context)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Restore AWS's defaults, and delete the marker.

        Raises NotImplementedError for settings that AWS cannot clear.
        """
        if not self.api.clear:
            raise NotImplementedError(f"internal error: {change.address} cannot be deleted")
        return [self._build_clear_call(), *self._delete_marker(change)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the marker; the settings stay as they are."""
        return self._delete_marker(change)

    def _delete_marker(self, change: Delete | Forget) -> list[ApiCall]:
        params = {"thingGroupName": self.marker_name, "expectedVersion": change.live.version}
        return [ApiCall(MARKER_SERVICE, "DeleteThingGroup", params, ignored_errors=NOT_FOUND)]

    def _build_marker_call(self, workspace: str) -> ApiCall:
        properties = {
            "thingGroupDescription": f"Records which reconciler workspace owns [{self.table}].",
            "attributePayload": {"attributes": {_OWNER_ATTRIBUTE: workspace}},
        }
        params = {"thingGroupName": self.marker_name, "thingGroupProperties": properties}
        return ApiCall(MARKER_SERVICE, "CreateThingGroup", params, idempotent=True)

    def _build_clear_call(self) -> ApiCall:
        return ApiCall(self.service, self.api.clear, ignored_errors=NOT_FOUND, idempotent=True)

    def _update(self, change: Create | Update, current: Any, context: PlanContext) -> Sequence[ApiCall]:
        spec = self.complete_spec(change)
        changed = frozenset(name for name in self.members if getattr(spec, name) != getattr(current, name))
        return self.build_update_calls(spec, current, changed, context) if changed else []


def _get_member(response: Response, api: str | None) -> Any:
    """Return the member of a response that has the path of a request member, or None."""
    value: Any = response
    for name in (api or "").split(".")[1:]:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _sort(value: Any) -> Any:
    return tuple(sorted(set(value))) if isinstance(value, tuple) else value
