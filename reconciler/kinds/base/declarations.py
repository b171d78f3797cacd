"""The values that kinds declare: how AWS lists resources, API operations, and owners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Response
from reconciler.model.resource import extract_name_from_arn


@frozen(slots=True)
class Listing:
    """How AWS lists all resources of a kind.

    `items` is the response member that has the resources. `id_key` and `arn_key` are the members of each item with its ID and
    its ARN; `id_key` is empty if the items themselves are IDs, `arn_key` if the listing has no ARNs. An ID is the last part of an ARN
    that the listing has in its place. Items whose ID begins with
    `aws_prefix` are AWS's own: they are left out. A listing that fails with one of the `ignored_errors` is empty.
    """

    operation: str
    items: str
    id_key: str
    arn_key: str = ""
    aws_prefix: str = ""
    ignored_errors: frozenset[str] = frozenset()

    def iterate_ids(self, response: Response) -> Iterator[str]:
        """Yield the IDs in a response."""
        for item in response.get(self.items, ()):
            identity = extract_name_from_arn(item[self.id_key] if self.id_key else item)
            if not self._is_of_aws(identity):
                yield identity

    def get_items(self, response: Response) -> dict[str, Mapping[str, Any]]:
        """Return the items in a response by ID, if the items are not IDs themselves."""
        items = ((extract_name_from_arn(item[self.id_key]), item) for item in response.get(self.items, ()))
        return {identity: item for identity, item in items if not self._is_of_aws(identity)}

    def get_arns(self, response: Response) -> dict[str, str]:
        """Return the ARNs in a response by ID, if the listing has them."""
        return {identity: item[self.arn_key] for identity, item in self.get_items(response).items()}

    def _is_of_aws(self, identity: str) -> bool:
        return bool(self.aws_prefix) and identity.startswith(self.aws_prefix)


@frozen
class Operations:
    """Every API operation that a kind sends, by purpose.

    IAM policies are derived from it, and tests check that a kind sends no other operation. `read` includes the operations that
    verify a call whose response was lost; `show` are those that only `reconciler show` sends. An operation of another service than the
    kind's has the service before its name, as in `iot:CreateThingGroup`. CreateSecret is not among them: its permission names the
    secrets of the file.
    """

    read: tuple[str, ...]
    create: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    show: tuple[str, ...] = ()


@frozen
class OwnedThrough:
    """The table whose resources own those of another kind, and the field in which they refer to them."""

    table: str
    field: str
