"""Topic rule destinations: where the HTTP, Kafka and InfluxDB actions of topic rules send messages.

Source: AWS IoT API reference, CreateTopicRuleDestination and related operations; developer guide, "Working with topic rule
destinations". AWS assigns the ARN, and changes only the status. The endpoint of an HTTP destination confirms it, with a token that
AWS sends to it; the network interfaces of a VPC destination take minutes. Both are IN_PROGRESS until then, and a creation waits.

UNCONFIRMED: AWS rejects two destinations with the same configuration. For one that does not exist, AWS raises
UnauthorizedException, as it does without permission (Terraform's AWS provider reports it), so the listing decides whether one exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.marker_groups import (
    build_marker_calls,
    build_marker_deletion,
    build_marker_tags,
    check_marker,
    describe_markers,
    read_markers,
)
from reconciler.kinds.base.reads import merge_reads
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.kinds.shared.topic_rule_calls import DESTINATION_ARN
from reconciler.kinds.shared.topic_rule_destination_calls import (
    create_destination,
    delete_destination,
    describe_wait,
    find_moved_rules,
    move_rules,
    set_destination_status,
)
from reconciler.kinds.shared.topic_rule_destination_live import (
    CONFIGURATION_FIELDS,
    NOT_CREATED,
    DestinationFacts,
    build_destination_marker_name,
    sort_lists,
    to_live,
    to_spec,
)
from reconciler.kinds.shared.topic_rule_destination_spec import (
    TABLE,
    TopicRuleDestination,
    is_confirmed_by,
    iterate_confirmation_urls,
)
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource, extract_name_from_arn
from reconciler.model.text import join_some, quote

_DERIVED_MEMBERS = {"UpdateTopicRuleDestination.arn": "the ARN that AWS assigned to the destination"}

_LOST_STATUSES = frozenset({"ERROR", "DELETING", NOT_CREATED})
"""The statuses that end with a replacement."""


class TopicRuleDestinations(Kind):
    """Topic rule destinations: found by configuration, owned by a marker group for each."""

    table = TABLE
    noun = "topic rule destination"
    arn_type = "ruledestination"
    spec_class = TopicRuleDestination
    operations = Operations(
        read=("ListTopicRuleDestinations", "ListThingGroups", "DescribeThingGroup"),
        create=(
            "CreateThingGroup",
            "CreateTopicRuleDestination",
            "GetTopicRuleDestination",
            "UpdateTopicRuleDestination",
        ),
        update=(
            "CreateThingGroup",
            "UpdateThingGroup",
            "UpdateTopicRuleDestination",
            "GetTopicRuleDestination",
        ),
        replace=(
            "CreateThingGroup",
            "UpdateThingGroup",
            "CreateTopicRuleDestination",
            "GetTopicRuleDestination",
            "UpdateTopicRuleDestination",
            "ReplaceTopicRule",
            "DeleteTopicRuleDestination",
            "DeleteThingGroup",
        ),
        delete=("DeleteTopicRuleDestination", "GetTopicRuleDestination", "DeleteThingGroup"),
        forget=("DeleteThingGroup",),
    )
    id_member = DESTINATION_ARN
    listing = Listing("ListTopicRuleDestinations", "destinationSummaries", "arn", "arn")
    write_operations = ("CreateTopicRuleDestination", "UpdateTopicRuleDestination")
    derived_members = _DERIVED_MEMBERS
    deletion_blockers = frozenset()

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the name, the type, the URL, the subnets and the role."""
        spec: TopicRuleDestination = resource.spec
        yield from check_marker(resource)
        types = [name for name in CONFIGURATION_FIELDS if getattr(spec, name) is not None]
        if len(types) != 1:
            problem = f"has {join_some(types)}" if types else "has no type"
            yield ValueProblem("invalid-destination", problem, "exactly one of http, vpc and influx_db")
        if spec.http:
            yield from _check_url(spec.http.confirmation_url, "http", "confirmation_url")
        if spec.influx_db:
            yield from _check_url(spec.influx_db.endpoint, "influx_db", "endpoint")
        if spec.vpc:
            problems = check_role_arn("role_arn", spec.vpc.role_arn)
            yield from (problem.nest_under("vpc") for problem in problems)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> TopicRuleDestination:
        """Return the spec with sorted lists, as their order means nothing."""
        return sort_lists(resource.spec)

    def identity(self, resource: Resource) -> str | None:
        """Return None: AWS assigns the ID, which is the last part of the ARN."""
        return None

    def aws_identities(self, resource: Resource, desired: Desired) -> Iterable[tuple[str, str]]:
        """Return the name of the marker: no two destinations have the same configuration."""
        return ((self.table, build_destination_marker_name(sort_lists(resource.spec))),)

    def to_desired_spec(self, spec: TopicRuleDestination, desired: Desired) -> TopicRuleDestination:
        """Return the spec that enables a destination whose confirmation is pending or has failed."""
        return evolve(spec, status="DISABLED" if spec.status == "DISABLED" else "ENABLED")

    def find_export_obstacle(self, live: Live) -> str | None:
        """Return that the destination does not exist anymore, or not yet."""
        status = live.get_facts(DestinationFacts).status
        return f"its status is {status}" if status in {"DELETING", NOT_CREATED} else None

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all destinations, and read the groups that record their owners.

        A group without a destination comes from an interrupted run.
        """
        if scope.previous_states is None:
            desired = {
                marker
                for item in scope.iterate_resources(TABLE)
                for _, marker in self.aws_identities(item, scope.desired)
            }
            summaries, markers = yield from merge_reads(_list(scope), read_markers(TABLE, scope))
        else:
            previous = [live for live in scope.previous_states.values() if live]
            names = {live.get_facts(DestinationFacts).marker for live in previous}
            summaries = yield from _list(scope)
            desired = {*summaries, *names}
            markers = yield from describe_markers(desired)
        live_destinations = [
            to_live(name, summaries.get(name), markers.get(name)) for name in sorted({*markers, *summaries})
        ]
        return [
            live
            for live in live_destinations
            if live.owner == scope.workspace or live.get_facts(DestinationFacts).marker in desired
        ]

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Pair by configuration; then by the name that the marker has."""
        names = {
            marker: item.address.name
            for item in missing
            for _, marker in self.aws_identities(item, scope.desired)
        }
        pairs = {
            live.identity: names[marker]
            for live in spare
            if (marker := live.get_facts(DestinationFacts).marker) in names
        }
        others = [live for live in spare if live.identity not in pairs]
        taken_names = set(pairs.values())
        free = [resource for resource in missing if resource.address.name not in taken_names]
        return {**super().pair_unmatched(free, others, scope), **pairs}

    def is_locked(self, name: str, live_spec: TopicRuleDestination) -> bool:
        """Return whether the status is one that ends with a replacement."""
        return name == "status" and live_spec.status in _LOST_STATUSES

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn of a destination that failed, and of one that is not confirmed yet."""
        if isinstance(change, Update | Replace):
            facts = change.live.get_facts(DestinationFacts)
            if facts.status == "ERROR":
                yield f"AWS reports the status ERROR: {(facts.reason or 'without a reason').rstrip('.')}"
            if facts.status == "IN_PROGRESS":
                yield f"cannot be used yet: {describe_wait(change.live.spec)}"

    def hidden_holders(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the rules whose HTTP actions use a deleted destination."""
        if not isinstance(change, Delete):
            return ()
        return [
            address
            for address, live in context.live.items()
            if address.kind == "topic_rules"
            and any(
                is_confirmed_by(url, change.live.spec)
                for url in iterate_confirmation_urls((*live.spec.actions, live.spec.error_action))
            )
        ]

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the marker and the destination, and wait until it can be used."""
        return [*_mark(change.resource, None, context), *create_destination(change.resource)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Change the marker and the status; a pending confirmation is asked for again, and waited for."""
        calls = [*_mark(change.resource, change.live, context)]
        if change.has_changed("status"):
            calls += set_destination_status(change.resource.spec, change.live.spec.status, change.live.arn)
        return calls

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Create the new destination before the old one is deleted, unless both have the same configuration.

        Topic rules that refer to the old one are changed in between.
        """
        old, new = (
            change.live.get_facts(DestinationFacts).marker,
            build_destination_marker_name(change.resource.spec),
        )
        if old == new:
            return [
                *_mark(change.resource, change.live, context),
                *delete_destination(change.live),
                *create_destination(change.resource),
                *move_rules(change, context),
            ]
        return [
            *_mark(change.resource, None, context),
            *create_destination(change.resource),
            *move_rules(change, context),
            *delete_destination(change.live),
            build_marker_deletion(old),
        ]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the destination, wait until AWS no longer has it, and delete its marker."""
        marker = change.live.get_facts(DestinationFacts).marker
        return [*delete_destination(change.live), build_marker_deletion(marker)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the marker."""
        return [build_marker_deletion(change.live.get_facts(DestinationFacts).marker)]

    def also_modifies(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the topic rules that a replacement changes to refer to the new destination."""
        return find_moved_rules(change, context) if isinstance(change, Replace) else ()


def _check_url(url: str, *path: str) -> Iterator[ValueProblem]:
    if not url.startswith("https://"):
        yield ValueProblem("not-an-https-url", f"{quote(url)} is not an HTTPS URL", "https://…", path=path)


def _list(scope: Scope) -> Read[dict[str, tuple[str, Response]]]:
    """Return the ID and the listed item of each destination to read, by the name of its marker group."""
    (listing,) = yield [ApiCall("iot", "ListTopicRuleDestinations")]
    summaries: dict[str, tuple[str, Response]] = {}
    # One that is being deleted may still have the configuration of its replacement.
    for summary in sorted(
        listing["destinationSummaries"], key=lambda item: bool(item["status"] != "DELETING")
    ):
        identity = extract_name_from_arn(summary["arn"])
        if scope.includes(identity):
            summaries[build_destination_marker_name(to_spec(summary))] = identity, summary
    return summaries


def _mark(resource: Resource, live: Live | None, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the call that records the owner, the name and `prevent_destroy`, if they differ."""
    marker = build_destination_marker_name(sort_lists(resource.spec))
    return build_marker_calls(marker, resource, live, build_marker_tags(resource, context.workspace))


KIND = TopicRuleDestinations()
