"""What `[workspace]` says, and the whole desired state as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Desired, Origin


@frozen
class ChangeLimit:
    """How much of the fleet, or of one kind, a plan may delete or replace: per cent of what is owned, whole numbers, or counts."""

    delete_percent: int | None = None
    replace_percent: int | None = None
    delete_count: int | None = None
    replace_count: int | None = None


@frozen
class ChangeLimits(ChangeLimit):
    """`[workspace.limits]`: a plan over one of them is refused. `kinds` are the limits of single kinds, by table."""

    kinds: Mapping[str, ChangeLimit] = field(factory=dict)


@frozen
class Settings:
    """`[workspace]`.

    `target` is "embedded", "aws" or a URL; `region`, `profile`, `role_arn` and `external_id` are for boto3's own chain.
    `prune` is "never" where what has left the file stays, and "owned" where it goes if it is the workspace's.
    `expires_within` is how long before a certificate's end every plan warns of it, such as "30d".
    `quotas` overrides AWS's default rates: service → operation → calls a second.
    """

    name: str
    target: str = "embedded"
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    limits: ChangeLimits = ChangeLimits()
    prune: Literal["owned", "never"] = "owned"
    expires_within: str = "30d"
    quotas: Mapping[str, Mapping[str, float]] = field(factory=dict)


@frozen
class DesiredState:
    """Everything that the files say.

    `digest` is the SHA-256 over the contents of all files that were read, secrets aside; `warnings` are mistakes of
    severity "warning". `removed` are the addresses that are to be forgotten, and where the file says so; `moved`
    are addresses that the file no longer has, and what they are called now.
    """

    settings: Settings
    resources: Desired
    warnings: tuple[Diagnostic, ...] = ()
    digest: str = ""
    removed: Mapping[Address, Origin] = field(factory=dict)
    moved: Mapping[Address, Address] = field(factory=dict)
