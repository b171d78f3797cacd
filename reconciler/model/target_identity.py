"""The Region and the endpoint of a workspace, as far as they are known without a call."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from reconciler.model.settings import Settings
from reconciler.model.text import quote

EMBEDDED_REGION = "eu-west-1"
"""The Region of the embedded registry, unless another one is chosen."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def find_chosen_region(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Return the Region of a workspace; None if only the profile can name it."""
    chosen = settings.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
    return chosen or (EMBEDDED_REGION if settings.target == "embedded" else None)


def identify(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the name, target, account and Region of a workspace, as far as they are known without a call.

    Two environments with the same identity would delete each other's resources.
    """
    account = settings.account or settings.role_account or f"profile {_find_profile(settings, environ)}"
    region = find_chosen_region(settings, environ) or ""
    return settings.name, normalize_endpoint(settings.target), account, region


def describe_same_workspace(environment: str, workspace: str) -> str:
    """Return why two environments cannot be the same workspace; `environment` is the first of them."""
    return (
        f"is the same workspace as environment {quote(environment)}: {quote(workspace)} in the same account and "
        "Region, so each would delete the other's resources"
    )


def _find_profile(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the profile that boto3 uses; empty if it finds credentials in environment variables first."""
    if settings.profile or environ.get("AWS_ACCESS_KEY_ID"):
        return settings.profile or ""
    return environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"


def normalize_endpoint(target: str) -> str:
    """Return an endpoint in one spelling: without its default port, and with one name for this machine."""
    if "://" not in target:
        return target
    url = urlsplit(target)
    host, port = url.hostname or "", url.port or _DEFAULT_PORTS.get(url.scheme)
    host = "localhost" if is_loopback(host) else host
    return f"{url.scheme}://{host}:{port}{url.path.rstrip('/')}"


def is_local_endpoint(endpoint: str) -> bool:
    """Return whether the endpoint of a target is the embedded registry, or on this machine."""
    return endpoint == "embedded" or is_loopback(urlsplit(endpoint).hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
