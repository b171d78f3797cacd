"""The key that encrypts the data of managed integrations in the account.

Source: managed integrations API reference, PutDefaultEncryptionConfiguration and GetDefaultEncryptionConfiguration. AWS changes the key
after it has responded: the status is UPDATE_IN_PROGRESS, then ENABLED or UPDATE_FAILED. UNCONFIRMED: after a failure, AWS still reports the
key of the failed request, so neither key counts as the live one, and each plan sends the request again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.context import PlanContext, Read, Response
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.encryption_types import find_key_problems, to_encryption_params
from reconciler.kinds.shared.managed_integrations import SERVICE
from reconciler.model.call import ApiCall, Wait, get_by_path
from reconciler.model.change import Change, Update
from reconciler.model.resource import NOT_COMPARED, Live, NotCompared

_SERVICE_KEY: Literal["MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION"] = "MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION"
_READ = "GetDefaultEncryptionConfiguration"
_STATE = "configurationStatus.state"
_REASON = "configurationStatus.error.message"
_FAILED = "UPDATE_FAILED"
_UPDATE_SECONDS = 300.0
_ADVICE = "check that the key exists in this Region and that its policy lets managed integrations use it"


@frozen
class ManagedEncryption:
    """`[account.managed_encryption]`."""

    encryption_type: (
        Literal["CUSTOMER_KEY_ENCRYPTION", "MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION"] | NotCompared | None
    ) = member(
        "Whose key encrypts the data.",
        api="PutDefaultEncryptionConfiguration.encryptionType",
        default=NOT_COMPARED,
    )
    kms_key_arn: str | NotCompared | None = member(
        "The ARN of the customer's key.",
        api="PutDefaultEncryptionConfiguration.kmsKeyArn",
        default=NOT_COMPARED,
    )


@frozen
class ManagedEncryptionFacts:
    """The state of the last update, and AWS's reason for a failure."""

    state: str
    reason: str


class AccountManagedEncryption(AccountSettings):
    """Managed encryption: found by account and Region, owned by a thing group.

    The thing group is `reconciler:account-managed_encryption`.
    """

    table = "account.managed_encryption"
    noun = "managed encryption configuration"
    service: ClassVar[str] = SERVICE
    spec_class = ManagedEncryption
    api = SettingsApi(_READ, "PutDefaultEncryptionConfiguration", waits=True)
    defaults = ManagedEncryption(_SERVICE_KEY, None)

    def to_spec(self, response: Response) -> ManagedEncryption:
        """Return the spec; without a type and a key if the last update failed."""
        if get_by_path(response, _STATE) == _FAILED:
            return ManagedEncryption(None, None)
        spec: ManagedEncryption = super().to_spec(response)
        return spec

    def to_facts(self, response: Response) -> ManagedEncryptionFacts:
        """Return the state of the last update."""
        return ManagedEncryptionFacts(get_by_path(response, _STATE), get_by_path(response, _REASON) or "")

    def to_params(self, spec: ManagedEncryption, changed_fields: frozenset[str]) -> Mapping[str, Any]:
        """Return the parameters; those of the customer's key only if it is used."""
        return to_encryption_params(spec, _SERVICE_KEY)

    def find_problems(self, spec: ManagedEncryption, declared: ManagedEncryption) -> Iterable[str]:
        """Return what is missing for a customer's key, and what the service's own key does not take."""
        return find_key_problems(spec, declared, _SERVICE_KEY)

    def build_update_calls(
        self, spec: Any, current: Any, changed_fields: frozenset[str], context: PlanContext
    ) -> Sequence[ApiCall]:
        """Return the update, and the call that waits for its result."""
        wait = Wait(_STATE, until={"ENABLED"}, failures={_FAILED}, reason_path=_REASON, advice=_ADVICE)
        updates = super().build_update_calls(spec, current, changed_fields, context)
        return [*updates, ApiCall(SERVICE, _READ, wait=wait, timeout_seconds=_UPDATE_SECONDS)]

    def find_export_obstacle(self, live: Live) -> str | None:
        """Return that the last update failed."""
        return "its last update failed" if live.get_facts(ManagedEncryptionFacts).state == _FAILED else None

    def read_status(self, live: Live) -> Read[Mapping[str, Any]]:
        """Return the state of the last update, and the reason for a failure."""
        facts = live.get_facts(ManagedEncryptionFacts)
        reason = {"reason": facts.reason} if facts.reason else {}
        return {"state": facts.state, **reason}
        yield  # a read is a generator, even without calls

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn that the last update failed, so that it is sent again."""
        if isinstance(change, Update):
            facts = change.live.get_facts(ManagedEncryptionFacts)
            if facts.state == _FAILED:
                reason = facts.reason.rstrip(".") or "without a reason"
                yield f"AWS reports that the last update failed: {reason}; {_ADVICE}"


KIND = AccountManagedEncryption()
