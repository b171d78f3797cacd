"""The base class of plain kinds: each resource has a name, tags, and one operation for each purpose.

A plain kind declares its operations (`PlainApi`) and the fields of its resources; how they are read, created, changed and deleted
follows from both. Kinds with more rules override single hooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.aws_limits import check_table_size, count_kept, find_count_errors
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.members import from_members, get_member_name, to_member_value, to_members
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import (
    NOT_FOUND,
    list_arns,
    list_names,
    read_tags_of_desired_or_owned,
    request_each,
)
from reconciler.kinds.base.schema import get_members
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    to_tag_list,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

TAGS_FIELD = "tags"
"""The field with the tags, which `TagResource` and `UntagResource` change."""


@frozen
class PlainApi:
    """The operations of a plain kind, and where they have names and ARNs.

    - `noun`: what ends the names of the operations, as in `CreateFleetMetric`;
    - `name`: the request member with the resource's name, in all of these operations; empty if AWS assigns IDs;
    - `arn`: the response member with its ARN, empty if AWS returns none;
    - `listing`: how AWS lists the resources;
    - `describe`: the operation that describes one resource, if that is not `Describe` with the noun;
    - `update`: the operation that changes one resource, if that is not `Update` with the noun; empty if AWS has none;
    - `described`: the response member that has the description, empty if the response is the description;
    - `version`: whether resources have versions, which updates and deletions expect;
    - `has_tag_map`: whether a creation takes tags as a map, and not as a list;
    - `tokens`: the request members with idempotency tokens, such as `CreateDimension.clientRequestToken`;
    - `after_create`: the operations that a creation may have to send last;
    - `after_update`: the operations that an update may have to send last;
    - `before_delete`: the operations that a deletion may have to send first;
    - `other_reads`: further operations that a kind's hooks send to read;
    - `id`: if AWS assigns IDs: the member with the ID, of the response to the creation;
    - `id_param`: the request member with the name or the ID in the operations on an existing resource, if that is not `name`.
    """

    noun: str
    name: str
    arn: str
    listing: Listing
    describe: str = field()
    update: str = field(kw_only=True)
    described: str = ""
    version: bool = False
    has_tag_map: bool = False
    tokens: tuple[str, ...] = ()
    after_create: tuple[str, ...] = ()
    after_update: tuple[str, ...] = ()
    before_delete: tuple[str, ...] = ()
    other_reads: tuple[str, ...] = ()
    id: str = field(default="", kw_only=True)
    id_param: str = field(kw_only=True)

    @describe.default
    def _name_describe(self) -> str:
        return f"Describe{self.noun}"

    @update.default
    def _name_update(self) -> str:
        return f"Update{self.noun}"

    @id_param.default
    def _name_id_param(self) -> str:
        return self.name

    @property
    def updates(self) -> tuple[str, ...]:
        """The operation that changes a resource, if there is one."""
        return (self.update,) if self.update else ()

    @property
    def create(self) -> str:
        """The operation that creates a resource."""
        return f"Create{self.noun}"

    @property
    def delete(self) -> str:
        """The operation that deletes a resource."""
        return f"Delete{self.noun}"


class PlainKind(Kind):
    """A kind whose resources are found by name and owned by tag, with one operation for each purpose.

    Its spec class has the field `tags`.
    """

    api: ClassVar[PlainApi]
    """The operations; `operations`, `write_operations`, `name_api`, `listing` and `description` follow from it."""
    removed_values: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """By field: the members of an update that remove its value; default: the field's own member with an empty value."""

    def __init_subclass__(cls, *, is_base: bool = False) -> None:
        """Derive the declarations that `Kind` needs from `api`, unless the class is only a base."""
        if is_base:
            return
        api = cls.api
        has_replacements = any(
            member.on_change == "replaces" for member in get_members(cls.spec_class).values()
        )
        cls.operations = cls._declare_operations(has_replacements=has_replacements)
        cls.write_operations = (api.create, *api.updates)
        cls.name_api = f"{api.create}.{api.name}" if api.name else None
        cls.id_member = api.id or None
        cls.listing = api.listing
        cls.description = Description(api.describe, api.id_param)
        derived_members = dict.fromkeys(api.tokens, "the AWS SDK makes a new one for each call")
        if api.version:
            derived_members[f"{api.update}.expectedVersion"] = "the version that the plan read"
        cls.derived_members = {**derived_members, **cls.derived_members}
        cls.creates_after_deletes = cls.creates_after_deletes or cls.account_limit is not None

    @classmethod
    def _declare_operations(cls, *, has_replacements: bool) -> Operations:
        api = cls.api
        return Operations(
            read=(api.listing.operation, api.describe, "ListTagsForResource", *api.other_reads),
            create=(api.create, *api.after_create),
            update=(*api.updates, "UntagResource", "TagResource", *api.after_update),
            replace=(*api.before_delete, api.delete, api.create, *api.after_create)
            if has_replacements
            else (),
            delete=(*api.before_delete, api.delete),
            forget=("UntagResource", "TagResource"),
        )

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a problem if the tags leave no room for the ownership tags."""
        return check_room_for_added_entries(TAGS_FIELD, resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return a problem if the file has more resources than AWS allows in an account."""
        return check_table_size(self.account_limit, self.table, desired) if self.account_limit else ()

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return an error if the account would have too many resources, those of others included."""
        if self.account_limit is None:
            return ()
        return find_count_errors(self.account_limit, change, count_kept(self.table, context), context)

    def identity(self, resource: Resource) -> str | None:
        """Return the name, or None if AWS assigns the ID."""
        return None if self.api.id else resource.address.name

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List the resources, read the tags of each, and describe those that are desired or owned.

        If the listing has no ARNs, all resources are described before their tags can be read.
        """
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        if self.api.listing.arn_key:
            arns = yield from list_arns(self, scope)
            tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
            descriptions = yield from self._describe(tags_by_name)
        else:
            names = yield from list_names(self, scope)
            descriptions = yield from self._describe(names)
            arns = {name: description[self.api.arn] for name, description in descriptions.items()}
            tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        return [
            self._to_live(name, descriptions[name], tags)
            for name, tags in tags_by_name.items()
            if name in descriptions
        ]

    def _describe(self, names: Iterable[str]) -> Read[dict[str, Response]]:
        """Return the descriptions of the resources that exist, by name."""
        names = list(names)
        responses = yield from request_each(self.api.describe, self.api.id_param, names, service=self.service)
        described = self.api.described
        return {
            name: response[described] if described else response
            for name, response in zip(names, responses, strict=True)
            if response
        }

    def _to_live(self, name: str, description: Response, tags: Mapping[str, str]) -> Live:
        spec = self.to_spec(description, select_user_tags(tags))
        version = description["version"] if self.api.version else None
        arn, facts = description[self.api.arn], self.to_facts(description)
        return build_tagged_live(name, spec, tags, arn, version=version, facts=facts)

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> Any:
        """Return the spec that AWS's description of a resource means."""
        return from_members(self.spec_class, description, tags=tags)

    def to_facts(self, description: Response) -> object:
        """Return what the kind's hooks need of AWS's description of a resource, in addition to its spec."""
        return None

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the resource with its ownership tags in one call."""
        return [self._create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Change the fields in one call; change the tags separately."""
        calls = []
        if any(self.is_updatable(name) and change.has_changed(name) for name in self.members):
            calls.append(self._update(change))
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag(self.service, change.live.arn, change.live.tags, tags)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old resource before creating the new one, as both have the same name."""
        return [self._delete(change.live), self._create(change.resource, context)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the resource; AWS requires nothing before that."""
        return [self._delete(change.live)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags(self.service, change.live)]

    def is_updatable(self, name: str) -> bool:
        """Return whether the update operation changes a field."""
        return name != TAGS_FIELD and self.members[name].on_change == "in_place"

    def to_create_params(self, resource: Resource) -> dict[str, Any]:
        """Return the members of the create request, without name and tags."""
        return to_members(resource.spec, [name for name in self.members if name != TAGS_FIELD])

    def to_update_params(self, change: Update) -> dict[str, Any]:
        """Return the members of the update request, without the name; those of removed values included."""
        fields = [name for name in self.members if self.is_updatable(name)]
        params = to_members(change.resource.spec, fields)
        for name in fields:
            if change.has_changed(name) and not getattr(change.resource.spec, name):
                params |= self.removed_values.get(name) or self._build_empty_member(name, change.live.spec)
        return params

    def _build_empty_member(self, name: str, live_spec: Any) -> dict[str, Any]:
        """Return the member that removes a field's value: an empty text, list or map."""
        value = to_member_value(getattr(live_spec, name))
        return {get_member_name(self.members[name].api or name): type(value)()}

    def resolve_references(self, resource: Resource, context: PlanContext) -> Resource:
        """Return the resource with references as a creation sends them, if it does not send names."""
        return resource

    def _create(self, resource: Resource, context: PlanContext) -> ApiCall:
        members = self.to_create_params(self.resolve_references(resource, context))
        tags: Any = with_ownership_tags(resource, context.workspace)
        if not self.api.has_tag_map:
            tags = to_tag_list(tags)
        return self._build_creation(resource, members, {"tags": tags})

    def _build_creation(
        self, resource: Resource, members: Mapping[str, Any], tags: Mapping[str, Any]
    ) -> ApiCall:
        """Return the call that creates a resource under its name."""
        name = resource.address.name
        params = {self.api.name: name, **members, **tags}
        verification = self._build_verification(name, members)
        return ApiCall(self.service, self.api.create, params, verification=verification)

    def _update(self, change: Update) -> ApiCall:
        api, members = self.api, self.to_update_params(change)
        version = {"expectedVersion": change.live.version} if api.version else {}
        verification = self._build_verification(change.live.identity, members)
        params = {api.id_param: change.live.identity, **members, **version}
        return ApiCall(self.service, api.update, params, verification=verification)

    def _delete(self, live: Live) -> ApiCall:
        version = {"expectedVersion": live.version} if self.api.version else {}
        params = {self.api.id_param: live.identity, **version}
        return ApiCall(self.service, self.api.delete, params, ignored_errors=NOT_FOUND)

    def _build_verification(self, name: str, members: Mapping[str, Any]) -> FieldsMatch:
        """Return the verification that a description has the members of a request."""
        read_call = ApiCall(self.service, self.api.describe, {self.api.id_param: name})
        prefix = f"{self.api.described}." if self.api.described else ""
        described = {get_member_name(member.api) for member in self.members.values() if member.api}
        return FieldsMatch(read_call, {key: f"{prefix}{key}" for key in members if key in described})
