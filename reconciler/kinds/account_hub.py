"""The hub configuration of managed integrations in the account.

Source: managed integrations API reference, PutHubConfiguration and GetHubConfiguration. UNCONFIRMED: reading a configuration that was
never set raises ResourceNotFoundException. AWS has no operation that removes the setting.
"""

from __future__ import annotations

from typing import ClassVar

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.managed_integrations import SERVICE
from reconciler.model.resource import NOT_COMPARED, NotCompared


@frozen
class Hub:
    """`[account.hub]`."""

    token_timer_expiry_seconds: int | NotCompared | None = member(
        "The number of seconds after which the token of a hub expires.",
        api="PutHubConfiguration.HubTokenTimerExpirySettingInSeconds",
        default=NOT_COMPARED,
    )


class AccountHub(AccountSettings):
    """The hub configuration: found by account and Region, owned by the group `reconciler:account-hub`."""

    table = "account.hub"
    noun = "hub configuration"
    service: ClassVar[str] = SERVICE
    spec_class = Hub
    api = SettingsApi("GetHubConfiguration", "PutHubConfiguration", NOT_FOUND)
    defaults = Hub(None)


KIND = AccountHub()
