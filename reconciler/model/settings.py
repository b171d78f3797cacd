"""The settings in `[workspace]`, and the whole desired state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Desired, Origin


@frozen
class ChangeLimit:
    """Limits on what a plan may delete or replace: counts, or percentages of the managed resources.

    The percentages are of the resources of one kind if the limits are for that kind. None means that the file sets no such limit.
    """

    delete_percent: int | None = None
    replace_percent: int | None = None
    delete_count: int | None = None
    replace_count: int | None = None


@frozen
class ChangeLimits(ChangeLimit):
    """`[workspace.limits]`: limits for all resources; `kinds` has the limits for single kinds, by table.

    A plan that exceeds one of them is rejected, unless an option of the run overrides it. If the limits for all resources
    have none for deletions, or none for replacements, a default applies.
    """

    kinds: Mapping[str, ChangeLimit] = field(factory=dict)


@frozen
class Settings:
    """`[workspace]`.

    - `target`: "embedded", "aws" or a URL;
    - `region`, `profile`, `role_arn` and `external_id`: for boto3's sessions;
    - `prune`: whether managed resources that the file no longer has are deleted ("owned") or kept ("never");
    - `expires_within`: plans warn of certificates that expire within this time, such as "30d";
    - `quotas`: overrides AWS's default rates: service → operation → calls per second.
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
    """Everything that the files declare.

    `digest` is the SHA-256 over the TOML files and the files that they refer to, except those with secrets and those that an
    apply writes. `removed` has the addresses to forget, each with the place of its `[[removed]]` entry; `moved` is former
    address → new address.
    """

    settings: Settings
    resources: Desired
    warnings: tuple[Diagnostic, ...] = ()
    digest: str = ""
    removed: Mapping[Address, Origin] = field(factory=dict)
    moved: Mapping[Address, Address] = field(factory=dict)
