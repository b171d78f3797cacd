"""The settings in `[workspace]`, those of environments, and the whole desired state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.edge_readings import ReadMode, RememberedSettings
from reconciler.model.environment import Variable
from reconciler.model.manifest_source import ManifestSource
from reconciler.model.resource import Desired, Origin
from reconciler.model.secret import StoredSecret


@frozen(slots=True)
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


_ROLE_ARN_PARTS = 6
"""The number of parts of a role's ARN, which colons separate."""


@frozen
class Settings:
    """`[workspace]`.

    - `target`: "embedded", "aws" or a URL;
    - `account`: the AWS account that the credentials must be of; for the embedded registry, the account that it has;
    - `include`: further files or folders that belong to the desired state;
    - `journal`: where the team's runs are recorded, too: `s3://BUCKET/PREFIX` or a folder;
    - `region`, `profile`, `role_arn` and `external_id`: for boto3's sessions;
    - `prune`: whether managed resources that the file no longer has are deleted ("owned") or kept ("never");
    - `expires_within`: plans warn of certificates that expire within this time, such as "30d";
    - `read`: whether plans read the edges of all things, or of those that may have changed;
    - `remembered`: the limits of what `read = "changed"` remembers;
    - `quotas`: overrides AWS's default rates: service → operation → calls per second.
    """

    name: str
    target: str = "embedded"
    account: str | None = None
    include: tuple[str, ...] = ()
    journal: str | None = None
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    limits: ChangeLimits = ChangeLimits()
    prune: Literal["owned", "never"] = "owned"
    expires_within: str = "30d"
    read: ReadMode = "all"
    remembered: RememberedSettings = RememberedSettings()
    quotas: Mapping[str, Mapping[str, float]] = field(factory=dict)

    @property
    def role_account(self) -> str | None:
        """The account in the ARN of the role; None without a valid one.

        The ARN is arn:partition:iam::account:role/name.
        """
        parts = (self.role_arn or "").split(":")
        return parts[4] if len(parts) > _ROLE_ARN_PARTS - 1 else None


@frozen
class Environment:
    """One environment, with its settings and variables.

    - `sources`: where each setting comes from, such as `[environments.prod]`, by its key;
    - `after`: the environments that a rollout completes before this one;
    - `row`: the values of its row, if its table has `for_each`;
    - `is_default`: whether it is used if no environment is selected;
    - `table`: the name of its table as it is declared, such as `prod-{site}`.
    """

    name: str
    settings: Settings
    sources: Mapping[str, str]
    variables: tuple[Variable, ...]
    after: tuple[str, ...]
    origin: Origin
    row: Mapping[str, str] = field(factory=dict)
    is_default: bool = False
    table: str = ""


@frozen
class DesiredState:
    """Everything that the files declare.

    - `environment`: the selected environment, or None in a file without environments;
    - `chosen_variables`: the texts of the variables that the command line or the process's environment set, by name;
    - `digest`: the SHA-256 over the TOML files, the files that they refer to, except those with secrets and those that an apply
      writes, and the values of the names in braces;
    - `files_digest`: the same without these values, and without manifests that are in no file;
    - `manifest_sources`: the manifests of `for_each`, without arrays in the file itself;
    - `s3_urls`: the objects in S3 that are manifests, and `unread_urls` those of them that were not read;
    - `removed`: the addresses to forget, whose name may be `ALL_NAMES`, each with the place of its `[[removed]]` entry;
    - `moved`: former address → new address;
    - `stored_secrets`: the secrets that AWS stores and that the resources refer to;
    - `key_secrets`: the names of the secrets for private keys that AWS creates.
    """

    settings: Settings
    resources: Desired
    warnings: tuple[Diagnostic, ...] = ()
    environment: Environment | None = None
    chosen_variables: Mapping[str, str] = field(factory=dict)
    digest: str = ""
    files_digest: str = ""
    manifest_sources: tuple[ManifestSource, ...] = ()
    s3_urls: frozenset[str] = frozenset()
    unread_urls: frozenset[str] = frozenset()
    removed: Mapping[Address, Origin] = field(factory=dict)
    moved: Mapping[Address, Address] = field(factory=dict)
    stored_secrets: frozenset[StoredSecret] = frozenset()
    key_secrets: frozenset[str] = frozenset()

    @property
    def environment_name(self) -> str:
        """The name of the selected environment; empty in a file without environments."""
        return self.environment.name if self.environment else ""
