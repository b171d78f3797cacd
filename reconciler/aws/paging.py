"""Read all pages of a listing as one response.

boto3's paginators do the same, but also support what no operation here has, such as several tokens: with them, a listing of one page takes a
tenth more CPU time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name

from reconciler.aws.response_parsers import InvalidResponseError
from reconciler.frozen_classes import frozen

_DEFAULT_PAGE_SIZE = 250
"""The page size if the service model has no limit: AWS IoT's own maximum."""


@frozen
class Paging:
    """The names of the members of an operation's requests and responses that have to do with pages.

    - `items`: the response's member with the items of the page;
    - `token`: the request's member with the token of a page, which the previous response has as `next_token`;
    - `size`: the request's member with the largest number of items that the page may have, or empty if there is none.

    `max_size` is the most items that a page can have.
    """

    items: str
    token: str
    next_token: str
    size: str
    max_size: int

    def read(
        self, send: Callable[..., Mapping[str, Any]], params: Mapping[str, Any], max_items: int | None
    ) -> Mapping[str, Any]:
        """Return the items of all pages as one response.

        With `max_items`, stop at this number of items; if there are more, the response has a token for the next page. `send` sends one
        request. Raises InvalidResponseError if a page has the same token as the one before: then there would be no last page.
        """
        items: list[Any] = []
        token: str | None = None
        while True:
            size = self.max_size if max_items is None else min(self.max_size, max_items - len(items))
            page_params = {self.size: size} if self.size else {}
            page = send(**params, **page_params, **({self.token: token} if token else {}))
            items += page.get(self.items, ())
            next_token = page.get(self.next_token)
            if not next_token:
                return {self.items: items}
            if max_items is not None and len(items) >= max_items:
                return {self.items: items, self.next_token: next_token}
            if next_token == token:
                raise InvalidResponseError
            token = next_token


def find_paging(client: Any, operation: str) -> Paging | None:
    """Return how an operation returns pages, or None if it returns none."""
    method = xform_name(operation)
    if not client.can_paginate(method):
        return None
    config = client.get_paginator(method)._pagination_cfg  # noqa: SLF001 (boto3 has no public way to read it)
    size = config.get("limit_key", "")
    model = client.meta.service_model.operation_model(operation)
    limits = model.input_shape.members[size].metadata if size else {}
    return Paging(
        items=config["result_key"],
        token=config["input_token"],
        next_token=config["output_token"],
        size=size,
        max_size=limits.get("max", _DEFAULT_PAGE_SIZE),
    )
