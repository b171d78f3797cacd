"""A request's account, Region and service, and the path and query of its URL.

Invariant: the account, Region and service come from the SigV4 credential. If the credential does not have them, the account
and Region come from the settings, and the service from the URL. Signatures are not verified: the registry is reached in this
process or on a loopback port, and has no secret keys to verify them with.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urlsplit

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.registry.http import HttpRequest, RegistrySettings
from reconciler.registry.wire.payload import MalformedError
from reconciler.registry.wire.service import (
    JSON_SERVICES,
    REST_SERVICES,
    SERVICES,
    TARGET_HEADER,
    find_query_service,
    load_service,
    map_signing_names_to_services,
)

_CREDENTIAL = re.compile(
    r"Credential=([^/,\s]+)/\d{8}/([A-Za-z0-9-]{1,64})/([A-Za-z0-9.-]{1,64})/aws4_request"
)
_ACCOUNT = re.compile(r"[0-9]{12}")
# The prefix is that of Kinesis for a request with the ARN of a stream: the account, and a kind of operation.
_REGION_IN_URL = re.compile(
    r"https?://(?:[0-9]{12}\.[a-z]+-)?"
    rf"(?:{'|'.join((*JSON_SERVICES, 'lambda'))})\.([a-z0-9-]{{1,64}})\.amazonaws\.com(?:\.cn)?(?:[:/]|$)"
)
_FORM_TYPE = "application/x-www-form-urlencoded"


@frozen
class CredentialScope:
    """The account and Region that a request is for.

    `service` is None when the credential is missing or malformed, or names no service of the registry.
    """

    account: str
    region: str
    service: str | None


@frozen
class RequestTarget:
    """A decoded URL: the path segments, and the values of each query parameter in order."""

    segments: tuple[str, ...]
    query: Mapping[str, Sequence[str]]


def parse_credential_scope(authorization: str | None, settings: RegistrySettings) -> CredentialScope:
    """Parse the credential of an `Authorization` header.

    An access key ID of 12 digits is the account, as in other AWS emulators. A missing account or Region comes from the settings.
    """
    if authorization is None:
        return CredentialScope(settings.account, settings.region, None)
    # Without the signature, which differs from request to request, the result can be cached.
    return _parse_credential(authorization.partition(",")[0], settings.account, settings.region)


def find_caller(headers: Mapping[str, str], url: str, settings: RegistrySettings) -> CredentialScope:
    """Return the caller of a request; header names are in lower case.

    A request without a credential for something outside AWS IoT is for the Region in its URL, which may be another one than that
    of the settings.
    """
    authorization = headers.get("authorization")
    caller = parse_credential_scope(authorization, settings)
    if authorization is None and (match := _REGION_IN_URL.match(url)):
        return evolve(caller, region=match[1])
    return caller


@lru_cache(maxsize=1024)
def _parse_credential(credential: str, default_account: str, default_region: str) -> CredentialScope:
    match = _CREDENTIAL.search(credential)
    if match is None:
        return CredentialScope(default_account, default_region, None)
    key_id, region, signing_name = match.groups()
    account = key_id if _ACCOUNT.fullmatch(key_id) else default_account
    return CredentialScope(account, region, map_signing_names_to_services().get(signing_name))


def parse_target(url: str) -> RequestTarget:
    """Decode a URL. Raises MalformedError when it is not a valid URL or not valid UTF-8."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise MalformedError("The URL is not valid.") from error
    segments = tuple(_decode(segment) for segment in parts.path.removeprefix("/").split("/"))
    query: dict[str, list[str]] = {}
    for pair in parts.query.split("&") if parts.query else ():
        name, _, value = pair.replace("+", " ").partition("=")
        query.setdefault(_decode(name), []).append(_decode(value))
    return RequestTarget(segments, query)


def resolve_service(
    caller: CredentialScope, request: HttpRequest, target: RequestTarget, headers: Mapping[str, str]
) -> str:
    """Return the name of the service that a request is for.

    The credential decides if it names a service, or else the header that names an operation of `JSON_SERVICES`, or else the form
    of the query protocol, or else the host if it is one of managed integrations. Otherwise, it is the first of `REST_SERVICES`
    that has an operation with this method and path, or `iot` if there is none.
    """
    if caller.service is not None:
        return caller.service
    prefix = headers.get(TARGET_HEADER, "").rpartition(".")[0]
    for name, service_prefix in JSON_SERVICES.items():
        if prefix == service_prefix:
            return name
    is_form = headers.get("content-type", "").startswith(_FORM_TYPE)
    if is_form and (query_service := find_query_service(request.body)):
        return query_service
    host = request.url.partition("?")[0].partition("://")[2].partition("/")[0]
    if "iotmanagedintegrations" in host:
        return "iot-managed-integrations"
    return next(
        (name for name in REST_SERVICES if load_service(name).routes.find(request.method, target.segments)),
        SERVICES[0],
    )


def _decode(text: str) -> str:
    if "%" not in text and text.isascii():
        return text
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeError as error:
        raise MalformedError("The URL is not valid UTF-8.") from error
