"""The base class of plain kinds without tags: a marker group records the owner of each resource.

AWS takes the user's tags, if any, only at the creation, so other tags are a replacement.

A marker of a resource with a name is created first and deleted last. So an interrupted creation or deletion leaves a marker without a
resource: if the file has the resource, it is created; if not, the marker is deleted like a resource. A marker of a resource whose ID
AWS assigns is created after it; `find_candidate` finds the resource of an interrupted creation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.base.client_tokens import build_client_token
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Operations
from reconciler.kinds.base.marker_groups import (
    MARKER_READ,
    Marker,
    MarkerName,
    build_claim,
    build_marker_deletion,
    build_marker_name,
    build_marker_tags,
    build_marker_update,
    check_marker,
    find_marker,
    read_markers,
)
from reconciler.kinds.base.members import from_members, get_member_name
from reconciler.kinds.base.plain_kind import TAGS_FIELD, PlainKind
from reconciler.kinds.base.reads import list_names, merge_reads
from reconciler.kinds.base.tags import NAME_TAG, PROTECTED_TAG, build_tagged_live, select_user_tags
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import PREVENT_DESTROY_PATH, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, Live, Resource


class MarkedKind(PlainKind, is_base=True):
    """A plain kind whose resources are owned by marker groups.

    Its spec class may have the field `tags`; if so, its `on_change` is `replaces`.
    """

    kept_operations = frozenset({MARKER_READ})

    def __init_subclass__(cls) -> None:
        """Derive the declarations; a marker for a name can be created although the resource exists."""
        super().__init_subclass__()
        cls.create_succeeds_if_exists = not cls.api.id

    @classmethod
    def _declare_operations(cls, *, has_replacements: bool) -> Operations:
        api = cls.api
        claim = ("iot:CreateThingGroup", "iot:UpdateThingGroup")
        deletion = (*api.before_delete, api.delete, "iot:DeleteThingGroup")
        creation = (api.create, *api.after_create, *claim)
        return Operations(
            read=(
                api.listing.operation,
                api.describe,
                "iot:ListThingGroups",
                "iot:DescribeThingGroup",
                *api.other_reads,
            ),
            create=creation,
            update=(api.update, *claim, *api.after_update),
            replace=(*deletion, *creation) if has_replacements else (),
            delete=deletion,
            forget=("iot:DeleteThingGroup",),
        )

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a problem if the marker group cannot store the name."""
        return check_marker(resource) if self.api.id else ()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List the resources and the markers, and describe the resources that may matter."""
        ids, markers = yield from merge_reads(list_names(self, scope), read_markers(self.table, scope))
        desired_ids = {self.identity(resource) for resource in scope.iterate_resources(self.table)}

        def is_relevant(identity: str) -> bool:
            marker = markers.get(build_marker_name(self.table, identity))
            if scope.previous_states is not None or identity in desired_ids:
                return True
            return marker.owner == scope.workspace if marker else bool(self.api.id)

        descriptions = yield from self._describe([identity for identity in ids if is_relevant(identity)])
        live_resources = [
            self._to_marked_live(identity, description, markers)
            for identity, description in descriptions.items()
        ]
        if self.api.id:
            live_resources = self._name_candidates(live_resources, scope)
        existing = {build_marker_name(self.table, identity) for identity in (*ids, *descriptions)}
        if scope.previous_states is not None:  # `ids` are those to read, whether they exist or not
            existing = {build_marker_name(self.table, identity) for identity in descriptions}
        orphans = [marker for name, marker in markers.items() if name not in existing]
        return [*live_resources, *self._iterate_orphans(orphans, desired_ids, scope)]

    def find_candidate(self, resource: Resource, unmanaged: Sequence[Live], scope: Scope) -> Live | None:
        """Return the live resource without an owner that a resource of the file describes, if AWS assigns IDs."""
        return None

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Return whether only the marker is missing, if it is created after the resource."""
        paths = {field.path for field in change.fields}
        return bool(self.api.id) and paths <= {"workspace", PREVENT_DESTROY_PATH}

    def _to_marked_live(self, identity: str, description: Response, markers: Mapping[str, Marker]) -> Live:
        marker = markers.get(build_marker_name(self.table, identity))
        user_tags = description.get(self._tags_member, {}) if self._tags_member else {}
        tags = {**user_tags, **(marker.tags if marker else {})}
        spec, facts = self.to_spec(description, select_user_tags(user_tags)), self.to_facts(description)
        arn = description.get(self.api.arn, "") if self.api.arn else ""
        version = marker.version if marker else None
        name = tags.get(NAME_TAG)
        return build_tagged_live(identity, spec, tags, arn, version=version, declared_name=name, facts=facts)

    def _name_candidates(self, live_resources: Sequence[Live], scope: Scope) -> list[Live]:
        """Return the live resources; those without an owner are named after the resource that they match.

        Others without an owner are left out, except by a re-read.
        """
        owned = [live for live in live_resources if live.owner is not None]
        unmanaged = {live.identity: live for live in live_resources if live.owner is None}
        owned_names = {
            scope.find_current_name(self.table, live.declared_name)
            for live in owned
            if live.owner == scope.workspace
        }
        candidates: dict[str, Live] = {}
        for resource in scope.iterate_resources(self.table):
            if resource.address.name in owned_names:
                continue
            free = [live for identity, live in unmanaged.items() if identity not in candidates]
            candidate = self.find_candidate(resource, free, scope)
            if candidate:
                candidates[candidate.identity] = evolve(candidate, declared_name=resource.address.name)
        others = unmanaged if scope.previous_states is not None else {}
        return [*owned, *{**others, **candidates}.values()]

    def _iterate_orphans(
        self, markers: Iterable[Marker], desired_ids: Collection[str | None], scope: Scope
    ) -> Iterator[Live]:
        """Yield a live resource for each marker whose resource no longer exists.

        Markers of the workspace are left out if the file has the resource: its creation keeps the marker. So are those of other
        workspaces if the file does not have it.
        """
        desired_names = {
            build_marker_name(self.table, identity): identity for identity in desired_ids if identity
        }
        spec = self.spec_class(**dict.fromkeys(self.members, NOT_COMPARED))
        previous_states = scope.previous_states or {}
        for marker in markers:
            live = Live(
                desired_names.get(marker.name, marker.resource),
                spec,
                marker.version,
                marker.owner,
                tags=marker.tags,
                prevent_destroy=PROTECTED_TAG in marker.tags,
            )
            is_kept = marker.name in desired_names and not scope.is_destroy
            if is_kept != (marker.owner == scope.workspace) or previous_states.get(live.identity) == live:
                yield live

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> Any:
        """Return the spec that AWS's description of a resource means."""
        fields = {TAGS_FIELD: tags} if TAGS_FIELD in self.members else {}
        return from_members(self.spec_class, description, **fields)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the resource and its marker: the marker first if it does not need the ID of the resource."""
        return self._create_with_marker(change.resource, context)

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Change the fields in one call; create or change the marker separately."""
        calls = []
        if any(self.is_updatable(name) and change.has_changed(name) for name in self.members):
            calls.append(self._update(change))
        return [*self._mark(change.resource, change.live, context), *calls]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old resource before creating the new one; a resource with a name keeps its marker."""
        if self.api.id:
            return [
                *self._delete_with_marker(change.live),
                *self._create_with_marker(change.resource, context, change.live.identity),
            ]
        return [
            *self._mark(change.resource, change.live, context),
            self._delete(change.live),
            self._create(change.resource, context),
        ]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the resource, then its marker."""
        return self._delete_with_marker(change.live)

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the marker."""
        marker = build_marker_name(self.table, change.live.identity)
        return [build_marker_deletion(marker, change.live.version)]

    @property
    def _tags_member(self) -> str | None:
        member = self.members.get(TAGS_FIELD)
        return get_member_name(member.api) if member and member.api else None

    def to_create_params(self, resource: Resource) -> dict[str, Any]:
        """Return the members of the create request, without the name; the user's tags included."""
        params = super().to_create_params(resource)
        tags = getattr(resource.spec, TAGS_FIELD, None)
        return (
            {**params, self._tags_member: dict(sorted(tags.items()))}
            if self._tags_member and tags
            else params
        )

    def _create(self, resource: Resource, context: PlanContext, replaced_id: str = "") -> ApiCall:
        """Return the call that creates a resource.

        If AWS assigns the ID, a token lets AWS recognize the same request. `replaced_id` makes the token of a replacement differ from that
        of an earlier creation with the same fields.
        """
        members = self.to_create_params(self.resolve_references(resource, context))
        if not self.api.id:
            return self._build_creation(resource, members, {})
        token = build_client_token(context.workspace, resource.address.name, replaced_id, members)
        params = {**members, "ClientToken": token}
        return ApiCall(self.service, self.api.create, params, idempotent=True)

    def resolve_references(self, resource: Resource, context: PlanContext) -> Resource:
        """Return the resource with AWS's names or IDs of the resources that it refers to."""
        identities = {
            name: context.resolve_identity(member.references, getattr(resource.spec, name))
            for name, member in self.members.items()
            if member.references and getattr(resource.spec, name) is not None
        }
        return replace(resource, spec=evolve(resource.spec, **identities))

    def _create_with_marker(
        self, resource: Resource, context: PlanContext, replaced_id: str = ""
    ) -> list[ApiCall]:
        creation = self._create(resource, context, replaced_id)
        claim = [*self._claim(resource, self._get_marker_name(resource, None), context)]
        return [creation, *claim] if self.api.id else [*claim, creation]

    def _delete_with_marker(self, live: Live) -> list[ApiCall]:
        return [self._delete(live), build_marker_deletion(build_marker_name(self.table, live.identity))]

    def _get_marker_name(self, resource: Resource, live: Live | None) -> str | MarkerName:
        identity = live.identity if live else self.identity(resource)
        if identity is not None:
            return build_marker_name(self.table, identity)
        return MarkerName(self.table, Ref(resource.address, self.api.id))

    def _claim(self, resource: Resource, marker: str | MarkerName, context: PlanContext) -> Iterator[ApiCall]:
        """Yield the call that creates a marker, or changes one that has lost its resource."""
        tags = self._build_marker_tags(resource, context)
        orphan = find_marker(marker, context) if isinstance(marker, str) else None
        if orphan:
            yield from build_marker_update(marker, resource, orphan.tags, tags)
        else:
            yield build_claim(marker, resource, tags)

    def _mark(self, resource: Resource, live: Live, context: PlanContext) -> Iterator[ApiCall]:
        """Yield the calls that create or change the marker of a live resource."""
        marker = self._get_marker_name(resource, live)
        if live.owner is None:
            yield from self._claim(resource, marker, context)
        else:
            tags = self._build_marker_tags(resource, context)
            yield from build_marker_update(marker, resource, live.tags, tags)

    def _build_marker_tags(self, resource: Resource, context: PlanContext) -> dict[str, str]:
        return build_marker_tags(resource, context.workspace, has_name=bool(self.api.id))
