"""From `[workspace]` to clients: which registry, with whose credentials, at which rates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import frozen

from reconciler.model.call import Call
from reconciler.model.errors import TargetError
from reconciler.model.plan import Target
from reconciler.model.quota import Quotas
from reconciler.model.settings import Settings

if TYPE_CHECKING:
    from reconciler.registry import Registry

SERVICES = ("iot", "iot-managed-integrations")

EMBEDDED_ACCOUNT = "123456789012"
_DEFAULT_REGION = "eu-west-1"
_CONNECTIONS = 64
LOCAL_CREDENTIALS = ("test", "test")
"""Key id and secret for a registry on this machine; others' are not looked for, so none of them is sent there."""


@frozen
class Connection:
    """A registry that can be called; `clients` are boto3's own, by service."""

    target: Target
    call: Call
    clients: Mapping[str, Any]


def connect(
    settings: Settings, quotas: Quotas, registry_path: Path, environ: Mapping[str, str]
) -> Connection:
    """Clients for the workspace's target.

    Raises TargetError when there are no credentials, no region, AWS does not say who we are, or the embedded registry
    cannot be kept at `registry_path`.
    """
    if settings.target == "embedded":
        return _embedded(settings, registry_path, environ)
    return _remote(settings, quotas, environ)


def _embedded(settings: Settings, registry_path: Path, environ: Mapping[str, str]) -> Connection:
    import boto3

    from reconciler.aws.embedded import bind

    region = (
        settings.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
    )
    core = _core_session()
    bind(core, _registry(registry_path, region, environ))
    session = boto3.Session("embedded", "embedded", region_name=region, botocore_session=core)
    return _connection(Target("embedded", region, EMBEDDED_ACCOUNT), session, None)


def _registry(path: Path, region: str, environ: Mapping[str, str]) -> Registry:
    """The registry in its file. No folder is made for it: a path that was mistyped would be a new, empty registry."""
    from reconciler.registry import Registry, RegistrySettings
    from reconciler.registry.store import StoreBusyError, StoreError

    path = path.expanduser()
    advice = "name another file in RECONCILER_REGISTRY"
    if environ.get("RECONCILER_REGISTRY"):
        advice += ", or unset it to keep the registry beside the desired state"
    elif path.is_file():
        advice = f"`reconciler registry reset` begins a new one, or {advice}"
    unusable = "the embedded registry cannot be used"
    if path.is_dir():
        raise TargetError(f"{unusable}: {path} is a folder; {advice}")
    if not path.parent.is_dir():
        raise TargetError(f"{unusable}: the folder of {path} does not exist; {advice}")
    try:
        return Registry(path, RegistrySettings(account=EMBEDDED_ACCOUNT, region=region))
    except StoreBusyError as error:
        raise TargetError(f"{unusable}: {error}; try again when that has ended") from error
    except (StoreError, OSError) as error:
        raise TargetError(f"{unusable}: {error}; {advice}") from error


def _remote(settings: Settings, quotas: Quotas, environ: Mapping[str, str]) -> Connection:
    from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

    from reconciler.aws.caller import unreachable_error

    endpoint = None if settings.target == "aws" else settings.target
    local = local_endpoint(settings, environ)
    try:
        session = remote_session(settings, quotas, environ)
        if not session.region_name:
            raise NoRegionError
        account = _account(session, local or endpoint)
        target = Target(local or settings.target, session.region_name, account)
        return _connection(target, session, endpoint)
    except (BotoCoreError, ClientError) as error:
        raise unreachable_error(error, f"cannot reach {settings.target}") from error
    except (
        ValueError
    ) as error:  # botocore's, where the environment or the profile has an endpoint that is no URL
        raise TargetError(f"the endpoint cannot be used: {error}") from error


def local_endpoint(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """The endpoint, where it is on this machine: the workspace's own, or the one that boto3 takes from the environment."""
    endpoint = settings.target
    if endpoint == "aws" and environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        endpoint = environ.get("AWS_ENDPOINT_URL_IOT") or environ.get("AWS_ENDPOINT_URL") or ""
    try:
        host = urlsplit(endpoint).hostname or ""
        return endpoint if host == "localhost" or ip_address(host).is_loopback else None
    except ValueError:
        return None


def _keys_are_named(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether somebody said with which keys to sign. Nobody has to for a registry on this machine, which asks for none."""
    return bool(settings.profile or environ.get("AWS_PROFILE") or environ.get("AWS_ACCESS_KEY_ID"))


def remote_session(settings: Settings, quotas: Quotas, environ: Mapping[str, str]) -> Any:
    """boto3's session for a target that is not embedded, as its own chain finds the credentials, or as the role's.

    Raises what boto3 does.
    """
    import boto3

    from reconciler.aws.rates import limit_rates

    local = local_endpoint(settings, environ)
    keys = LOCAL_CREDENTIALS if local and not _keys_are_named(settings, environ) else (None, None)
    core = _core_session()
    limit_rates(core, quotas, only_after_throttling=bool(local) and not settings.quotas)
    # AWS_REGION, which boto3 does not know, comes before AWS_DEFAULT_REGION and the profile, which it does.
    region = settings.region or environ.get("AWS_REGION")
    session = boto3.Session(*keys, profile_name=settings.profile, region_name=region, botocore_session=core)
    return _assume(session, settings, quotas) if settings.role_arn else session


def _core_session() -> Any:
    """One whose times are in UTC: in botocore's own each has a zone of its own, which takes as much room as a thing does.

    What is read of the service models is shared with the limits, which are read from them.
    """
    from botocore.session import Session

    from reconciler.aws.service_model import loader

    session = Session()
    session.lazy_register_component("data_loader", lambda: loader(session.get_config_variable("data_path")))
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_utc)
    return session


def _utc(told: Any) -> datetime:
    """A time as AWS tells it, which by these services' JSON is in seconds since 1970."""
    from botocore.utils import parse_timestamp

    return (
        datetime.fromtimestamp(told, UTC)
        if isinstance(told, int | float)
        else parse_timestamp(told).astimezone(UTC)
    )


def _assume(session: Any, settings: Settings, quotas: Quotas) -> Any:
    """A session whose credentials are a role's, renewed by botocore for as long as the run takes."""
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import NoCredentialsError

    from reconciler.aws.rates import limit_rates

    own = session.get_credentials()
    if own is None:
        raise NoCredentialsError
    extra = {"RoleSessionName": f"reconciler-{settings.name}"[:64]}
    if settings.external_id:
        extra["ExternalId"] = settings.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,  # noqa: SLF001 (boto3 has no public way to assume a role)
        source_credentials=own,
        role_arn=settings.role_arn,
        extra_args=extra,
    )
    core = _core_session()
    limit_rates(core, quotas)
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001
    return boto3.Session(region_name=session.region_name, botocore_session=core)


def _account(session: Any, endpoint: str | None) -> str:
    """The account that the credentials belong to. An endpoint that is not AWS's tells by the access key, if at all."""
    if endpoint is None:
        return str(session.client("sts").get_caller_identity()["Account"])
    credentials = session.get_credentials()
    if credentials is None:
        raise TargetError(
            f"no credentials to sign requests to {endpoint} with; where that is not AWS any will do, "
            "such as AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
        )
    key = credentials.access_key
    return key if len(key) == len(EMBEDDED_ACCOUNT) and key.isdigit() else EMBEDDED_ACCOUNT


def _connection(target: Target, session: Any, endpoint: str | None) -> Connection:
    from botocore.config import Config

    from reconciler.aws.caller import Caller
    from reconciler.aws.retries import NO_BOTOCORE_RETRIES

    config = Config(
        retries=dict(NO_BOTOCORE_RETRIES),
        max_pool_connections=_CONNECTIONS,
        user_agent_extra="reconciler",
    )
    clients = {name: session.client(name, endpoint_url=endpoint, config=config) for name in SERVICES}
    return Connection(target, Caller(clients), clients)
