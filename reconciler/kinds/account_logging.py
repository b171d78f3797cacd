"""The logs of AWS IoT in the account.

Source: AWS IoT API reference, SetV2LoggingOptions and GetV2LoggingOptions; developer guide, "Configure AWS IoT logging". That the
options replace the ones before as a whole is UNCONFIRMED, so an update sends all of them, and an empty list to remove the last
event configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.members import to_members
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, NotCompared, Resource

_EVENTS = "SetV2LoggingOptions.eventConfigurations"
_DISABLED: Literal["DISABLED"] = "DISABLED"


@frozen(order=True)
class LogEvent:
    """The logs of one type of events."""

    event_type: str = member("The type of the events, such as `Connect`.", api=f"{_EVENTS}.eventType")
    log_level: str | None = member(
        "The level instead of `default_log_level`.", api=f"{_EVENTS}.logLevel", default=None
    )
    log_destination: str | None = member(
        "The log group instead of AWS's own.", api=f"{_EVENTS}.logDestination", default=None
    )


@frozen
class Logging:
    """`[account.logging]`."""

    role_arn: str | NotCompared | None = member(
        "The role with which AWS IoT writes the logs.",
        api="SetV2LoggingOptions.roleArn",
        outside="role",
        default=NOT_COMPARED,
    )
    default_log_level: Literal["DEBUG", "INFO", "ERROR", "WARN", "DISABLED"] | NotCompared = member(
        "The level of the logs.", api="SetV2LoggingOptions.defaultLogLevel", default=NOT_COMPARED
    )
    disable_all_logs: bool | NotCompared = member(
        "Whether nothing is logged.", api="SetV2LoggingOptions.disableAllLogs", default=NOT_COMPARED
    )
    event_configurations: tuple[LogEvent, ...] | NotCompared = member(
        "The logs of single types of events.", api=_EVENTS, default=NOT_COMPARED
    )


class AccountLogging(AccountSettings):
    """Logging options: found by account and Region, owned by the thing group `reconciler:account-logging`."""

    table = "account.logging"
    noun = "logging configuration"
    spec_class = Logging
    api = SettingsApi("GetV2LoggingOptions", "SetV2LoggingOptions", frozenset({"NotConfiguredException"}))
    defaults = Logging(None, _DISABLED, disable_all_logs=False, event_configurations=())

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a warning if `role_arn` is not the ARN of a role."""
        role_arn = resource.spec.role_arn
        return check_role_arn("role_arn", role_arn if isinstance(role_arn, str) else None)

    def to_params(self, spec: Logging, changed_fields: frozenset[str]) -> Mapping[str, Any]:
        """Return all options; an empty list of event configurations if the last one is removed."""
        is_emptied = "event_configurations" in changed_fields and not spec.event_configurations
        return {**to_members(spec), **({"eventConfigurations": []} if is_emptied else {})}

    def find_problems(self, spec: Logging, declared: Logging) -> Iterable[str]:
        """Return a problem if no role writes logs that are not all disabled."""
        if spec.role_arn is None and spec != self.defaults and not spec.disable_all_logs:
            yield "AWS needs a role to write logs; set role_arn"


KIND = AccountLogging()
