"""The key that encrypts the data of AWS IoT in the account.

Source: AWS IoT API reference, UpdateEncryptionConfiguration and DescribeEncryptionConfiguration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.encryption_types import find_key_problems, to_encryption_params
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, NotCompared, Resource

_AWS_OWNED: Literal["AWS_OWNED_KMS_KEY"] = "AWS_OWNED_KMS_KEY"


@frozen
class Encryption:
    """`[account.encryption]`."""

    encryption_type: Literal["CUSTOMER_MANAGED_KMS_KEY", "AWS_OWNED_KMS_KEY"] | NotCompared = member(
        "Whose key encrypts the data.",
        api="UpdateEncryptionConfiguration.encryptionType",
        default=NOT_COMPARED,
    )
    kms_key_arn: str | NotCompared | None = member(
        "The ARN of the customer's key.", api="UpdateEncryptionConfiguration.kmsKeyArn", default=NOT_COMPARED
    )
    kms_access_role_arn: str | NotCompared | None = member(
        "The role with which AWS IoT uses the customer's key.",
        api="UpdateEncryptionConfiguration.kmsAccessRoleArn",
        outside="role",
        default=NOT_COMPARED,
    )


class AccountEncryption(AccountSettings):
    """Encryption: found by account and Region, owned by the thing group `reconciler:account-encryption`."""

    table = "account.encryption"
    noun = "encryption configuration"
    spec_class = Encryption
    api = SettingsApi("DescribeEncryptionConfiguration", "UpdateEncryptionConfiguration")
    defaults = Encryption(_AWS_OWNED, None, None)

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a warning if `kms_access_role_arn` is not the ARN of a role."""
        role_arn = resource.spec.kms_access_role_arn
        return check_role_arn("kms_access_role_arn", role_arn if isinstance(role_arn, str) else None)

    def to_params(self, spec: Encryption, changed_fields: frozenset[str]) -> Mapping[str, Any]:
        """Return the parameters; those of the customer's key only if it is used."""
        return to_encryption_params(spec, _AWS_OWNED)

    def find_problems(self, spec: Encryption, declared: Encryption) -> Iterable[str]:
        """Return what is missing for a customer's key, and what the service's own key does not take."""
        return find_key_problems(spec, declared, _AWS_OWNED)


KIND = AccountEncryption()
