"""Topic rules: they pass the messages that devices publish to other services.

Source: AWS IoT API reference, CreateTopicRule and related operations; developer guide, "Rules for AWS IoT".

For a rule that does not exist, AWS raises UnauthorizedException, as it does without permission (users' reports). So the listing
decides whether a rule exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlencode

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, read_tags_of_desired_or_owned
from reconciler.kinds.base.references import find_references
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import retag, with_ownership_tags
from reconciler.kinds.shared.topic_rule_actions import Action, check_action, check_destination
from reconciler.kinds.shared.topic_rule_calls import NO_ACCESS_OR_NOT_FOUND, build_rule_write
from reconciler.kinds.shared.topic_rule_destination_spec import TABLE as DESTINATIONS
from reconciler.kinds.shared.topic_rule_destination_spec import (
    is_confirmed_by,
    iterate_confirmation_urls,
)
from reconciler.kinds.shared.topic_rule_sql import check_sql
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Verification, VerificationReads
from reconciler.model.change import Replace, Update
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.resource import Desired, Live, Resource

_API = "CreateTopicRule.topicRulePayload"

DEFAULT_SQL_VERSION = "2015-10-08"
"""The version without which AWS evaluates a rule (developer guide, "SQL versions")."""


@frozen
class TopicRule:
    """`[topic_rules.*]`."""

    sql: str = member("The statement that selects and transforms the messages.", api=f"{_API}.sql")
    actions: tuple[Action, ...] = member(
        "The actions for each message: at most 10, each of one type.", api=f"{_API}.actions", default=()
    )
    description: str | None = member("Description of the rule.", api=f"{_API}.description", default=None)
    aws_iot_sql_version: str = member(
        "The version of the SQL; AWS recommends `2016-03-23`.",
        api=f"{_API}.awsIotSqlVersion",
        default=DEFAULT_SQL_VERSION,
    )
    rule_disabled: bool = member(
        "Whether no message activates the rule.", api=f"{_API}.ruleDisabled", default=False
    )
    error_action: Action | None = member(
        "The action for each message of which an action fails; it has the fields of an item of `actions`.",
        api=f"{_API}.errorAction",
        default=None,
    )
    # CreateTopicRule takes the tags as one text, whose limits are those of TagResource.
    tags: Mapping[str, str] = member("Tags.", api="TagResource.tags", factory=dict)


@frozen
class _RuleDeleted(Verification):
    """Verification that no rule with this name exists."""

    name: str

    def verify(self, sent: ApiCall) -> VerificationReads:
        """Return an empty response if the listing does not contain the rule, else None."""
        response = yield ApiCall("iot", "ListTopicRules")
        return None if any(item["ruleName"] == self.name for item in response["rules"]) else {}


class TopicRules(PlainKind):
    """Topic rules: found by name, owned by tag."""

    table = "topic_rules"
    noun = "topic rule"
    arn_type = "rule"
    spec_class = TopicRule
    api = PlainApi(
        "TopicRule",
        name="ruleName",
        arn="ruleArn",
        listing=Listing("ListTopicRules", "rules", "ruleName", "ruleArn"),
        describe="GetTopicRule",
        described="rule",
        update="ReplaceTopicRule",
    )

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, the statement and the actions."""
        yield from super().check(resource, desired)
        spec: TopicRule = resource.spec
        yield from check_sql(spec.sql)
        paths: list[tuple[ValuePath, Action]] = [
            (("actions", index), action) for index, action in enumerate(spec.actions)
        ]
        if spec.error_action:
            paths.append((("error_action",), spec.error_action))
        for path, action in paths:
            yield from check_action(action, path)
            yield from check_destination(action, path, desired)

    def find_implied_dependencies(self, resource: Resource, desired: Desired) -> Iterable[Address]:
        """Return the destinations of the HTTP actions: AWS creates a missing one, which has no owner."""
        spec: TopicRule = resource.spec
        urls = set(iterate_confirmation_urls((*spec.actions, spec.error_action)))
        return {
            address
            for address, destination in desired.items()
            if urls
            and address.kind == DESTINATIONS
            and any(is_confirmed_by(url, destination.spec) for url in urls)
        }

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List the rules, read the tags of each, and get those that are desired or owned.

        AWS denies access to a rule that does not exist. So the listing shows which rules exist; a re-read does not list, and a rule
        whose access was allowed before no longer exists if it is denied.
        """
        arns = yield from list_arns(self, scope)
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        ignored_errors = NOT_FOUND if scope.previous_states is None else NO_ACCESS_OR_NOT_FOUND
        responses = yield [
            ApiCall("iot", "GetTopicRule", {"ruleName": name}, ignored_errors=ignored_errors)
            for name in tags_by_name
        ]
        rules = zip(tags_by_name.items(), responses, strict=True)
        return [
            self._to_live(name, {**response["rule"], "ruleArn": response["ruleArn"]}, tags)
            for (name, tags), response in rules
            if response
        ]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Replace the whole rule, also if a destination gets another ARN; change the tags separately."""
        calls = []
        spec: TopicRule = change.resource.spec
        has_changed = any(self.is_updatable(name) and change.has_changed(name) for name in self.members)
        references = find_references(spec)
        if has_changed or any(isinstance(context.changes.get(item), Replace) for item in references):
            calls.append(build_rule_write("ReplaceTopicRule", change.live.identity, spec, context))
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag(self.service, change.live.arn, change.live.tags, tags)]

    def _create(self, resource: Resource, context: PlanContext) -> ApiCall:
        tags = urlencode(with_ownership_tags(resource, context.workspace), quote_via=quote)
        return build_rule_write("CreateTopicRule", resource.address.name, resource.spec, context, tags=tags)

    def _delete(self, live: Live) -> ApiCall:
        verification = _RuleDeleted(live.identity)
        return ApiCall("iot", "DeleteTopicRule", {"ruleName": live.identity}, verification=verification)


KIND = TopicRules()
