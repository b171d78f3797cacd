"""The filters that select secrets by their names, descriptions and tags.

Source: Secrets Manager API reference, Filter. UNCONFIRMED: several values of one filter are alternatives, and none of its negated
values may match; a word of the key `all` may be any part of an attribute.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen

_NEGATION = "!"


@frozen
class SecretAttributes:
    """The attributes of a secret that filters search; no secret has a primary Region or an owning service."""

    name: str
    description: str
    tags: Mapping[str, str]

    def match(self, filters: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether every filter matches; each has a `Key` and `Values`."""
        return all(self._match_filter(item["Key"], item["Values"]) for item in filters)

    def _match_filter(self, key: str, values: Sequence[str]) -> bool:
        wanted = [value for value in values if not value.startswith(_NEGATION)]
        unwanted = [value.removeprefix(_NEGATION) for value in values if value.startswith(_NEGATION)]
        is_wanted = not wanted or any(self._match_value(key, value) for value in wanted)
        return is_wanted and not any(self._match_value(key, value) for value in unwanted)

    def _match_value(self, key: str, value: str) -> bool:
        match key:
            case "name":
                return self.name.startswith(value)
            case "description":
                return self.description.lower().startswith(value.lower())
            case "tag-key":
                return any(tag.startswith(value) for tag in self.tags)
            case "tag-value":
                return any(text.startswith(value) for text in self.tags.values())
            case "all":
                texts = [self.name, self.description, *self.tags, *self.tags.values()]
                words = value.lower().split()
                return all(any(word in text.lower() for text in texts) for word in words)
            case _:
                return False
