"""Scheduled audits: checks of devices, certificates and policies that AWS IoT Device Defender repeats.

Source: AWS IoT API reference, CreateScheduledAudit and related operations. UNCONFIRMED: whether an update that changes the
frequency removes the day that only the old frequency uses. Plans ignore such a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import SCHEDULED_AUDITS
from reconciler.kinds.base.context import PlanContext, Response, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.outside import CheckedNeed, Need, ProblemRead
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared import audit_checks
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, Resource
from reconciler.model.text import join_some

_CHECKS = "target_check_names"
_FREQUENCIES_BY_DAY = {"day_of_month": ("MONTHLY",), "day_of_week": ("WEEKLY", "BIWEEKLY")}
"""By field: the frequencies that need it (API reference, CreateScheduledAudit)."""


@frozen
class ScheduledAudit:
    """`[scheduled_audits.*]`."""

    frequency: str = member("How often the audit runs.", api="CreateScheduledAudit.frequency")
    target_check_names: tuple[str, ...] = member(
        "The checks of the audit; the account must have them enabled, as `[account.audit]` does.",
        api="CreateScheduledAudit.targetCheckNames",
    )
    day_of_month: str | None = member(
        "The day of a monthly audit, from `1` to `31`, or `LAST`.",
        api="CreateScheduledAudit.dayOfMonth",
        default=None,
    )
    day_of_week: str | None = member(
        "The day of a weekly or biweekly audit.", api="CreateScheduledAudit.dayOfWeek", default=None
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateScheduledAudit.tags", factory=dict)


class ScheduledAudits(PlainKind):
    """Scheduled audits: found by name, owned by tag."""

    table = "scheduled_audits"
    noun = "scheduled audit"
    spec_class = ScheduledAudit
    api = PlainApi(
        "ScheduledAudit",
        name="scheduledAuditName",
        arn="scheduledAuditArn",
        listing=Listing("ListScheduledAudits", "scheduledAudits", "scheduledAuditName", "scheduledAuditArn"),
        other_reads=("DescribeAccountAuditConfiguration",),
    )
    account_limit = SCHEDULED_AUDITS
    needs_settings = frozenset({audit_checks.TABLE})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, the days for the frequency, and missing or disabled checks."""
        yield from super().check(resource, desired)
        spec: ScheduledAudit = resource.spec
        for name, frequencies in _FREQUENCIES_BY_DAY.items():
            is_needed, is_set = spec.frequency in frequencies, bool(getattr(spec, name))
            if is_needed and not is_set:
                problem = f"a {spec.frequency} audit needs a {name}"
                yield ValueProblem("missing-key", problem, f"the key {name}", path=("frequency",))
            elif is_set and not is_needed:
                expected = f"the frequency {' or '.join(frequencies)}, or no {name}"
                yield ValueProblem(
                    "conflicting-keys", f"a {spec.frequency} audit has no {name}", expected, path=(name,)
                )
        for index, name in _find_disabled_checks(spec, desired):
            problem = f"[{audit_checks.TABLE}] does not enable {name}"
            expected = "a check in its audit_check_configurations"
            yield ValueProblem("disabled-check", problem, expected, path=(_CHECKS, index))

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> ScheduledAudit:
        """Return the spec with its checks sorted: their order means nothing."""
        return _sort_checks(resource.spec)

    def drop_meaningless_values(self, spec: ScheduledAudit) -> ScheduledAudit:
        """Return the spec without a day that its frequency does not use."""
        unused_days: dict[str, Any] = {
            name: None
            for name, frequencies in _FREQUENCIES_BY_DAY.items()
            if spec.frequency not in frequencies
        }
        return evolve(spec, **unused_days)

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> ScheduledAudit:
        """Return the spec of a description, without a day that its frequency does not use."""
        return _sort_checks(self.drop_meaningless_values(super().to_spec(description, tags)))

    def to_update_params(self, change: Update) -> dict[str, Any]:
        """Return all members: AWS has no value that removes a day."""
        return self.to_create_params(change.resource)

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the need that the account has the checks of a new list enabled."""
        if isinstance(change, Delete | Forget) or (
            isinstance(change, Update) and not change.has_changed(_CHECKS)
        ):
            return
        names = change.resource.spec.target_check_names
        planned = audit_checks.find_planned_checks(context)
        yield CheckedNeed(("audit-checks", names), _CHECKS, lambda: _read_problem(names, planned))


def _sort_checks(spec: ScheduledAudit) -> ScheduledAudit:
    return evolve(spec, target_check_names=tuple(sorted(set(spec.target_check_names))))


def _find_disabled_checks(spec: ScheduledAudit, desired: Desired) -> Iterator[tuple[int, str]]:
    """Yield the checks that the account settings of the file disable, with their positions."""
    settings = desired.get(audit_checks.ADDRESS)
    checks = settings.spec.audit_check_configurations if settings else NOT_COMPARED
    if isinstance(checks, Mapping):
        for index, name in enumerate(spec.target_check_names):
            if name not in checks or not checks[name].enabled:
                yield index, name


def _read_problem(names: tuple[str, ...], planned: frozenset[str] | None) -> ProblemRead:
    """Return what is wrong with checks; `planned` are those that the same plan enables, if it does."""
    (response,) = yield [ApiCall("iot", "DescribeAccountAuditConfiguration")]
    checks = response.get("auditCheckConfigurations", {})
    unknown = [name for name in names if name not in checks]
    if checks and unknown:
        return f"AWS has no audit check {join_some(unknown)}; correct the name"
    live = frozenset(name for name, check in checks.items() if check.get("enabled"))
    enabled = live if planned is None else planned
    disabled = [name for name in names if name not in enabled]
    if not disabled:
        return None
    return (
        f"this account and Region do not have these audit checks enabled: {join_some(disabled)}; "
        f"enable them in [{audit_checks.TABLE}]"
    )


KIND = ScheduledAudits()
