"""Topic rules: they pass the messages that devices publish to other services.

Source: AWS IoT API reference, CreateTopicRule and related operations; developer guide, "Rules for AWS IoT".

For a rule that does not exist, AWS raises UnauthorizedException, as it does without permission (users' reports). So the listing
decides whether a rule exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.kind import Listing
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, read_tags_of_desired_or_owned
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import with_ownership_tags
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.role_arns import ROLE_PROPAGATION_SECONDS
from reconciler.kinds.shared.topic_rule_actions import Action, check_action, match_secrets
from reconciler.kinds.shared.topic_rule_sql import check_sql
from reconciler.model.call import ApiCall, Verification, VerificationReads
from reconciler.model.change import Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

_PAYLOAD = "topicRulePayload"
_API = f"CreateTopicRule.{_PAYLOAD}"
_NO_ACCESS_OR_NOT_FOUND = frozenset({"UnauthorizedException"})

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
        for index, action in enumerate(spec.actions):
            yield from check_action(action, ("actions", index))
        if spec.error_action:
            yield from check_action(spec.error_action, ("error_action",))

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List the rules, read the tags of each, and get those that are desired or owned.

        AWS denies access to a rule that does not exist. So the listing shows which rules exist; a re-read does not list, and a rule
        whose access was allowed before no longer exists if it is denied.
        """
        arns = yield from list_arns(self, scope)
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        ignored_errors = NOT_FOUND if scope.previous_states is None else _NO_ACCESS_OR_NOT_FOUND
        responses = yield [
            ApiCall("iot", "GetTopicRule", {"ruleName": name}, ignored_errors=ignored_errors)
            for name in tags_by_name
        ]
        rules = zip(tags_by_name.items(), responses, strict=True)
        return [self._build_live(name, response, tags, scope) for (name, tags), response in rules if response]

    def _build_live(self, name: str, response: Response, tags: Mapping[str, str], scope: Scope) -> Live:
        live = self._to_live(name, {**response["rule"], "ruleArn": response["ruleArn"]}, tags)
        reference: TopicRule | None = self.find_reference_spec(name, scope)
        if reference is None:
            return live
        spec: TopicRule = live.spec
        actions = match_secrets(spec.actions, reference.actions)
        error_action = match_secrets(spec.error_action, reference.error_action)
        return evolve(live, spec=evolve(spec, actions=actions, error_action=error_action))

    def to_create_params(self, resource: Resource) -> dict[str, Any]:
        """Return the payload, in which AWS requires the list of actions even if it is empty."""
        payload = super().to_create_params(resource)[_PAYLOAD]
        return {_PAYLOAD: {"actions": [], **payload}}

    def to_update_params(self, change: Update) -> dict[str, Any]:
        """Return the whole payload, as an update replaces the rule."""
        return self.to_create_params(change.resource)

    def _create(self, resource: Resource, context: PlanContext) -> ApiCall:
        params = {"ruleName": resource.address.name, **self.to_create_params(resource)}
        tags = urlencode(with_ownership_tags(resource, context.workspace), quote_via=quote)
        return self._build_write("CreateTopicRule", {**params, "tags": tags})

    def _update(self, change: Update) -> ApiCall:
        params = {"ruleName": change.live.identity, **self.to_update_params(change)}
        return self._build_write("ReplaceTopicRule", params)

    def _build_write(self, operation: str, params: Mapping[str, Any]) -> ApiCall:
        """Return a write that is repeated while AWS does not know the roles of the actions yet."""
        read_call = ApiCall(
            "iot", "GetTopicRule", {"ruleName": params["ruleName"]}, ignored_errors=_NO_ACCESS_OR_NOT_FOUND
        )
        paths = {f"{_PAYLOAD}.{name}": f"rule.{name}" for name in params[_PAYLOAD]}
        return ApiCall(
            "iot",
            operation,
            params,
            retried_errors={"InvalidRequestException"},
            timeout_seconds=ROLE_PROPAGATION_SECONDS,
            verification=FieldsMatch(read_call, paths),
        )

    def _delete(self, live: Live) -> ApiCall:
        verification = _RuleDeleted(live.identity)
        return ApiCall("iot", "DeleteTopicRule", {"ruleName": live.identity}, verification=verification)


KIND = TopicRules()
