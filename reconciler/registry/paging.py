"""Pages by key, never by offset, with opaque tokens between them.

Invariant: a token names the last row of the page with which it was returned, so rows that are created or deleted between two
pages never make another row appear twice or be skipped. A token is signed, with a secret of the database, for one operation,
account, Region and set of filters: a forged token, or one from another listing, is rejected.

The exception is ListManagedThingSchemas, which pages by offset: its items are not rows, so a token names an item's position.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from reconciler.frozen_classes import frozen
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.page_tokens import Key

# UNCONFIRMED, as are the default sizes of the pagers below: AWS documents one only for ListCertificates and ListCACertificates
# (25). A small size makes clients use paging.
DEFAULT_PAGE_SIZE = 50

# These sort after every `seq` and every creation time.
_LAST_SEQ = 2**63 - 1
_LAST_TIME = float(2**62)

T = TypeVar("T")


@frozen
class ListPage:
    """A page of a list operation.

    `after` is the key of the last row of the page before, or None for the first page. `size` is the maximum number of rows.
    `purpose` identifies the listing by operation, account, Region and filters; the page's token is valid only for this listing.
    `key_prefix` precedes the key in a token.
    """

    pager: "Pager"
    context: Context
    purpose: str
    after: list[Any] | None
    size: int
    key_prefix: tuple[str, ...] = ()

    @property
    def limit(self) -> int:
        """The number of rows to select: one more than fits the page, to see whether there is a next page."""
        return self.size + 1

    def build_output(
        self, member: str, rows: Sequence[T], key: Callable[[T], Key], item: Callable[[T], Any]
    ) -> dict[str, Any]:
        """Return the output: the page's items under `member`, and a token when there is a next page.

        `rows` are at most `limit` rows, starting with those of this page. `key` returns a row's key, and `item` its item.
        """
        output: dict[str, Any] = {member: [item(row) for row in rows[: self.size]]}
        if len(rows) > self.size:
            token = self.context.signer.seal(self.purpose, (*self.key_prefix, *key(rows[self.size - 1])))
            output[self.pager.token_out] = self.pager.to_wire(token)
        return output


@frozen
class Pager:
    """How one family of list operations names and writes the members for paging.

    `token_in` and `size_in` are members of the request, and `token_out` is a member of the response. `url_safe` is whether the
    pattern for tokens in AWS's service model allows the URL-safe base64 alphabet. `invalid_text` is the error's text for a
    token that is not from this listing, where AWS's is known, and `other_filters_text` for one of the same operation with other
    filters, if AWS distinguishes it: such a token contains the filters instead of being signed for them.
    """

    token_in: str
    token_out: str
    size_in: str
    default_size: int = DEFAULT_PAGE_SIZE
    url_safe: bool = True
    invalid_text: str | None = None
    other_filters_text: str | None = None

    def start_page(self, context: Context, params: Mapping[str, Any]) -> ListPage:
        """Return the page that the request selects.

        Raises the operation's error for an invalid request if the token is not from this listing.
        """
        filters = {name: value for name, value in params.items() if name not in (self.token_in, self.size_in)}
        filter_text = json.dumps(filters, sort_keys=True, default=str)
        operation = (context.service, context.operation, str(context.scope))
        has_filters_in_key = self.other_filters_text is not None
        purpose = "|".join(operation if has_filters_in_key else (*operation, filter_text))
        prefix = (hashlib.sha256(filter_text.encode()).hexdigest(),) if has_filters_in_key else ()
        size = int(params.get(self.size_in, self.default_size))
        token = params.get(self.token_in)
        if token is None:
            return ListPage(self, context, purpose, None, size, prefix)
        key = context.signer.open(purpose, self._from_wire(token))
        if key is None:
            raise self._build_invalid_token_error(context)
        if tuple(key[: len(prefix)]) != prefix:
            raise context.invalid(self.other_filters_text or "")
        return ListPage(self, context, purpose, key[len(prefix) :], size, prefix)

    def to_wire(self, token: str) -> str:
        """Return a token in the alphabet that the pattern for tokens allows."""
        return token if self.url_safe else token.replace("-", "+").replace("_", "/")

    def _from_wire(self, token: str) -> str:
        return token if self.url_safe else token.replace("+", "-").replace("/", "_")

    def _build_invalid_token_error(self, context: Context) -> ApiError:
        return context.invalid(self.invalid_text or f"The value of {self.token_in} is not valid.")


def order_by_seq(page: ListPage, params: Mapping[str, Any]) -> tuple[str, str, int]:
    """Return how to select a page in the order of `seq`: `ASC` or `DESC`, an operator and a `seq`.

    The page has the first rows whose `seq` is greater (`>`) or less (`<`) than the returned one. The newest row is first unless
    `ascendingOrder`.
    """
    if params.get("ascendingOrder"):
        return "ASC", ">", page.after[0] if page.after else 0
    return "DESC", "<", page.after[0] if page.after else _LAST_SEQ


def order_by_age(page: ListPage, params: Mapping[str, Any]) -> tuple[str, str, list[Any]]:
    """Return how to select a page in the order of age: `ASC` or `DESC`, an operator and a key.

    A key is a creation time and an ID. The page has the first rows whose key is greater (`>`) or less (`<`) than the returned
    one. The newest row is first unless `ascendingOrder`.
    """
    if params.get("ascendingOrder"):
        return "ASC", ">", page.after or [-1.0, ""]
    return "DESC", "<", page.after or [_LAST_TIME, ""]


REGISTRY_PAGER = Pager("nextToken", "nextToken", "maxResults")
MARKER_PAGER = Pager("marker", "nextMarker", "pageSize", default_size=25, url_safe=False)
MANAGED_INTEGRATIONS_PAGER = Pager("NextToken", "NextToken", "MaxResults")
SEARCH_PAGER = Pager(
    "nextToken",
    "nextToken",
    "maxResults",
    default_size=100,
    invalid_text="Invalid nextToken",
    other_filters_text="nextToken was from a request with different parameters",
)
