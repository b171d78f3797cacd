"""Pages by key, never by offset, and the opaque tokens between them.

Law: a token names the last row given, so rows that come and go while someone pages never make another row appear twice
or be skipped. It is signed with a secret of the database over the operation, the account and Region and the filters: a
made-up token, or one from another listing, is refused.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import frozen

from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.page_tokens import Key

# AWS documents no default page size but that of the certificate lists (25). UNCONFIRMED; a small one makes clients page.
DEFAULT_PAGE = 50

T = TypeVar("T")
_LAST_SEQ = 2**63 - 1


@frozen
class ListPage:
    """One page being read: where it starts, and how many rows it holds at most."""

    pager: "Pager"
    context: Context
    purpose: str
    after: list[Any] | None
    size: int

    @property
    def limit(self) -> int:
        """How many rows to select: one more than the page holds tells that there is a next one."""
        return self.size + 1

    def build_output(
        self, member: str, rows: Sequence[T], key: Callable[[T], Key], item: Callable[[T], Any]
    ) -> dict[str, Any]:
        """Give the output: the page's items under `member`, and a token when there is more."""
        output: dict[str, Any] = {member: [item(row) for row in rows[: self.size]]}
        if len(rows) > self.size:
            token = self.context.signer.seal(self.purpose, key(rows[self.size - 1]))
            output[self.pager.token_out] = self.pager.outward(token)
        return output


@frozen
class Pager:
    """How one family of list operations names its paging members."""

    token_in: str
    token_out: str
    size: str
    default: int = DEFAULT_PAGE
    url_safe: bool = True

    def start(self, context: Context, params: Mapping[str, Any]) -> ListPage:
        """Begin the page that the request asks for.

        Raises the operation's error for bad requests when the token is not one of this listing's.
        """
        filters = {name: value for name, value in params.items() if name not in (self.token_in, self.size)}
        purpose = "|".join(
            (
                context.service,
                context.operation,
                str(context.scope),
                json.dumps(filters, sort_keys=True, default=str),
            )
        )
        size = int(params.get(self.size, self.default))
        token = params.get(self.token_in)
        if token is None:
            return ListPage(self, context, purpose, None, size)
        after = context.signer.open(purpose, self._inward(token))
        if after is None:
            raise self._invalid(context)
        return ListPage(self, context, purpose, after, size)

    def outward(self, token: str) -> str:
        """Spell a token in the alphabet that the model's pattern for it has."""
        return token if self.url_safe else token.replace("-", "+").replace("_", "/")

    def _inward(self, token: str) -> str:
        return token if self.url_safe else token.replace("+", "-").replace("/", "_")

    def _invalid(self, context: Context) -> ApiError:
        return context.invalid(f"The value of {self.token_in} is not valid.")


def order_by_seq(page: ListPage, params: Mapping[str, Any]) -> tuple[str, str, int]:
    """Give order, comparison and start of a listing by `seq`: the newest first unless `ascendingOrder`."""
    if params.get("ascendingOrder"):
        return "ASC", ">", page.after[0] if page.after else 0
    return "DESC", "<", page.after[0] if page.after else _LAST_SEQ


REGISTRY = Pager("nextToken", "nextToken", "maxResults")
MARKERS = Pager("marker", "nextMarker", "pageSize", default=25, url_safe=False)
MANAGED = Pager("NextToken", "NextToken", "MaxResults")
SEARCH = Pager("nextToken", "nextToken", "maxResults", default=100)
