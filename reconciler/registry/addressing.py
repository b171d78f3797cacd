"""Who a request comes from and what it is meant for: account, Region and service, and the path and query of its URL.

Law: the SigV4 credential scope decides; what it leaves open the URL decides; what that leaves open the settings decide.
Signatures are not verified: the registry is reached in-process or on a loopback port, and has no secrets to hold them
against.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urlsplit

from attrs import frozen

from reconciler.registry.http import RegistrySettings
from reconciler.registry.wire.payload import MalformedError
from reconciler.registry.wire.service import SERVICES, service, signing_names

_CREDENTIAL = re.compile(
    r"Credential=([^/,\s]+)/\d{8}/([A-Za-z0-9-]{1,64})/([A-Za-z0-9.-]{1,64})/aws4_request"
)
_ACCOUNT = re.compile(r"[0-9]{12}")


@frozen
class CredentialScope:
    """Whose registry a request is meant for. `service` is None when the signature does not tell."""

    account: str
    region: str
    service: str | None


@frozen
class RequestTarget:
    """The URL of a request, decoded: path segments, and the values of each query parameter in order."""

    segments: tuple[str, ...]
    query: Mapping[str, Sequence[str]]


def parse_credential_scope(authorization: str | None, settings: RegistrySettings) -> CredentialScope:
    """Read the credential scope of an `Authorization` header.

    The access key id is the account when it is 12 digits, as test tools have it.
    """
    if authorization is None:
        return CredentialScope(settings.account, settings.region, None)
    return _caller_of(authorization.partition(",")[0], settings.account, settings.region)


@lru_cache(maxsize=1024)
def _caller_of(credential: str, account: str, region: str) -> CredentialScope:
    match = _CREDENTIAL.search(credential)
    if match is None:
        return CredentialScope(account, region, None)
    key_id, signed_region, name = match.groups()
    owner = key_id if _ACCOUNT.fullmatch(key_id) else account
    return CredentialScope(owner, signed_region, signing_names().get(name))


def parse_target(url: str) -> RequestTarget:
    """Decode a URL. Raises MalformedError when it is no URL, or does not decode to UTF-8."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise MalformedError("The URL is not valid.") from error
    segments = tuple(_decoded(segment) for segment in parts.path.removeprefix("/").split("/"))
    query: dict[str, list[str]] = {}
    for pair in parts.query.split("&") if parts.query else ():
        name, _, value = pair.replace("+", " ").partition("=")
        query.setdefault(_decoded(name), []).append(_decoded(value))
    return RequestTarget(segments, query)


def resolve_service(caller: CredentialScope, method: str, target: RequestTarget, url: str) -> str:
    """Decide which service is meant: by the signature, else by the host, else by who has such a path."""
    if caller.service is not None:
        return caller.service
    if "iotmanagedintegrations" in url.partition("?")[0].partition("://")[2].partition("/")[0]:
        return "iot-managed-integrations"
    return next(
        (name for name in SERVICES if service(name).routes.find(method, target.segments)), SERVICES[0]
    )


def _decoded(text: str) -> str:
    if "%" not in text and text.isascii():
        return text
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeError as error:
        raise MalformedError("The URL is not valid UTF-8.") from error
