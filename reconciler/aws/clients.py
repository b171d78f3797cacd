"""The boto3 clients of a target, each created when it is first used."""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from reconciler.kinds.base.outside_services import OUTSIDE_SERVICES
from reconciler.model.plan import Target

SERVICES = ("iot", "iot-managed-integrations")
SECRET_SERVICES = ("ssm", "secretsmanager")
"""The services that store secrets; their clients are created only if a file refers to them."""

TRAIL_SERVICES = ("cloudtrail",)
"""The service of the change feed; its client is created only if that is read."""

_ALL_SERVICES = (*SERVICES, *SECRET_SERVICES, *OUTSIDE_SERVICES, *TRAIL_SERVICES)

_OPTIONAL_SERVICES = frozenset({*OUTSIDE_SERVICES, *TRAIL_SERVICES})
"""The services that a command can do without."""

_MAX_CONNECTIONS = 64
"""Connections that each client keeps open: one for each call that a refresh may have in flight."""
_CUSTOM_CONNECT_SECONDS = 1.0
"""Seconds for one attempt to connect to an endpoint that the file names; botocore's default for AWS is a minute."""
_OUTSIDE_CONNECT_SECONDS, _OUTSIDE_READ_SECONDS = 3.0, 10.0
"""Seconds for one attempt to connect to a service that a command can do without, and to read its response."""


class Clients(Mapping[str, Any]):
    """The clients of a target by name. Thread-safe.

    A name is that of a service, or of a service and another Region (`caller.name_client`); only the former are listed.

    Args:
        session: boto3's session.
        target: The target.
        endpoint: The URL of the target's IoT services; None: the one that boto3 finds.
    """

    def __init__(self, session: Any, target: Target, endpoint: str | None) -> None:
        self._session, self._target, self._endpoint = session, target, endpoint
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        service, _, region = name.partition("@")
        if service not in self:
            raise KeyError(name)
        with self._lock:  # boto3's sessions are not thread-safe
            if name not in self._clients:
                self._clients[name] = self._create(service, region or None)
            return self._clients[name]

    def __contains__(self, name: object) -> bool:
        return name in _ALL_SERVICES

    def __iter__(self) -> Iterator[str]:
        return iter(_ALL_SERVICES)

    def __len__(self) -> int:
        return len(_ALL_SERVICES)

    def _create(self, service: str, region: str | None) -> Any:
        from reconciler.service_models.loader import set_error_shapes

        config = self._outside_config if service in _OPTIONAL_SERVICES else self._config
        url = self._find_endpoint(service)
        client = self._session.client(service, region_name=region, endpoint_url=url, config=config)
        _remove_retry_handlers(client)
        set_error_shapes(client.meta.service_model)
        if service == "lambda":
            client.meta.events.register("before-parse.lambda.GetFunctionConfiguration", _remove_environment)
        return client

    def _find_endpoint(self, service: str) -> str | None:
        """Return the endpoint of a service; None: the one that boto3 finds.

        An endpoint of AWS serves only AWS IoT; another server, such as the embedded registry's, serves all services.
        """
        from reconciler.aws.caller import is_aws_url

        if service in SERVICES:
            return self._endpoint
        # Credentials for a registry on this machine are not sent to AWS, even if only the environment names that registry.
        endpoint = self._custom_endpoint if service in _OPTIONAL_SERVICES else self._endpoint
        return None if endpoint is None or is_aws_url(endpoint) else endpoint

    @property
    def _custom_endpoint(self) -> str | None:
        return None if self._target.endpoint in {"aws", "embedded"} else self._target.endpoint

    @cached_property
    def _config(self) -> Any:
        from botocore.config import Config
        from botocore.httpsession import DEFAULT_TIMEOUT

        from reconciler.aws.retries import NO_BOTOCORE_RETRIES

        return Config(
            retries=dict(NO_BOTOCORE_RETRIES),
            connect_timeout=_CUSTOM_CONNECT_SECONDS if self._custom_endpoint else DEFAULT_TIMEOUT,
            max_pool_connections=_MAX_CONNECTIONS,
            user_agent=_build_user_agent(self._session),
            user_agent_extra="reconciler",
        )

    @cached_property
    def _outside_config(self) -> Any:
        from botocore.config import Config

        connect_timeout = min(self._config.connect_timeout, _OUTSIDE_CONNECT_SECONDS)
        timeouts = Config(connect_timeout=connect_timeout, read_timeout=_OUTSIDE_READ_SECONDS)
        return self._config.merge(timeouts)


def _build_user_agent(session: Any) -> str | None:
    """Return the user agent of all requests, to which botocore appends its own name.

    None if the user has chosen an application ID, such as in AWS_SDK_UA_APP_ID (AWS SDKs reference guide, "Application ID"): only the
    user agent that botocore builds for each request has it, which takes a thirtieth of the request's CPU time.
    """
    import boto3

    if session._session.get_config_variable("user_agent_appid"):  # noqa: SLF001 (boto3 has no public way)
        return None
    system = f"{platform.system()}/{platform.release()}"
    return f"Boto3/{boto3.__version__} Python/{platform.python_version()} {system}"


def _remove_retry_handlers(client: Any) -> None:
    """Remove what botocore does at each request for retries, which are made by `aws.retries`.

    That is a twentieth of a request's CPU time.
    """
    from botocore.handlers import add_retry_headers

    events, service = client.meta.events, client.meta.service_model.service_id.hyphenize()
    events.unregister("request-created", add_retry_headers)
    events.unregister(f"request-created.{service}", unique_id=f"seed-max-attempts-{service}")
    events.unregister(f"needs-retry.{service}", unique_id=f"retry-config-{service}")


def _remove_environment(response_dict: dict[str, Any], **_: object) -> None:
    """Remove a function's environment variables, which may be secrets, before the response is logged."""
    try:
        members = json.loads(response_dict["body"])
    except ValueError:
        return
    if isinstance(members, dict) and members.pop("Environment", None):
        response_dict["body"] = json.dumps(members).encode()
