"""Create the clients of a workspace's target: which registry, with which credentials, at which rates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from reconciler.aws.clients import SERVICES, Clients
from reconciler.frozen_classes import frozen
from reconciler.model.call import Call
from reconciler.model.errors import TargetError
from reconciler.model.plan import Target
from reconciler.model.quota import Quotas
from reconciler.model.settings import Settings
from reconciler.model.target_identity import EMBEDDED_REGION, find_chosen_region, is_loopback

if TYPE_CHECKING:
    from reconciler.aws.rates import RateLimiter
    from reconciler.registry import Registry

EMBEDDED_ACCOUNT = "123456789012"
SAMPLE_ACCOUNT = "000000000000"
"""Stands for an account that only a call could find."""

_OTHER_SAMPLE_ACCOUNT, _OTHER_SAMPLE_REGION = "999999999999", "cn-north-1"

LOCAL_CREDENTIALS = ("test", "test")
"""Key ID and secret for a registry on this machine, used unless the user chose credentials."""


@frozen
class Connection:
    """A registry that can be called.

    `clients` are boto3 clients by service, each created when it is first used.
    """

    target: Target
    call: Call
    clients: Mapping[str, Any]

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the bytes would contain credentials."""
        raise TypeError(
            "a Connection cannot be pickled, because it has credentials; connect where it is used"
        )


def connect(
    settings: Settings, quotas: Quotas, registry_path: Path, environ: Mapping[str, str]
) -> Connection:
    """Connect to the workspace's target.

    Raises TargetError when there are no credentials or no Region, when AWS does not return the caller's identity, or when the
    embedded registry cannot be stored at `registry_path`.
    """
    if settings.target == "embedded":
        return _connect_embedded(settings, registry_path, environ)
    return _connect_remote(settings, quotas, environ)


def _connect_embedded(settings: Settings, registry_path: Path, environ: Mapping[str, str]) -> Connection:
    import boto3

    from reconciler.aws.embedded import bind

    target = _find_embedded_target(settings, environ)
    core = create_core_session()
    bind(core, _open_registry(registry_path, target, environ))
    session = boto3.Session("embedded", "embedded", region_name=target.region, botocore_session=core)
    return _build_connection(target, session, None)


def _find_embedded_target(settings: Settings, environ: Mapping[str, str]) -> Target:
    region = find_chosen_region(settings, environ) or EMBEDDED_REGION
    return Target("embedded", region, settings.account or EMBEDDED_ACCOUNT)


def find_known_target(settings: Settings, environ: Mapping[str, str]) -> Target | None:
    """Return the target that `connect` would use, if it is known without a call; else None."""
    if settings.target == "embedded":
        return _find_embedded_target(settings, environ)
    account = settings.account or settings.role_account
    region = settings.region or environ.get("AWS_REGION")
    return Target(settings.target, region, account) if account and region else None


def build_sample_target(settings: Settings, environ: Mapping[str, str]) -> Target:
    """Return the target as far as it is known without a call, and samples of the rest."""
    account = settings.account or settings.role_account or SAMPLE_ACCOUNT
    return Target(settings.target, find_chosen_region(settings, environ) or EMBEDDED_REGION, account)


def build_sample_targets(settings: Settings, environ: Mapping[str, str]) -> tuple[Target, Target]:
    """Return two targets with different samples of what only a call could find."""
    sample = build_sample_target(settings, environ)
    is_account_known = settings.account or settings.role_account
    is_region_known = settings.region or environ.get("AWS_REGION")
    other_account = sample.account if is_account_known else _OTHER_SAMPLE_ACCOUNT
    return sample, Target(
        sample.endpoint, sample.region if is_region_known else _OTHER_SAMPLE_REGION, other_account
    )


def suggest_registry_fix(
    environ: Mapping[str, str], error: Exception | None = None, *, is_damaged: bool = False
) -> str:
    """Return what to do if the embedded registry is not usable.

    The reason is `error`, or that it is damaged. Deleting the data is only suggested where the data are lost.
    """
    from reconciler.registry.store import StoreBusyError, StoreDamagedError, StoreFullError

    advice = "name another file in RECONCILER_REGISTRY"
    if isinstance(error, StoreBusyError):
        return "try again when the other process has finished"
    if isinstance(error, StoreFullError):
        return f"free space on that disk, or {advice}"
    if environ.get("RECONCILER_REGISTRY"):
        return f"{advice}, or unset it to store the registry next to the desired state"
    if is_damaged or isinstance(error, StoreDamagedError):
        return f"delete it with `reconciler registry reset`, or {advice}"
    return advice


def _open_registry(path: Path, target: Target, environ: Mapping[str, str]) -> Registry:
    """Open the embedded registry.

    Its folder must exist: if it were created, a mistyped path would silently be a new, empty registry.
    """
    from reconciler.registry import Registry, RegistrySettings
    from reconciler.registry.store import StoreError

    advice = suggest_registry_fix(environ)
    problem = "the embedded registry is not usable"
    if path.is_dir():
        raise TargetError(f"{problem}: {path} is a folder; {advice}")
    if not path.parent.is_dir():
        raise TargetError(f"{problem}: the folder of {path} does not exist; {advice}")
    try:
        return Registry(path, RegistrySettings(account=target.account, region=target.region))
    except (StoreError, OSError) as error:
        raise TargetError(f"{problem}: {error}; {suggest_registry_fix(environ, error)}") from error


def _connect_remote(settings: Settings, quotas: Quotas, environ: Mapping[str, str]) -> Connection:
    from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

    from reconciler.aws.caller import build_target_error
    from reconciler.aws.rates import RateLimiter

    endpoint = None if settings.target == "aws" else settings.target
    local_endpoint = find_local_endpoint(settings, environ)
    try:
        limiter = RateLimiter()
        session = create_remote_session(settings, quotas, environ, limiter)
        if not session.region_name:
            raise NoRegionError
        account = _find_account(session, local_endpoint or endpoint)
        _check_account(account, settings)
        target = Target(local_endpoint or settings.target, session.region_name, account)
        limiter.share(target)
        return _build_connection(target, session, endpoint)
    except (BotoCoreError, ClientError) as error:
        raise build_target_error(error, f"cannot use the target {settings.target}") from error
    # botocore raises ValueError if the endpoint of the environment or the profile is not a valid URL.
    except ValueError as error:
        raise TargetError(f"the endpoint is not usable: {error}") from error


def _check_account(account: str, settings: Settings) -> None:
    if settings.account is not None and settings.account != account:
        raise TargetError(
            f"the credentials are those of account {account}, but the file expects account {settings.account}; "
            "use other credentials, or change `account`"
        )


def find_local_endpoint(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Return the endpoint of the workspace or the environment if it is on this machine."""
    endpoint = settings.target
    if endpoint == "aws" and environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        endpoint = environ.get("AWS_ENDPOINT_URL_IOT") or environ.get("AWS_ENDPOINT_URL") or ""
    try:
        host = urlsplit(endpoint).hostname or ""
    except ValueError:
        return None
    return endpoint if is_loopback(host) else None


def _has_chosen_credentials(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Return whether the user chose credentials. A registry on this machine needs none."""
    return bool(settings.profile or environ.get("AWS_PROFILE") or environ.get("AWS_ACCESS_KEY_ID"))


def create_remote_session(
    settings: Settings, quotas: Quotas, environ: Mapping[str, str], limiter: RateLimiter
) -> Any:
    """Return boto3's session for a remote target, with boto3's usual credentials or those of the role.

    A registry on this machine gets the account of the settings, or `LOCAL_CREDENTIALS` unless the user chose others.

    Raises boto3's own errors.
    """
    import boto3

    from reconciler.aws.rates import limit_rates

    local_endpoint = find_local_endpoint(settings, environ)
    credentials = _choose_credentials(settings, local_endpoint, environ)
    core = create_core_session()
    limit_rates(core, quotas, limiter, only_after_throttling=bool(local_endpoint) and not settings.quotas)
    # boto3 does not read AWS_REGION, which takes precedence over AWS_DEFAULT_REGION and the profile.
    region = settings.region or environ.get("AWS_REGION")
    session = boto3.Session(
        *credentials, profile_name=settings.profile, region_name=region, botocore_session=core
    )
    return (
        _assume_role(session, settings, quotas, limiter)
        if settings.role_arn and not local_endpoint
        else session
    )


def _choose_credentials(
    settings: Settings, local_endpoint: str | None, environ: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Return the key ID and secret for a registry on this machine; (None, None): boto3 finds them.

    Such a registry takes the key ID for the account. It has no roles, so the account of `role_arn` is used directly.
    """
    if not local_endpoint:
        return None, None
    if account := settings.account or settings.role_account:
        return account, LOCAL_CREDENTIALS[1]
    return (None, None) if _has_chosen_credentials(settings, environ) else LOCAL_CREDENTIALS


def create_core_session() -> Any:
    """Return a botocore session that uses less memory and CPU, and has one error for invalid responses.

    The service models come from the loader that the rest of this process uses, so that each is read once. The clients emit their events,
    which have current names, directly: botocore would look for 65 old names in each.
    """
    from botocore.hooks import HierarchicalEmitter
    from botocore.session import Session

    from reconciler.aws.response_parsers import ResponseParsers
    from reconciler.service_models.loader import get_loader

    emitter = HierarchicalEmitter()
    session = Session(event_hooks=emitter)
    session.register_component("event_emitter", emitter)
    session.lazy_register_component(
        "data_loader", lambda: get_loader(session.get_config_variable("data_path"))
    )
    session.register_component("response_parser_factory", ResponseParsers())
    return session


def _assume_role(session: Any, settings: Settings, quotas: Quotas, limiter: RateLimiter) -> Any:
    """Return a session with a role's credentials, which botocore renews during the run."""
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import NoCredentialsError

    from reconciler.aws.rates import limit_rates

    source_credentials = session.get_credentials()
    if source_credentials is None:
        raise NoCredentialsError
    extra = {"RoleSessionName": f"reconciler-{settings.name}"[:64]}
    if settings.external_id:
        extra["ExternalId"] = settings.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,  # noqa: SLF001 (boto3 has no public way to assume a role)
        source_credentials=source_credentials,
        role_arn=settings.role_arn,
        extra_args=extra,
    )
    core = create_core_session()
    limit_rates(core, quotas, limiter)
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001
    return boto3.Session(region_name=session.region_name, botocore_session=core)


def _find_account(session: Any, endpoint: str | None) -> str:
    """Return the account of the credentials.

    With an `endpoint`, it is the access key ID if that has 12 digits, else the embedded registry's account.
    """
    if endpoint is None:
        return str(session.client("sts").get_caller_identity()["Account"])
    credentials = session.get_credentials()
    if credentials is None:
        raise TargetError(
            f"no credentials to sign requests to {endpoint}; if it is not AWS, set any, "
            "such as AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
        )
    key = credentials.access_key
    return key if len(key) == len(EMBEDDED_ACCOUNT) and key.isdigit() else EMBEDDED_ACCOUNT


def _build_connection(target: Target, session: Any, endpoint: str | None) -> Connection:
    from reconciler.aws.caller import Caller

    clients = Clients(session, target, endpoint)
    for name in SERVICES:  # botocore raises its errors about endpoints here
        clients[name]
    return Connection(target, Caller(clients), clients)
