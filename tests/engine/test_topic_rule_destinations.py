"""Topic rule destinations: found by configuration, owned through a thing group, and waited for."""

from __future__ import annotations

from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_destination_spec import (
    HttpDestination,
    TopicRuleDestination,
    VpcDestination,
)
from reconciler.kinds.shared.topic_rule_messaging_actions import Http, Kafka
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.address import Address
from reconciler.model.change import Replace, Update
from reconciler.model.errors import WaitError
from reconciler.model.outcome import Failed
from reconciler.model.resource import External
from reconciler.registry import Registry
from tests.support.desired_states import (
    ROLE_ARN,
    apply,
    converge,
    get_rejection_reasons,
    list_failures,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.registry_client import SETTINGS, Cloud

URL, SILENT_URL = "https://example.com/iot", "https://example.invalid/iot"
WEB = TopicRuleDestination(http=HttpDestination(URL))
SILENT = TopicRuleDestination(http=HttpDestination(SILENT_URL))
NETWORK = TopicRuleDestination(vpc=VpcDestination("vpc-1", ("subnet-2", "subnet-1"), ROLE_ARN))
BROKEN = TopicRuleDestination(vpc=VpcDestination("vpc-1", ("subnet-0",), ROLE_ARN))
KAFKA = Kafka("a", "t", {"bootstrap.servers": "b:9094"})
ADDRESS = Address("topic_rule_destinations", "a")


def declare(spec: TopicRuleDestination, name: str = "a", **lifecycle: object):
    return make_resource("topic_rule_destinations", name, spec, **lifecycle)


def declare_rule(*actions: Action):
    return make_resource("topic_rules", "r", TopicRule("SELECT 1", actions))


def find_change(state, cloud):
    return next(step.change for step in plan_state(state, cloud).steps if step.address == ADDRESS)


def list_summaries(cloud):
    return cloud.iot.list_topic_rule_destinations()["destinationSummaries"]


def list_marker_groups(cloud):
    response = cloud.iot.list_thing_groups(namePrefixFilter="reconciler:topic_rule_destinations:sha256-")
    return [
        cloud.iot.describe_thing_group(thingGroupName=group["groupName"])["thingGroupProperties"][
            "attributePayload"
        ]["attributes"]
        for group in response["thingGroups"]
    ]


def apply_without_pauses(state, cloud):
    """Apply, and return the errors of the steps; waiting takes no time."""
    outcomes = apply(plan_state(state, cloud), cloud, pause=lambda _: None)
    return [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]


def test_a_destination_is_owned_through_a_thing_group_of_its_own(cloud):
    converge(make_state(declare(NETWORK, prevent_destroy=True), declare(WEB, "b")), cloud)
    assert sorted(list_marker_groups(cloud), key=str) == [
        {"name": "a", "prevent-destroy": "true", "workspace": "ws"},
        {"name": "b", "workspace": "ws"},
    ]
    converge(make_state(declare(NETWORK)), cloud)
    converge(make_state(), cloud)
    assert (list_marker_groups(cloud), list_summaries(cloud)) == ([], [])


def test_an_unmanaged_destination_with_the_configuration_is_imported_only_on_request(cloud):
    configuration = {"httpUrlConfiguration": {"confirmationUrl": URL}}
    arn = cloud.iot.create_topic_rule_destination(destinationConfiguration=configuration)[
        "topicRuleDestination"
    ]["arn"]
    state = make_state(declare(WEB))
    problem = "already exists and is not managed by this workspace"
    assert get_rejection_reasons(state, cloud) == [
        f"topic_rule_destinations.a: {problem}; import it with --adopt topic_rule_destinations.a"
    ]
    converge(state, cloud, adopt=frozenset({ADDRESS}))
    assert [item["arn"] for item in list_summaries(cloud)] == [arn]


def test_a_destination_of_another_workspace_is_rejected(cloud):
    converge(make_state(declare(WEB), workspace="other"), cloud)
    assert get_rejection_reasons(make_state(declare(WEB)), cloud) == [
        "topic_rule_destinations.a: belongs to the workspace 'other', not to 'ws'"
    ]


def test_the_order_of_subnets_and_the_name_in_the_file_do_not_replace_a_destination(cloud):
    converge(make_state(declare(NETWORK)), cloud)
    (before,) = list_summaries(cloud)
    reordered = evolve(NETWORK, vpc=evolve(NETWORK.vpc, subnet_ids=("subnet-1", "subnet-2")))
    converge(make_state(declare(reordered, "b")), cloud)
    assert list_summaries(cloud) == [before]
    assert list_marker_groups(cloud) == [{"name": "b", "workspace": "ws"}]


def test_a_confirmation_that_does_not_come_is_an_error_that_names_what_to_do(cloud):
    state = make_state(declare(SILENT))
    (error,) = apply_without_pauses(state, cloud)
    assert isinstance(error, WaitError)
    assert str(error) == "AWS still reports IN_PROGRESS after 300 s"
    assert error.advice == (
        f"the endpoint has to visit the enableUrl that AWS sent to {SILENT_URL}, or its confirmationToken has to be "
        "passed to ConfirmTopicRuleDestination"
    )


def test_a_plan_shows_a_destination_that_waits_and_confirms_the_same_one(cloud):
    state = make_state(declare(SILENT))
    apply_without_pauses(state, cloud)
    (before,) = list_summaries(cloud)
    change = find_change(state, cloud)
    assert isinstance(change, Update)
    assert [(field.path, field.before, field.after) for field in change.fields] == [
        ("status", "IN_PROGRESS", "ENABLED")
    ]
    apply_without_pauses(state, cloud)  # AWS sends another confirmation message
    (waiting,) = list_summaries(cloud)
    assert waiting["statusReason"] != before["statusReason"]
    token = waiting["statusReason"].rpartition(" ")[2].rstrip(".")
    cloud.iot.confirm_topic_rule_destination(confirmationToken=token)
    assert plan_state(state, cloud).steps == ()
    assert [item["arn"] for item in list_summaries(cloud)] == [before["arn"]]


def test_a_failed_destination_is_shown_with_its_reason_and_replaced(cloud):
    state = make_state(declare(BROKEN))
    (error,) = apply_without_pauses(state, cloud)
    assert str(error) == "AWS reports ERROR: The ID 'subnet-0' does not exist"
    plan = plan_state(state, cloud)
    notes = [note.text for note in plan.notes if note.address == ADDRESS]
    assert notes == ["AWS reports the status ERROR: The ID 'subnet-0' does not exist"]
    assert isinstance(find_change(state, cloud), Replace)
    converge(make_state(declare(NETWORK)), cloud)
    assert [item["vpcDestinationSummary"]["subnetIds"] for item in list_summaries(cloud)] == [
        ["subnet-1", "subnet-2"]
    ]
    assert len(list_marker_groups(cloud)) == 1


def test_a_network_destination_is_waited_for_until_it_exists_and_until_it_does_not():
    now = [0.0]
    cloud = Cloud()
    settings = evolve(SETTINGS, clock=lambda: now[0], topic_rule_destination_seconds=600)
    cloud.registry = Registry(":memory:", settings)

    def pause(seconds):
        now[0] += seconds

    for state, end in ((make_state(declare(evolve(NETWORK, status="DISABLED"))), 600), (make_state(), 1200)):
        outcomes = apply(plan_state(state, cloud), cloud, pause=pause)
        assert [outcome for outcome in outcomes if isinstance(outcome, Failed)] == []
        assert end <= now[0] < end + 20
        assert plan_state(state, cloud).steps == ()


def test_a_replaced_destination_takes_its_rules_along(cloud):
    rule = declare_rule(Action(kafka=KAFKA))
    converge(make_state(declare(NETWORK), rule), cloud)
    other = TopicRuleDestination(vpc=VpcDestination("vpc-2", ("subnet-1",), ROLE_ARN))
    converge(make_state(declare(other), rule), cloud)
    (action,) = cloud.iot.get_topic_rule(ruleName="r")["rule"]["actions"]
    assert [action["kafka"]["destinationArn"]] == [item["arn"] for item in list_summaries(cloud)]


def test_a_rule_whose_tags_change_follows_a_replaced_destination(cloud):
    rule = declare_rule(Action(kafka=KAFKA))
    converge(make_state(declare(NETWORK), rule), cloud)
    tagged = replace(rule, spec=evolve(rule.spec, tags={"line": "x"}))
    other = TopicRuleDestination(vpc=VpcDestination("vpc-2", ("subnet-1",), ROLE_ARN))
    converge(make_state(declare(other), tagged), cloud)
    (action,) = cloud.iot.get_topic_rule(ruleName="r")["rule"]["actions"]
    assert [action["kafka"]["destinationArn"]] == [item["arn"] for item in list_summaries(cloud)]


def test_a_rule_may_refer_to_a_destination_outside_the_file(cloud):
    configuration = {"vpcConfiguration": {"vpcId": "vpc-1", "subnetIds": ["subnet-1"], "roleArn": ROLE_ARN}}
    response = cloud.iot.create_topic_rule_destination(destinationConfiguration=configuration)
    arn = response["topicRuleDestination"]["arn"]
    converge(make_state(declare_rule(Action(kafka=evolve(KAFKA, destination=External(arn))))), cloud)
    (action,) = cloud.iot.get_topic_rule(ruleName="r")["rule"]["actions"]
    assert action["kafka"]["destinationArn"] == arn
    missing = External(f"{arn[:-36]}ffffffff-0000-0000-0000-ffffffffffff")
    state = make_state(declare_rule(Action(kafka=evolve(KAFKA, destination=missing))))
    assert get_rejection_reasons(state, cloud) == [
        (
            f"topic_rules.r: actions[0].kafka.destination: there is no topic rule destination '{missing.name}' in this "
            "account and Region; create it first, or correct the reference (<memory>:1)"
        )
    ]


def test_a_rule_is_created_after_the_destination_of_its_http_action_and_deleted_before(cloud):
    rule = declare_rule(Action(http=Http(f"{URL}/${{topic()}}", URL)))
    created = converge(make_state(declare(WEB), rule), cloud)
    deleted = plan_state(make_state(), cloud)
    orders = [
        [step.address.kind for step in plan.steps if step.address.kind.startswith("topic")]
        for plan in (created, deleted)
    ]
    assert orders == [["topic_rule_destinations", "topic_rules"], ["topic_rules", "topic_rule_destinations"]]
    assert list_failures(apply(deleted, cloud)) == []
