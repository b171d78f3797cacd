"""Policy documents: their grammar, warnings, and the agreement with the embedded registry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from reconciler.kinds.policies import Policy
from reconciler.kinds.shared.policy_grammar import find_grammar_problems
from reconciler.kinds.shared.policy_linter import find_policy_warnings
from reconciler.kinds.shared.policy_vocabulary import ACTIONS
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.document import Document
from reconciler.registry.errors import ApiError
from reconciler.registry.policy_documents import require_document
from tests.support.desired_states import make_resource
from tests.support.examples import examples
from tests.support.kind_driver import list_problems
from tests.support.policy_documents import (
    ACCEPTED,
    INVALID_RESOURCES,
    REJECTED,
    STATEMENT,
    almost_valid_policies,
    make_policy,
)
from tests.support.service_models import create_session

ARN = "arn:aws:iot:eu-west-1:123456789012"
THING_NAME = "${iot:Connection.Thing.ThingName}"


def list_grammar_problems(policy):
    return [str(problem) for problem in find_grammar_problems(json.dumps(policy))]


def list_warning_codes(*statements, **members):
    warnings = find_policy_warnings(
        json.dumps({"Version": "2012-10-17", "Statement": [*statements], **members})
    )
    assert {warning.severity for warning in warnings} <= {"warning"}
    return [warning.code for warning in warnings]


def allow(action, resource, **members):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_document_that_aws_accepts_has_no_grammar_problem(name):
    assert list_grammar_problems(ACCEPTED[name]) == []


@pytest.mark.parametrize("name", REJECTED)
def test_a_document_that_aws_rejects_is_reported_with_its_path_and_the_nearest_name(name):
    document, problems = REJECTED[name]
    assert list_grammar_problems(document) == problems


@pytest.mark.parametrize("resource", INVALID_RESOURCES)
def test_a_resource_that_is_not_an_arn_is_a_problem(resource):
    assert list_grammar_problems(make_policy({**STATEMENT, "Resource": ["*", resource]})) == [
        f"Statement[0].Resource[1]: {resource!r} is not valid here; expected an ARN, or *"
    ]


@examples(100)
@given(almost_valid_policies())
def test_validate_and_the_registry_reject_the_same_documents(policy):
    text = json.dumps(policy)
    rejected_by = {"validate"} if find_grammar_problems(text) else set()
    try:
        require_document(text)
    except ApiError:
        rejected_by.add("registry")
    assert rejected_by in (set(), {"validate", "registry"})


def test_a_policy_is_checked_with_the_paths_of_its_document():
    policy = Policy(Document.from_value({"Statement": [{**STATEMENT, "Effect": "Alow"}]}))
    assert list_problems(make_resource("policies", "p", policy)) == [
        (
            "document.Statement[0].Effect: the string 'Alow' is not a valid effect; expected one of 'Allow', 'Deny'; "
            "did you mean 'Allow'?"
        )
    ]


def test_a_document_that_is_too_long_has_this_problem_only():
    policy = Policy(Document.from_value({"Statement": ["x" * 2048]}))
    assert list_problems(make_resource("policies", "p", policy)) == [
        "document: 2,066 characters in the policy document, without white space; expected at most 2,048"
    ]


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        (allow("*", "*"), ["policy-full-wildcard"]),
        (allow(["iot:Connect", "iot:*"], ["*"]), ["policy-full-wildcard"]),
        (allow("iot:*", f"{ARN}:thing/a"), ["policy-all-actions"]),
        (
            allow("iot:*", f"{ARN}:*"),
            [
                "policy-all-actions",
                "policy-publish-every-topic",
                "policy-subscribe-every-topic",
                "policy-any-client-id",
            ],
        ),
        (allow("iot:Publish", "*"), ["policy-publish-every-topic"]),
        (allow("iot:Pub*", f"{ARN}:topic/*"), ["policy-publish-every-topic"]),
        (allow("iot:Publish", f"{ARN}:topic/{THING_NAME}/*"), []),
        (allow("iot:Subscribe", f"{ARN}:topicfilter/#"), ["policy-subscribe-every-topic"]),
        (
            allow("iot:Subscribe", [f"{ARN}:topicfilter/a", f"{ARN}:topicfilter/*"]),
            ["policy-subscribe-every-topic"],
        ),
        (allow("iot:Receive", f"{ARN}:topic/*"), []),
        (allow("iot:Connect", f"{ARN}:client/*"), ["policy-any-client-id"]),
        (allow("iot:Connect", f"{ARN}:client/${{iot:ClientId}}"), ["policy-any-client-id"]),
        (allow("iot:Publish", f"{ARN}:topic/${{iot:ClientId}}/*"), []),
        (allow("iot:Connect", f"{ARN}:client/{THING_NAME}"), []),
        (allow("iot:Connect", "*", Condition={"Bool": {"iot:Connection.Thing.IsAttached": "true"}}), []),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, []),
        (allow("iot:Subscribe", f"{ARN}:topic/a"), ["policy-wrong-resource"]),
        (allow("iot:subscribe", f"{ARN}:topic/a"), ["policy-wrong-resource"]),
        (allow("greengrass:Discover", f"{ARN}:thing/{THING_NAME}"), ["policy-greengrass-thing-variable"]),
        (allow(["iot:Publish", "iot:Subscribe"], [f"{ARN}:topic/a", f"{ARN}:topicfilter/a"]), []),
        (allow("iot:Subscribe", f"{ARN}:topic*"), []),
        (allow("iot:Conect", f"{ARN}:client/a"), ["policy-unknown-action"]),
        (allow("iot:6", "*"), ["policy-unknown-action"]),
        (allow("iot:CreateThing", f"{ARN}:thing/a"), ["policy-unknown-action"]),
        (allow("iot:Connect", f"{ARN}:client/${{iot:ThingName}}"), ["policy-unknown-variable"]),
        (
            {"Effect": "Allow", "NotAction": "iot:Publish", "Resource": "*"},
            ["policy-negated-element"],
        ),
    ],
)
def test_a_policy_that_allows_too_much_or_cannot_work_has_warnings(statement, codes):
    assert list_warning_codes(statement) == codes


def test_a_policy_of_core_devices_has_no_thing_policy_variables():
    for_cores = allow("greengrass:*", "*")
    is_attached = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    code = "policy-greengrass-thing-variable"
    assert list_warning_codes(for_cores, allow("iot:Connect", f"{ARN}:client/{THING_NAME}*")) == [code]
    assert list_warning_codes(for_cores, allow("iot:Connect", f"{ARN}:client/a", Condition=is_attached)) == [
        code
    ]
    assert list_warning_codes(for_cores, allow("iot:Connect", f"{ARN}:client/core*")) == []
    document = {"Version": "2012-10-17", "Statement": [for_cores, allow("iot:Connect", f"{ARN}:client/*")]}
    (warning,) = find_policy_warnings(json.dumps(document))
    assert (warning.code, warning.expected) == ("policy-any-client-id", "client/NAME*")


def test_a_client_device_that_discovers_cores_may_have_thing_policy_variables():
    discovers = allow("greengrass:Discover", f"{ARN}:thing/a")
    assert list_warning_codes(discovers, allow("iot:Connect", f"{ARN}:client/{THING_NAME}")) == []


def test_variables_without_the_version_that_knows_them_are_a_warning():
    statement = allow("iot:Connect", f"{ARN}:client/{THING_NAME}")
    assert list_warning_codes(statement, Version="2008-10-17") == ["policy-old-version"]


def test_a_policy_without_statements_is_a_warning():
    assert list_warning_codes() == ["policy-no-statement"]


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("iot:Clientid", None),
        ("iot:ClientID2", "${iot:ClientId}"),
        ("iot:ThingName", THING_NAME),
        ("x:y", None),
    ],
)
def test_an_unknown_variable_is_reported_with_the_nearest_one(variable, nearest):
    text = json.dumps(make_policy(allow("iot:Publish", f"{ARN}:topic/${{{variable}}}")))
    warnings = find_policy_warnings(text)
    is_known = variable == "iot:Clientid"  # variables are not case-sensitive
    assert [warning.nearest for warning in warnings] == ([] if is_known else [nearest])


@pytest.mark.parametrize(("service", "prefix"), [("iot-data", "iot"), ("iot-jobs-data", "iotjobsdata")])
def test_every_operation_of_the_data_planes_is_a_known_action(service, prefix):
    model = create_session().get_service_model(service)
    assert {f"{prefix}:{name}" for name in model.operation_names} <= {*ACTIONS}


def test_a_greengrass_policy_on_a_thing_group_is_a_warning():
    policies = {
        "core": allow(["greengrass:GetComponentVersionArtifact"], "*"),
        "all": allow("greengrass:*", "*"),
        "connect": allow("iot:Connect", f"{ARN}:client/a"),
    }
    others = [
        make_resource("policies", name, Policy(Document.from_value(make_policy(statement))))
        for name, statement in policies.items()
    ]
    group = make_resource("thing_groups", "g", ThingGroup(policies=("connect", "core", "all")))
    expected = "expected the policy on the certificates of the core devices"
    assert list_problems(group, *others) == [
        f"policies[{index}]: '{name}' allows actions of AWS IoT Greengrass, which AWS does not grant through a thing group; "
        f"{expected}"
        for index, name in ((1, "core"), (2, "all"))
    ]
