"""A Hypothesis strategy for topic rules with actions of all types, and for their destinations."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.base.normalize import find_empty_values
from reconciler.kinds.base.schema import find_nested_classes
from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_destination_spec import (
    HttpDestination,
    InfluxDbDestination,
    TopicRuleDestination,
    VpcDestination,
)
from reconciler.kinds.shared.topic_rule_messaging_actions import Http, HttpHeader, Kafka, KafkaHeader
from reconciler.kinds.shared.topic_rule_storage_actions import InfluxDb
from reconciler.kinds.topic_rules import KIND, TopicRule
from reconciler.model.resource import Resource
from reconciler.model.secret import Secret
from tests.support.desired_states import ROLE_ARN, make_resource
from tests.support.spec_strategies import specs

_SQL = "SELECT * FROM 'a/+'"
_URL = "https://example.com/"
_WEB, _KAFKA, _INFLUX = "web", "kafka", "influx"


def draw_topic_rules(draw: st.DrawFn) -> list[Resource]:
    """Return at most one rule, and the destinations that it needs."""
    destinations = _draw_destinations(draw)
    names = {resource.address.name for resource in destinations}
    actions = [draw(_independent_actions()), draw(_independent_actions())]
    if _WEB in names:
        headers = (HttpHeader("key", Secret("env KEY", "secret")),)
        actions.append(Action(http=Http(f"{_URL}a", _URL, headers)))
    if _KAFKA in names:
        headers = draw(st.sampled_from([(), (KafkaHeader("k", "v"),)]))
        properties = {"bootstrap.servers": "b:9094"}
        actions.append(Action(kafka=Kafka(_KAFKA, "t", properties, headers=headers)))
    if _INFLUX in names:
        unit = draw(st.sampled_from(["s", "ms"]))
        actions.append(Action(influx_db=InfluxDb(_INFLUX, "db", "t", ROLE_ARN, timestamp_unit=unit)))
    rules = [
        make_resource(
            "topic_rules",
            name,
            TopicRule(
                draw(st.sampled_from([_SQL, "SELECT site FROM 'b'"])),
                actions=tuple(draw(st.lists(st.sampled_from(actions), max_size=2, unique_by=repr))),
                description=draw(st.sampled_from([None, "Plants"])),
                rule_disabled=draw(st.booleans()),
                error_action=draw(st.sampled_from([None, *actions])),
                tags=draw(
                    st.dictionaries(st.sampled_from(["line", "owner"]), st.sampled_from(["oslo", "x_1"]))
                ),
            ),
        )
        for name in sorted(draw(st.sets(st.just("rule"))))
    ]
    return [*destinations, *rules]


def _independent_actions() -> st.SearchStrategy[Action]:
    """Return a strategy for valid actions of all types that need no destination."""
    types = {
        name: classes[0]
        for name, classes in find_nested_classes(Action).items()
        if name not in {"http", "kafka", "influx_db"}
    }
    actions = [specs(types[name]).map(lambda spec, name=name: Action(**{name: spec})) for name in types]
    return st.one_of(actions).filter(_is_valid)


def _is_valid(action: Action) -> bool:
    rule = make_resource("topic_rules", "rule", TopicRule(_SQL, (action,)))
    problems = [*find_empty_values(rule.spec), *KIND.check(rule, {})]
    return all(problem.severity != "error" for problem in problems)


def _draw_destinations(draw: st.DrawFn) -> list[Resource]:
    """Return an HTTP, a VPC and an InfluxDB destination, or fewer; the HTTP destination is never replaced."""
    statuses = st.sampled_from(["ENABLED", "DISABLED"])
    subnets = st.sets(st.sampled_from(["subnet-1", "subnet-2"]), min_size=1).map(sorted).map(tuple)
    specs = {
        _WEB: TopicRuleDestination(http=HttpDestination(_URL), status=draw(statuses)),
        _KAFKA: TopicRuleDestination(
            vpc=VpcDestination("vpc-1", draw(subnets), ROLE_ARN), status=draw(statuses)
        ),
        _INFLUX: TopicRuleDestination(
            influx_db=InfluxDbDestination(_URL, "V2", "s", secret_key=draw(st.sampled_from([None, "token"]))),
            status=draw(statuses),
        ),
    }
    names = sorted(draw(st.sets(st.sampled_from(sorted(specs)))))
    return [make_resource("topic_rule_destinations", name, specs[name]) for name in names]
