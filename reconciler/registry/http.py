"""What callers of the registry hold: one HTTP request, one HTTP response, and the settings. Values without behaviour."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen


@frozen
class HttpRequest:
    """One HTTP request. `url` is absolute and carries the query string; header names are matched in any case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@frozen
class HttpResponse:
    """One HTTP response, its body complete."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@frozen
class RegistrySettings:
    """How this registry behaves where AWS's behaviour depends on time or on the caller.

    `account` and `region` stand for requests that do not name theirs: the account is taken from the access key id when
    that is 12 digits, the region from the SigV4 credential scope. `clock` gives seconds since the epoch; every answer's `Date` is read off it.

    The durations are seconds: how long a detached principal or policy still blocks the deletion of its thing or of
    itself, how long a managed thing stays in DELETE_IN_PROGRESS, how long after its deprecation a thing type may be deleted, and how
    long a registration task is in progress. `buckets` is a folder that stands for S3: its folders are the buckets.
    """

    account: str = "123456789012"
    region: str = "eu-west-1"
    clock: Callable[[], float] = time.time
    detach_lag_seconds: float = 0.0
    managed_thing_deletion_seconds: float = 0.0
    thing_type_deletion_seconds: float = 300.0
    registration_task_seconds: float = 0.0
    buckets: Path | None = None
