"""The values that callers of the registry use: request, response, settings."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.frozen_classes import frozen


@frozen
class HttpRequest:
    """An HTTP request.

    `url` is absolute and includes the query string. Header names are case-insensitive. `source_ip` is the address that it came from.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str = "127.0.0.1"


@frozen
class HttpResponse:
    """An HTTP response with its complete body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def generate_request_id() -> str:
    """Return a new ID for a request."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@frozen
class RegistrySettings:
    """The defaults, the clock, the durations and the buckets of a registry.

    A request names its account by an access key ID of 12 digits, and its Region in the SigV4 credential scope. `account` and
    `region` are the defaults for requests that do not. `clock` returns seconds since the epoch; the `Date` of the registry's
    responses comes from it.

    Durations, in seconds:

    - `detach_lag_seconds`: how long a thing and its principal cannot be deleted after their detachment; it is the same for a
      policy that is detached from its target, a billing group that loses a thing, and a thing group that loses a child group
    - `managed_thing_deletion_seconds`: how long a deleted managed thing stays in DELETE_IN_PROGRESS
    - `thing_type_deletion_seconds`: how long a thing type must have been deprecated before it can be deleted
    - `registration_task_seconds`: how long a registration task is in progress
    - `topic_rule_destination_seconds`: how long a new topic rule destination is in progress, and how long one of a VPC is being
      deleted
    - `encryption_update_seconds`: how long an update of the encryption of managed integrations is in progress

    `buckets` is a folder that replaces S3: the folders in it are the buckets. With None, there are no buckets.

    CloudTrail's events:

    - `has_trail`: whether writes are logged as events
    - `trail_lag_seconds`: the shortest and the longest time from a write to the delivery of its event
    - `trail_loss`: the share of events that are never delivered, from 0 to 1
    - `trail_seed`: what decides which events are lost, and how late each one is
    - `trail_names_resources`: whether an event has a list of the resources that its request names
    """

    account: str = "123456789012"
    region: str = "eu-west-1"
    clock: Callable[[], float] = time.time
    detach_lag_seconds: float = 0.0
    managed_thing_deletion_seconds: float = 0.0
    thing_type_deletion_seconds: float = 300.0
    registration_task_seconds: float = 0.0
    topic_rule_destination_seconds: float = 0.0
    encryption_update_seconds: float = 0.0
    buckets: Path | None = None
    has_trail: bool = True
    trail_lag_seconds: tuple[float, float] = (0.0, 0.0)
    trail_loss: float = 0.0
    trail_seed: int = 0
    trail_names_resources: bool = True
