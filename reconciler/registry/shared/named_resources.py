"""Resources that have a name and no relations: one table for all types of them.

A resource is stored as the members of the requests that created and changed it. A module in `operations/` declares its type and
decides what each operation accepts and returns.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import field, frozen
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, already_exists, not_found, version_conflict
from reconciler.registry.paging import REGISTRY_PAGER, Pager, order_by_seq
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list

SCHEMA = (
    """
    CREATE TABLE named_resources (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      type TEXT NOT NULL,
      name TEXT NOT NULL,
      members TEXT NOT NULL,
      version INTEGER NOT NULL,
      created_at REAL NOT NULL,
      modified_at REAL NOT NULL,
      UNIQUE (scope, type, name)
    )
    """,
    "CREATE INDEX named_resources_by_age ON named_resources (scope, type, seq)",
)

_TAGS = "tags"
_TOKENS = frozenset({"clientRequestToken", "clientToken"})
"""The members of requests with idempotency tokens, which no description has."""


@frozen
class NamedResource:
    """A stored resource; `members` are the members of its description that requests have set."""

    name: str
    arn: str
    members: Mapping[str, Any]
    version: int
    created_at: float
    modified_at: float
    seq: int = field(eq=False)

    def describe(self, name_member: str, arn_member: str) -> dict[str, Any]:
        """Return its description, in which the given members have its name and its ARN."""
        members = {key: value for key, value in self.members.items() if key not in _TOKENS}
        return {
            **members,
            name_member: self.name,
            arn_member: self.arn,
            "creationDate": self.created_at,
            "lastModifiedDate": self.modified_at,
        }


@frozen
class NamedResourceType:
    """A type of resources that have names.

    - `noun`: what errors call one, such as "fleet metric";
    - `arn_type`: the part of its ARN before the name, such as "fleetmetric"; it also identifies the type in the database;
    - `name_member`: the member of requests with the name;
    - `defaults`: members that a resource has if no request sets them;
    - `already_exists_code`: the code of the error for creating a resource that exists;
    - `is_taggable`: whether its resources can be tagged; if not, a module may allow tags itself;
    - `arn_suffix_length`: the length of the text that AWS adds to its ARN, after the name and a slash; 0 for none.
    """

    noun: str
    arn_type: str
    name_member: str
    defaults: Mapping[str, Any] = field(factory=dict)
    already_exists_code: str = "ResourceAlreadyExistsException"
    arn_suffix_length: int = 0
    is_taggable: bool = True

    def __attrs_post_init__(self) -> None:
        """Allow tags on the resources."""
        if self.is_taggable:
            allow_tags("iot", self.arn_type)(self._has_arn)

    def build_arn(self, context: Context, name: str) -> str:
        """Return the ARN of a resource of this account and Region."""
        if not self.arn_suffix_length:
            return context.build_arn(f"{self.arn_type}/{name}")
        suffix = hashlib.sha256(name.encode()).hexdigest()[: self.arn_suffix_length]
        return context.build_arn(f"{self.arn_type}/{name}/{suffix}")

    def find(self, context: Context, name: str) -> NamedResource | None:
        """Return a resource, or None."""
        row = context.tx.fetch_one(
            "SELECT * FROM named_resources WHERE scope = ? AND type = ? AND name = ?",
            context.scope,
            self.arn_type,
            name,
        )
        return None if row is None else self._to_resource(context, row)

    def require(self, context: Context, params: Mapping[str, Any]) -> NamedResource:
        """Return the resource that a request names.

        Raises ResourceNotFound, VersionConflict (409) for another `expectedVersion`.
        """
        name, expected = params[self.name_member], params.get("expectedVersion")
        resource = self.find(context, name)
        if resource is None:
            raise not_found(f"The {self.noun} {name} does not exist.")
        if expected is not None and expected != resource.version:
            raise version_conflict(f"{self.noun} {name}", expected, resource.version)
        return resource

    def create(self, context: Context, params: Mapping[str, Any]) -> NamedResource:
        """Store a resource with the members and tags of a request, and return it.

        Repeating a request with the same idempotency token returns the resource of the first one. Raises ResourceAlreadyExists
        (409) if it exists otherwise, InvalidRequest for invalid tags.
        """
        name = params[self.name_member]
        tags = params.get(_TAGS, {})
        if not isinstance(tags, Mapping):
            tags = parse_tag_list(context, tags)
        existing = self.find(context, name)
        if existing is not None:
            if any(token in params and existing.members.get(token) == params[token] for token in _TOKENS):
                return existing
            raise self._build_exists_error(context, name)
        members = {key: value for key, value in params.items() if key not in (self.name_member, _TAGS)}
        context.tx.run(
            "INSERT INTO named_resources (scope, type, name, members, version, created_at, modified_at)"
            " VALUES (?, ?, ?, ?, 1, ?, ?)",
            context.scope,
            self.arn_type,
            name,
            json.dumps({**self.defaults, **members}),
            context.now,
            context.now,
        )
        add_tags(context, self.build_arn(context, name), tags)
        created = self.find(context, name)
        assert created
        return created

    def update(self, context: Context, resource: NamedResource, changes: Mapping[str, Any]) -> NamedResource:
        """Replace members of a resource, and return it; None removes a member."""
        members = {**resource.members, **changes}
        context.tx.run(
            "UPDATE named_resources SET members = ?, version = version + 1, modified_at = ? WHERE seq = ?",
            json.dumps({key: value for key, value in members.items() if value is not None}),
            context.now,
            resource.seq,
        )
        updated = self.find(context, resource.name)
        assert updated
        return updated

    def select_changes(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members of an update request that replace those of the resource."""
        return {
            key: value for key, value in params.items() if key not in (self.name_member, "expectedVersion")
        }

    def delete(self, context: Context, params: Mapping[str, Any]) -> NamedResource | None:
        """Delete the resource that a request names, with its tags, and return it; None if there is none.

        Raises VersionConflict (409).
        """
        if self.find(context, params[self.name_member]) is None:
            return None
        resource = self.require(context, params)
        context.tx.run("DELETE FROM named_resources WHERE seq = ?", resource.seq)
        delete_tags(context, resource.arn)
        return resource

    def read_all(self, context: Context) -> list[NamedResource]:
        """Return all resources, in creation order."""
        rows = context.tx.fetch_all(
            "SELECT * FROM named_resources WHERE scope = ? AND type = ? ORDER BY seq",
            context.scope,
            self.arn_type,
        )
        return [self._to_resource(context, row) for row in rows]

    def list_page(  # noqa: PLR0913 (what a listing is made of)
        self,
        context: Context,
        params: Mapping[str, Any],
        member: str,
        item: Callable[[NamedResource], Any],
        *,
        pager: Pager = REGISTRY_PAGER,
        newest_first: bool = False,
        filters: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Return a page of a listing, in creation order: the item of each resource under `member`.

        Args:
            newest_first: Whether the newest resource is first, unless the request has `ascendingOrder`.
            filters: The members of the request that select the resources with the same value of that member.
        """
        page = pager.start_page(context, params)
        order, sign, start = order_by_seq(page, params if newest_first else {"ascendingOrder": True})
        values = [(f"$.{name}", params[name]) for name in filters if name in params]
        conditions = " AND json_extract(members, ?) = ?" * len(values)
        rows = context.tx.fetch_all(
            f"SELECT * FROM named_resources WHERE scope = ? AND type = ? AND seq {sign} ?{conditions} "  # noqa: S608
            f"ORDER BY seq {order} LIMIT ?",
            context.scope,
            self.arn_type,
            start,
            *(value for pair in values for value in pair),
            page.limit,
        )
        resources = [self._to_resource(context, row) for row in rows]
        return page.build_output(member, resources, key=lambda resource: (resource.seq,), item=item)

    def _has_arn(self, context: Context, path: str) -> bool:
        """Return whether a resource has the ARN that ends in `path`: its name and any suffix."""
        name = path.rpartition("/")[0] if self.arn_suffix_length else path
        is_path_of_name = self.build_arn(context, name) == context.build_arn(f"{self.arn_type}/{path}")
        return is_path_of_name and self.find(context, name) is not None

    def _to_resource(self, context: Context, row: Any) -> NamedResource:
        return NamedResource(
            row["name"],
            self.build_arn(context, row["name"]),
            json.loads(row["members"]),
            row["version"],
            row["created_at"],
            row["modified_at"],
            row["seq"],
        )

    def _build_exists_error(self, context: Context, name: str) -> ApiError:
        message = f"The {self.noun} {name} already exists."
        if self.already_exists_code == "ResourceAlreadyExistsException":
            return already_exists(message, resource_id=name, resource_arn=self.build_arn(context, name))
        return ApiError(self.already_exists_code, message, resourceId=name)
