"""The audit checks of AWS IoT Device Defender in the account.

Source: AWS IoT API reference, UpdateAccountAuditConfiguration (the first call needs a role and an enabled check; a check that a
scheduled audit uses cannot be disabled) and DescribeAccountAuditConfiguration. A check or a target that is not declared is
disabled: AWS removes neither. UNCONFIRMED: which configuration AWS reports for a check that was enabled without one, so only a
declared configuration is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.account_settings import AccountSettings, SettingsApi
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.members import from_members, to_members, to_structure
from reconciler.kinds.base.outside import CheckedNeed, Need, ProblemRead
from reconciler.kinds.base.reads import request_each
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.audit_checks import SCHEDULED_AUDITS, TABLE, iterate_users
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, Live, NotCompared, Resource
from reconciler.model.text import closest_match, format_suggestion, join_some

_TARGETS = "UpdateAccountAuditConfiguration.auditNotificationTargetConfigurations"
_CHECKS = "UpdateAccountAuditConfiguration.auditCheckConfigurations"


@frozen(order=True)
class NotificationTarget:
    """Where AWS sends notifications about audits."""

    target_arn: str | None = member(
        "The ARN of the SNS topic.", api=f"{_TARGETS}.value.targetArn", default=None
    )
    role_arn: str | None = member(
        "The role with which AWS IoT publishes to the topic.",
        api=f"{_TARGETS}.value.roleArn",
        outside="role",
        default=None,
    )
    enabled: bool = member("Whether notifications are sent.", api=f"{_TARGETS}.value.enabled", default=True)


@frozen
class AuditCheck:
    """An audit check."""

    enabled: bool = member("Whether audits can use it.", api=f"{_CHECKS}.value.enabled", default=True)
    configuration: Mapping[str, str] = member(
        "Its settings, such as `CERT_AGE_THRESHOLD_IN_DAYS`; without it, they are not compared.",
        api=f"{_CHECKS}.value.configuration",
        factory=dict,
    )


@frozen
class Audit:
    """`[account.audit]`."""

    role_arn: str | NotCompared | None = member(
        "The role with which AWS IoT reads devices, policies and certificates in an audit.",
        api="UpdateAccountAuditConfiguration.roleArn",
        outside="role",
        default=NOT_COMPARED,
    )
    audit_notification_target_configurations: Mapping[str, NotificationTarget] | NotCompared = member(
        "Where AWS sends notifications about audits, by type (`SNS`); other targets are disabled.",
        api=_TARGETS,
        default=NOT_COMPARED,
    )
    audit_check_configurations: Mapping[str, AuditCheck] | NotCompared = member(
        "The enabled checks by name, such as `LOGGING_DISABLED_CHECK = {}`; all others are disabled.",
        api=_CHECKS,
        default=NOT_COMPARED,
    )


_MAPS = ("audit_notification_target_configurations", "audit_check_configurations")
"""The fields with items that can be disabled."""


class AccountAudit(AccountSettings):
    """Audit checks: found by account and Region, owned by the thing group `reconciler:account-audit`."""

    table = TABLE
    noun = "audit configuration"
    spec_class = Audit
    api = SettingsApi(
        "DescribeAccountAuditConfiguration",
        "UpdateAccountAuditConfiguration",
        other_reads=("ListScheduledAudits", "DescribeScheduledAudit"),
    )
    defaults = Audit(None, {}, {})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return warnings for roles that are not the ARN of a role."""
        spec: Audit = resource.spec
        role_arn = spec.role_arn
        yield from check_role_arn("role_arn", role_arn if isinstance(role_arn, str) else None)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Audit:
        """Return the spec without disabled checks and targets, which are equal to those that are not declared."""
        return _drop_disabled(resource.spec)

    def to_spec(self, response: Response) -> Audit:
        """Return the spec with the enabled checks and targets."""
        targets = response.get("auditNotificationTargetConfigurations", {})
        checks = response.get("auditCheckConfigurations", {})
        return _drop_disabled(
            Audit(
                response.get("roleArn"),
                {
                    name: from_members(NotificationTarget, {"enabled": False, **item})
                    for name, item in targets.items()
                },
                {name: from_members(AuditCheck, {"enabled": False, **item}) for name, item in checks.items()},
            )
        )

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the settings; configurations of checks that the file does not set are left out."""
        live_resources = yield from super().read(scope)
        reference = self.find_reference_spec(self.address.name, scope)
        declared = reference.audit_check_configurations if reference else NOT_COMPARED
        if declared is NOT_COMPARED:
            return live_resources
        return [evolve(live, spec=_drop_configurations(live.spec, declared)) for live in live_resources]

    # ── needs and errors ──────────────────────────────────────────────────────────────────────────

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the needs that AWS has the checks, and that no unmanaged audit uses those to disable."""
        if not isinstance(change, Create | Update):
            return
        names = tuple(self.complete_spec(change).audit_check_configurations)
        if isinstance(change, Create) or change.has_changed("audit_check_configurations"):
            yield CheckedNeed(
                ("audit-check-names", names), "audit_check_configurations", lambda: _read_name_problem(names)
            )
        disabled = self._find_disabled_checks(change)
        if disabled:
            managed = {address.name for address, _, _ in iterate_users(context)}
            yield CheckedNeed(
                ("audit-check-users", tuple(sorted(disabled))),
                "audit_check_configurations",
                lambda: _read_user_problem(disabled, managed),
            )

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return what AWS rejects: no role, no check, and disabling a check that an audit uses."""
        yield from super().plan_errors(change, context)
        if isinstance(change, Create) and not self.complete_spec(change).audit_check_configurations:
            yield "AWS needs an enabled check in a new configuration; enable one in audit_check_configurations"
        if not isinstance(change, Update):
            return
        disabled = self._find_disabled_checks(change)
        enabled = (
            self.complete_spec(change).audit_check_configurations.keys()
            - change.live.spec.audit_check_configurations.keys()
        )
        for address, before, after in iterate_users(context):
            if after & disabled:
                names = join_some(sorted(after & disabled))
                yield f"cannot disable {names}: {address} uses it after this plan; remove it there first"
            elif before & disabled and after & enabled:
                names = join_some(sorted(before & disabled))
                yield (
                    f"cannot disable {names} and enable {join_some(sorted(after & enabled))} at once, because {address} "
                    "uses both in turn; first keep the former enabled, apply, and then disable it"
                )

    def find_problems(self, spec: Audit, declared: Audit) -> Iterable[str]:
        """Return a problem if there is no role."""
        if spec.role_arn is None and spec != self.defaults:
            yield "AWS needs a role for audits; set role_arn"

    def hidden_holders(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the scheduled audits whose steps have to stop using a check before it is disabled."""
        disabled = self._find_disabled_checks(change) if isinstance(change, Update) else frozenset()
        return [address for address, before, _ in iterate_users(context) if before & disabled]

    def _find_disabled_checks(self, change: Create | Update) -> frozenset[str]:
        if isinstance(change, Create):
            return frozenset()
        before = change.live.spec.audit_check_configurations
        return frozenset(before) - frozenset(self.complete_spec(change).audit_check_configurations)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def build_update_calls(
        self, spec: Audit, current: Audit, changed_fields: frozenset[str], context: PlanContext
    ) -> Sequence[ApiCall]:
        """Return one call with the role and with the checks and targets that change."""
        params: dict[str, Any] = to_members(spec, ["role_arn"])
        for field in _MAPS:
            items = dict(_list_changed_items(getattr(spec, field), getattr(current, field)))
            if items:
                params[(self.members[field].api or "").rpartition(".")[2]] = items
        return [ApiCall("iot", self.api.update, params, idempotent=True)]


def _list_changed_items(
    desired: Mapping[str, Any], current: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in sorted(desired.keys() | current.keys()):
        if name not in desired:
            yield name, {"enabled": False}
        elif desired[name] != current.get(name):
            yield name, to_structure(desired[name])


def _drop_disabled(spec: Audit) -> Audit:
    enabled: dict[str, Any] = {
        field: {name: item for name, item in sorted(getattr(spec, field).items()) if item.enabled}
        for field in _MAPS
        if getattr(spec, field) is not NOT_COMPARED
    }
    return evolve(spec, **enabled)


def _drop_configurations(spec: Audit, declared: Mapping[str, AuditCheck]) -> Audit:
    """Return the spec without the configurations of checks that have none in `declared`."""
    checks = spec.audit_check_configurations
    assert isinstance(checks, Mapping)
    kept = {
        name: evolve(check, configuration={})
        if name in declared and not declared[name].configuration
        else check
        for name, check in checks.items()
    }
    return evolve(spec, audit_check_configurations=kept)


def _read_name_problem(names: tuple[str, ...]) -> ProblemRead:
    (response,) = yield [ApiCall("iot", "DescribeAccountAuditConfiguration")]
    known = response.get("auditCheckConfigurations", {})
    unknown = [name for name in names if name not in known]
    if not unknown:
        return None
    suggestion = format_suggestion(closest_match(unknown[0], known))
    return f"AWS has no audit check {join_some(unknown)}{suggestion or '; correct the name'}"


def _read_user_problem(disabled: frozenset[str], managed: set[str]) -> ProblemRead:
    (listing,) = yield [ApiCall("iot", "ListScheduledAudits")]
    names = [item["scheduledAuditName"] for item in listing["scheduledAudits"]]
    others = [name for name in names if name not in managed]
    descriptions = yield from request_each("DescribeScheduledAudit", "scheduledAuditName", others)
    users = [
        name
        for name, description in zip(others, descriptions, strict=True)
        if disabled.intersection(description.get("targetCheckNames", ()))
    ]
    if not users:
        return None
    return (
        f"cannot disable {join_some(sorted(disabled))}: {SCHEDULED_AUDITS.replace('_', ' ')} that this workspace does not "
        f"manage use it ({join_some(users)}); remove it from them first, or keep it enabled"
    )


KIND = AccountAudit()
