"""Parse responses with botocore, with one error for all that are not AWS's.

botocore's parsers expect what the service model states, and raise any exception, or return a value of another type, for a response
that differs: a list where an object is expected, or a time in the year 30000000000.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError
from botocore.parsers import (
    BaseJSONParser,
    JSONParser,
    ResponseParser,
    ResponseParserError,
    ResponseParserFactory,
    RestJSONParser,
)
from botocore.utils import parse_timestamp


class InvalidResponseError(BotoCoreError):  # type: ignore[misc] # botocore has no types
    """A response that is not one of AWS's. The call may have taken effect."""

    fmt = "the response is not AWS's; check the endpoint and the proxy"


class NotJsonError(InvalidResponseError):
    """A response without JSON, where AWS responds in JSON."""

    fmt = (
        "{url} does not respond like AWS IoT, in JSON; correct `target` in [workspace], or the server's port"
    )


class ResponseParsers(ResponseParserFactory):  # type: ignore[misc] # botocore has no types
    """The component of a session that has the parser of each protocol. Thread-safe: a parser has no state.

    botocore would create a time zone object for each timestamp, which takes as much memory as a whole `Live` thing; here
    all timestamps share one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set_parser_defaults(timestamp_parser=_parse_time)
        self._parsers: dict[str, _SafeParser] = {}

    def create_parser(self, protocol_name: str) -> _SafeParser:
        """Return the parser of a protocol; botocore calls this for each response."""
        if protocol_name not in self._parsers:
            self._parsers[protocol_name] = _SafeParser(self._create_strict_parser(protocol_name))
        return self._parsers[protocol_name]

    def _create_strict_parser(self, protocol_name: str) -> ResponseParser:
        """Return a parser that checks types; those of XML always do."""
        parser_class = _STRICT_PARSERS.get(protocol_name)
        return parser_class(**self._defaults) if parser_class else super().create_parser(protocol_name)


class _SafeParser:
    """A parser with InvalidResponseError as its only error."""

    def __init__(self, parser: ResponseParser) -> None:
        self._parser = parser

    def parse(self, response: Mapping[str, Any], shape: Any) -> dict[str, Any]:
        """Return the members of a response, like `ResponseParser.parse`."""
        # The error may contain parts of the response, which may be secret, so it is not the cause of the other one either.
        with suppress(Exception):
            members: dict[str, Any] = self._parser.parse(response, shape)
            _check_error(members.get("Error", {}))
            return members
        raise InvalidResponseError


def _check_error(error: Mapping[str, Any]) -> None:
    """Raise an exception if the code or the message of an error response is not text."""
    for name in ("Code", "Message"):
        if not isinstance(error.get(name), str | None):
            raise ResponseParserError(name)


class _Member(NamedTuple):
    """A member of a structure, and the function that parses its value, after its shape."""

    name: str
    json_name: str
    shape: Any
    parse: Callable[[Any, Any], Any]


class _StrictJson(BaseJSONParser):  # type: ignore[misc] # botocore has no types
    """Rejects other JSON where the service model has text or a list, as the AWS SDK for Go does.

    botocore returns it unchanged, or a list of the characters of a text. A list has no null. The body of a response that reports no
    error must be JSON: botocore takes any other, such as the beginning of a listing, for one without members.

    The members of a structure are looked up once, not for each item of a listing.
    """

    def __init__(self, **defaults: Any) -> None:
        super().__init__(**defaults)
        self._members_by_shape: dict[Any, Sequence[_Member]] = {}

    def _parse_body_as_json(self, body: bytes) -> Any:
        return json.loads(body) if body else {}

    def _do_error_parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        return super()._do_error_parse(_convert_body_to_json(response), shape)

    def _do_modeled_error_parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        return super()._do_modeled_error_parse(_convert_body_to_json(response), shape)

    def _handle_string(self, _shape: Any, value: Any) -> str:
        if not isinstance(value, str):
            raise ResponseParserError(value)
        return value

    def _handle_list(self, shape: Any, value: Any) -> list[Any]:
        if not isinstance(value, list) or None in value:
            raise ResponseParserError(value)
        parse_item = self._find_parser(shape.member)
        return [parse_item(shape.member, item) for item in value]

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if value is None or shape.is_document_type or shape.is_tagged_union:
            return super()._handle_structure(shape, value)
        members = self._members_by_shape.get(shape)
        if members is None:
            members = self._members_by_shape[shape] = [*self._list_members(shape)]
        parsed = {}
        for member in members:
            member_value = value.get(member.json_name)
            if member_value is not None:
                parsed[member.name] = member.parse(member.shape, member_value)
        return parsed

    def _list_members(self, shape: Any) -> Iterator[_Member]:
        for name, member_shape in shape.members.items():
            json_name = member_shape.serialization.get("name", name)
            yield _Member(name, json_name, member_shape, self._find_parser(member_shape))

    def _find_parser(self, shape: Any) -> Callable[[Any, Any], Any]:
        parse: Callable[[Any, Any], Any] | None = getattr(self, f"_handle_{shape.type_name}", None)
        return parse or self._default_handle


def _convert_body_to_json(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an error response with its body as the message if it is not JSON, such as a proxy's page."""
    body = response["body"]
    try:
        json.loads(body or "{}")
    except ValueError:
        return {**response, "body": json.dumps({"message": body.decode()}).encode()}
    return response


class _StrictJsonParser(_StrictJson, JSONParser):  # type: ignore[misc] # botocore has no types
    """The parser of JSON-RPC, such as Secrets Manager's."""


class _StrictRestJsonParser(_StrictJson, RestJSONParser):  # type: ignore[misc] # botocore has no types
    """The parser of REST with JSON, such as AWS IoT's."""


_STRICT_PARSERS = {"json": _StrictJsonParser, "rest-json": _StrictRestJsonParser}


def _parse_time(value: Any) -> datetime:
    """Parse a timestamp of a response; in the JSON of these services, it is in seconds since 1970."""
    return (
        datetime.fromtimestamp(value, UTC)
        if isinstance(value, int | float)
        else parse_timestamp(value).astimezone(UTC)
    )
