"""Security profiles: the behaviors that AWS IoT Device Defender expects of things.

Source: AWS IoT API reference, CreateSecurityProfile and related operations. AWS offers this part of Device Defender only to
accounts that used it before August 31, 2026. UNCONFIRMED: the order of what AWS describes, so plans ignore it, and whether an
attachment changes the version of a profile, so it is sent after the update that expects the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import asdict, evolve

from reconciler.kinds.base.aws_limits import TARGET_PROFILES
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.outside import Need
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.shared.security_profile_spec import (
    MetricToRetain,
    SecurityProfile,
    check_profile,
    sort_profile,
    to_metric,
)
from reconciler.kinds.shared.security_profile_targets import (
    TARGET_FIELDS,
    attach_profile,
    build_room_need,
    detach_profile,
    map_targets,
    read_targets,
)
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

_REMOVED_VALUES = {
    "behaviors": {"deleteBehaviors": True},
    "alert_targets": {"deleteAlertTargets": True},
    "additional_metrics_to_retain": {"deleteAdditionalMetricsToRetain": True},
    "metrics_export_config": {"deleteMetricsExportConfig": True},
}
_DERIVED_MEMBERS = {
    f"UpdateSecurityProfile.{flag}": f"set when {field} is removed"
    for field, flags in _REMOVED_VALUES.items()
    for flag in flags
}
_OLD_METRICS = "additionalMetricsToRetain"
_UNSUPPORTED_MEMBERS = {
    f"{operation}SecurityProfile.{_OLD_METRICS}": "deprecated in favor of additionalMetricsToRetainV2"
    for operation in ("Create", "Update")
}


class SecurityProfiles(PlainKind):
    """Security profiles: found by name, owned by tag."""

    table = "security_profiles"
    noun = "security profile"
    spec_class = SecurityProfile
    api = PlainApi(
        "SecurityProfile",
        name="securityProfileName",
        arn="securityProfileArn",
        listing=Listing("ListSecurityProfiles", "securityProfileIdentifiers", "name", "arn"),
        version=True,
        after_create=("AttachSecurityProfile",),
        after_update=("AttachSecurityProfile", "DetachSecurityProfile"),
        other_reads=("ListTargetsForSecurityProfile", "ListSecurityProfilesForTarget", "DescribeThingGroup"),
    )
    removed_values = _REMOVED_VALUES
    derived_members = _DERIVED_MEMBERS
    unsupported_members = _UNSUPPORTED_MEMBERS
    creates_after_deletes = True
    reads_after = frozenset({"thing_groups", "dynamic_thing_groups"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, the behaviors, the metrics and the roles."""
        yield from super().check(resource, desired)
        yield from check_profile(resource.spec)

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return a problem of each target that has more profiles than AWS allows, for the last one."""
        users: dict[str, list[Address]] = {}
        for address, resource in desired.items():
            if address.kind == self.table:
                for target in map_targets(resource.spec):
                    users.setdefault(target, []).append(address)
        for target, addresses in users.items():
            for problem in TARGET_PROFILES.check(len(addresses), ()):
                yield max(addresses), evolve(problem, problem=f"{target} has {problem.problem}")

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> SecurityProfile:
        """Return the spec with its lists sorted."""
        return sort_profile(resource.spec)

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the profiles, and the targets of each."""
        live_resources = yield from super().read(scope)
        targets = yield from read_targets(
            {live.identity: self.find_reference_spec(live.identity, scope) for live in live_resources},
            dynamic_groups=frozenset(live.identity for live in scope.get_live("dynamic_thing_groups")),
            static_groups=frozenset(live.identity for live in scope.get_live("thing_groups")),
        )
        return [
            evolve(live, spec=evolve(live.spec, **asdict(targets[live.identity], recurse=False)))
            for live in live_resources
        ]

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> SecurityProfile:
        """Return the spec of a description, with the metrics that older clients have set."""
        spec: SecurityProfile = super().to_spec(description, tags)
        retained = spec.additional_metrics_to_retain
        metrics = {item.metric for item in retained}
        old_metrics = map(to_metric, description.get(_OLD_METRICS, ()))
        added = tuple(MetricToRetain(metric) for metric in old_metrics if metric not in metrics)
        return sort_profile(evolve(spec, additional_metrics_to_retain=(*retained, *added)))

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the references outside the file, and the need that each new target has room."""
        yield from super().outside_needs(change, context)
        if isinstance(change, Create | Update):
            before = map_targets(change.live.spec) if isinstance(change, Update) else {}
            for target, field in map_targets(change.resource.spec).items():
                if target not in before:
                    yield build_room_need(target, field, context)

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the profile with its ownership tags in one call; then attach it to its targets."""
        name = change.address.name
        targets = map_targets(change.resource.spec)
        return [
            *super().create(change, context),
            *(attach_profile(name, target, context) for target in targets),
        ]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Change the fields and the tags; then attach new targets, and detach removed ones."""
        before, after = map_targets(change.live.spec), map_targets(change.resource.spec)
        name = change.live.identity
        return [
            *super().update(change, context),
            *(attach_profile(name, target, context) for target in after if target not in before),
            *(detach_profile(name, target, context) for target in before if target not in after),
        ]

    def is_updatable(self, name: str) -> bool:
        """Return whether UpdateSecurityProfile changes a field."""
        return name not in TARGET_FIELDS and super().is_updatable(name)


KIND = SecurityProfiles()
