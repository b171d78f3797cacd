"""A plan checks that roles, functions and streams exist to which a change refers for the first time."""

from __future__ import annotations

import pytest

from reconciler.engine.plan.planner import make_plan
from reconciler.kinds.authorizers import Authorizer
from reconciler.kinds.base.outside_services import OUTSIDE_SERVICES, find_service_needs
from reconciler.kinds.managed_destinations import ManagedDestination
from reconciler.kinds.role_aliases import RoleAlias
from reconciler.kinds.shared.security_profile_spec import AlertTarget, SecurityProfile
from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_messaging_actions import Firehose, Kinesis
from reconciler.kinds.shared.topic_rule_service_actions import Lambda
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.change import Create
from reconciler.model.errors import AwsError, TargetError
from reconciler.model.plan import Note, Target
from reconciler.model.plan_options import PlanOptions
from tests.support.desired_states import (
    QUOTAS,
    ROLE_ARN,
    apply,
    converge,
    get_rejection_reasons,
    list_failures,
    make_resource,
    make_state,
)
from tests.support.outside_problems import place
from tests.support.registry_client import TARGET

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function"
STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream"
DELIVERY_STREAM_ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream"
ROLES = "arn:aws:iam::123456789012:role"


def make_alias(role_arn, name="a", line=7, **fields):
    return place(make_resource("role_aliases", name, RoleAlias(role_arn, **fields)), line)


def make_rule(*actions, line=7, **fields):
    return place(make_resource("topic_rules", "r", TopicRule("SELECT 1", actions, **fields)), line)


def make_authorizer(function_arn):
    return place(make_resource("authorizers", "f", Authorizer(function_arn, signing_disabled=True)))


def make_destination(stream_arn):
    return place(make_resource("managed_destinations", "d", ManagedDestination(stream_arn, ROLE_ARN)))


def describe_missing(noun, name, spelling="ARN"):
    return (
        f"there is no {noun} {name!r} in this account and Region; create it first, or correct the {spelling}"
    )


class Recorder:
    """Sends calls to a registry, and records those to services that are not the kinds'.

    `errors` has errors to raise, by operation.
    """

    def __init__(self, cloud, **errors):
        self.cloud, self.errors, self.calls = cloud, errors, []

    def __call__(self, call):
        if call.service not in OUTSIDE_SERVICES:
            return self.cloud.call(call)
        self.calls.append((call.operation, *call.params.values()))
        if call.operation in self.errors:
            raise self.errors[call.operation]
        return self.cloud.call(call)

    def plan(self, *resources):
        return make_plan(
            make_state(*resources),
            PlanOptions(),
            target=TARGET,
            call=self,
            quotas=QUOTAS,
            progress=lambda *_: None,
        )

    def list_notes(self, *resources):
        return [note for note in self.plan(*resources).notes if "not checked" in note.text]


@pytest.fixture
def recorder(cloud):
    return Recorder(cloud)


def make_error(operation, code, message="no"):
    return AwsError(service="iam", operation=operation, code=code, message=message, request_id="r")


NO_ROLE = "there is no IAM role 'missing-role' in this account; create it first, or correct the ARN"
NO_FUNCTION = describe_missing("Lambda function", "missing-function")
NO_ALIAS = (
    "the Lambda function 'check' has no version or alias 'missing-alias'; create it first, or correct the ARN"
)


@pytest.mark.parametrize(
    ("resource", "field", "problem"),
    [
        (make_alias(f"{ROLES}/missing-role"), "role_arn", NO_ROLE),
        (make_alias(f"{ROLES}/iot/devices/missing-role"), "role_arn", NO_ROLE),
        (make_authorizer(f"{FUNCTION_ARN}:missing-function"), "authorizer_function_arn", NO_FUNCTION),
        (make_authorizer(f"{FUNCTION_ARN}:missing-function:live"), "authorizer_function_arn", NO_FUNCTION),
        (make_authorizer(f"{FUNCTION_ARN}:check:missing-alias"), "authorizer_function_arn", NO_ALIAS),
        (
            make_destination(f"{STREAM_ARN}/missing-stream"),
            "delivery_destination_arn",
            describe_missing("Kinesis data stream", "missing-stream"),
        ),
        (
            make_rule(Action(kinesis=Kinesis("missing-stream", ROLE_ARN, partition_key="k"))),
            "actions[0].kinesis.stream_name",
            describe_missing("Kinesis data stream", "missing-stream", "name"),
        ),
        (
            make_rule(error_action=Action(firehose=Firehose("missing-stream", ROLE_ARN))),
            "error_action.firehose.delivery_stream_name",
            describe_missing("Firehose delivery stream", "missing-stream", "name"),
        ),
    ],
)
def test_a_reference_to_a_missing_resource_of_another_service_rejects_the_plan(
    cloud, resource, field, problem
):
    assert get_rejection_reasons(make_state(resource), cloud) == [
        f"{resource.address}: {field}: {problem} (fleet.toml:7)"
    ]


@pytest.mark.parametrize(
    ("resource", "calls"),
    [
        (make_alias(f"{ROLES}/iot/devices"), [("GetRole", "devices")]),
        (make_authorizer(f"{FUNCTION_ARN}:check"), [("GetFunctionConfiguration", "check")]),
        (make_authorizer(f"{FUNCTION_ARN}:check:live"), [("GetFunctionConfiguration", "check", "live")]),
        (
            make_authorizer(f"{FUNCTION_ARN}:check:$LATEST"),
            [("GetFunctionConfiguration", "check", "$LATEST")],
        ),
        (
            make_destination(f"{STREAM_ARN}/events"),
            [("DescribeStreamSummary", "events"), ("GetRole", "provisioning")],
        ),
        (
            make_rule(
                Action(firehose=Firehose("events", ROLE_ARN)),
                Action(lambda_function=Lambda(f"{FUNCTION_ARN}:f")),
            ),
            [
                ("DescribeDeliveryStream", "events"),
                ("GetFunctionConfiguration", "f"),
                ("GetRole", "provisioning"),
            ],
        ),
    ],
)
def test_a_reference_to_an_existing_resource_is_read_once_and_accepted(recorder, resource, calls):
    plan = recorder.plan(resource)
    assert sorted(recorder.calls) == calls
    assert list_failures(apply(plan, recorder.cloud)) == []


@pytest.mark.parametrize(
    "resource",
    [
        make_alias(f"{ROLES}/missing-role".replace("123456789012", "999999999999")),
        make_alias(f"{ROLES}/missing-role".replace(":aws:", ":aws-cn:")),
        make_alias("missing-role"),
        make_authorizer(f"{FUNCTION_ARN}:missing-function".replace("eu-west-1", "us-east-1")),
        make_authorizer(f"{FUNCTION_ARN}:missing-function".replace("123456789012", "999999999999")),
        make_rule(Action(lambda_function=Lambda(FUNCTION_ARN + ":${topic(2)}"))),
        make_rule(Action(lambda_function=Lambda(FUNCTION_ARN + ":missing-${topic(2)}"))),
    ],
)
def test_resources_in_another_place_and_substitution_templates_are_not_read(recorder, resource):
    recorder.plan(resource)
    assert recorder.calls == []


def test_a_stream_whose_name_is_a_substitution_template_is_not_read(recorder):
    kinesis = Action(kinesis=Kinesis("missing-${topic(2)}", ROLE_ARN, partition_key="k"))
    recorder.plan(make_rule(kinesis, Action(firehose=Firehose("missing-${topic(2)}", ROLE_ARN))))
    assert recorder.calls == [("GetRole", "provisioning")]


def test_all_problems_are_reported_together_with_their_places(cloud):
    missing_role = f"{ROLES}/missing-role"
    kinesis = Action(kinesis=Kinesis("missing-stream", missing_role, partition_key="k"))
    aliases = [make_alias(missing_role, name, line) for line, name in enumerate("abcde", start=1)]
    assert get_rejection_reasons(make_state(*aliases, make_rule(kinesis, line=9)), cloud) == [
        (
            "role_aliases.a: role_arn: there is no IAM role 'missing-role' in this account; create it first, or correct the ARN "
            "(fleet.toml:1); the same applies to role_aliases.b, role_aliases.c, role_aliases.d and 2 more"
        ),
        (
            "topic_rules.r: actions[0].kinesis.stream_name: there is no Kinesis data stream 'missing-stream' in this account and "
            "Region; create it first, or correct the name (fleet.toml:9)"
        ),
    ]


def test_a_resource_that_many_changes_refer_to_is_read_once(recorder):
    recorder.plan(*(make_alias(ROLE_ARN, f"alias-{number}") for number in range(100)))
    assert recorder.calls == [("GetRole", "provisioning")]


def test_only_new_values_are_read(recorder):
    converge(make_state(make_alias(ROLE_ARN), make_authorizer(f"{FUNCTION_ARN}:check")), recorder.cloud)
    authorizer = make_authorizer(f"{FUNCTION_ARN}:check")
    recorder.plan(make_alias(ROLE_ARN), authorizer)
    assert recorder.calls == []
    recorder.plan(make_alias(ROLE_ARN, credential_duration_seconds=900), authorizer)
    assert recorder.calls == []
    recorder.plan(make_alias(f"{ROLES}/devices"), authorizer)
    assert recorder.calls == [("GetRole", "devices")]


def test_a_value_in_a_map_is_read_when_it_is_new(recorder):
    def make_profile(role_arn):
        target = AlertTarget("arn:aws:sns:eu-west-1:123456789012:alerts", role_arn)
        return make_resource("security_profiles", "s", SecurityProfile(alert_targets={"SNS": target}))

    converge(make_state(make_profile(f"{ROLES}/a")), recorder.cloud)
    recorder.plan(make_profile(f"{ROLES}/b"))
    assert recorder.calls == [("GetRole", "b")]


def test_a_deletion_reads_nothing_in_other_services(recorder):
    converge(make_state(make_alias(ROLE_ARN)), recorder.cloud)
    recorder.plan(make_resource("thing_groups", "g", ThingGroup()))
    assert recorder.calls == []


def test_a_missing_permission_to_read_a_role_or_function_is_noted(cloud):
    errors = {
        "GetRole": make_error("GetRole", "AccessDenied"),
        "GetFunctionConfiguration": make_error("GetFunctionConfiguration", "AccessDeniedException"),
    }
    recorder = Recorder(cloud, **errors)
    text = (
        "references outside the file were not checked: the caller has no permission for iam:GetRole, "
        "lambda:GetFunctionConfiguration; `reconciler permissions --for plan` prints what a plan needs"
    )
    resources = make_alias(f"{ROLES}/missing-role"), make_authorizer(f"{FUNCTION_ARN}:missing-function")
    assert recorder.list_notes(*resources) == [Note("warning", text)]


def test_services_that_do_not_respond_are_noted_and_do_not_reject_the_plan(cloud):
    errors = {
        "GetRole": TargetError("iam:GetRole got no response: cannot connect to https://iam.amazonaws.com"),
        "GetFunctionConfiguration": make_error("X", "UnknownOperationException", "No such operation."),
    }
    text = (
        "references outside the file were not checked: iam:GetRole got no response: cannot connect to "
        "https://iam.amazonaws.com; iam:X failed with UnknownOperationException: No such operation"
    )
    resources = make_alias(f"{ROLES}/missing-role"), make_authorizer(f"{FUNCTION_ARN}:missing-function")
    assert Recorder(cloud, **errors).list_notes(*resources) == [Note("warning", text)]


def test_a_service_that_does_not_respond_is_not_called_hundreds_of_times(cloud):
    recorder = Recorder(cloud, GetRole=TargetError("no response"))
    recorder.plan(*(make_alias(f"{ROLES}/role-{number}", f"alias-{number}") for number in range(400)))
    assert len(recorder.calls) <= 32


def find_role_problem(arn, target, live_arn):
    """Return the problem of a role with the ARN `live_arn` to which a new role alias refers as `arn`."""
    (need,) = find_service_needs(Create(make_alias(arn)), target)
    read = need.read()
    assert [call.params for call in next(read)] == [{"RoleName": "devices"}]
    with pytest.raises(StopIteration) as stop:
        read.send([{"Role": {"Arn": live_arn}}])
    return stop.value.value


@pytest.mark.parametrize("path", ["", "iot/", "iot/fleet/"])
def test_a_role_with_another_path_is_an_error_that_names_its_arn(path):
    aws, live_arn = Target("aws", "eu-west-1", "123456789012"), f"{ROLES}/iot/prod/devices"
    problem = f"the IAM role 'devices' has the ARN '{live_arn}'; correct the path"
    assert find_role_problem(f"{ROLES}/{path}devices", aws, live_arn) == problem
    assert find_role_problem(live_arn, aws, live_arn) is None


@pytest.mark.parametrize("endpoint", ["embedded", "http://127.0.0.1:4714"])
def test_the_path_of_a_role_is_not_compared_in_a_registry_on_this_machine(endpoint):
    target = Target(endpoint, "eu-west-1", "123456789012")
    assert find_role_problem(f"{ROLES}/iot/devices", target, f"{ROLES}/devices") is None
