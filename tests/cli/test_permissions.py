"""The IAM policy of a file: it allows all calls that the commands send for the file, and few others."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given
from msgspec.structs import replace

from reconciler.aws.caller import Caller
from reconciler.aws.iam import (
    MAX_POLICY_CHARACTERS,
    SecretAccess,
    build_iam_policy,
    group_actions_by_resources,
    to_iam_action,
)
from reconciler.engine.permissions.operations import (
    PURPOSES,
    find_needed_operations,
    find_needed_roles,
    find_outside_arns,
)
from reconciler.model.plan import Target
from reconciler.model.secret import StoredSecret
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import (
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.examples import examples
from tests.support.registry_client import PLAIN_APIS, TARGET, Cloud


class RecordingCloud(Cloud):
    """A registry that records the IAM actions of all calls, such as `iot:CreateThing`."""

    def __init__(self) -> None:
        super().__init__()
        self.actions: set[str] = set()
        send = self.call

        def call(api_call):
            self.actions.add(to_iam_action(api_call.service, api_call.operation))
            return send(api_call)

        self.call = call

    def record_actions(self, function, *args, **options):
        """Call a function, and return the actions of the calls that it sends to this registry."""
        self.actions = set()
        function(*args, **options)
        return self.actions


def list_allowed_actions(desired, purpose):
    """Return the actions that the policy of a desired state allows for a purpose.

    The purpose is `plan`, `apply` or `destroy`.
    """
    outside_arns = find_outside_arns(desired.resources, TARGET)
    policy = build_iam_policy(
        find_needed_operations(desired, purpose),
        TARGET,
        outside_arns=outside_arns if purpose != "destroy" else None,
    )
    return {action for statement in policy["Statement"] for action in statement["Action"]}


FLEET = make_state(
    make_ca(), *make_device("a", site="oslo"), *make_device("b"), make_managed_thing("m", thing="a")
)


def make_changed_fleet(*, generation=1, code="90001", **attributes):
    """Return the fleet with another certificate, setup code or attribute."""
    return make_state(
        make_ca(),
        *make_device("a", generation, **attributes),
        *make_device("b"),
        make_managed_thing("m", code, thing="a"),
    )


def run_many_changes(cloud):
    """Create the fleet, apply it again unchanged, change it in many ways, and destroy it."""
    converge(FLEET, cloud)
    converge(FLEET, cloud)
    converge(make_changed_fleet(site="bergen"), cloud)
    converge(make_changed_fleet(generation=2), cloud)
    converge(make_changed_fleet(code="90002"), cloud)
    renamed = make_managed_thing("m", "90002", thing="a", tags={"line": "A"})
    renamed = replace(renamed, spec=evolve(renamed.spec, name="M"))
    converge(make_state(make_ca(tags={"line": "A"}), *make_device("a"), renamed), cloud)
    converge(
        make_state(
            make_ca(auto_registration=True), *make_device("a"), make_managed_thing("m", "90002", thing="a")
        ),
        cloud,
    )
    converge(FLEET, cloud)
    converge(FLEET, cloud, destroy=True)


UNUSED_ACTIONS = {
    "iot:AddThingToBillingGroup": "the file has no billing group",
    "iot:AttachSecurityProfile": "the file has no security profile",
    "iot:CreateCertificateFromCsr": "the file has no signing request",
    "iot:CreateKeysAndCertificate": "the file has no certificate whose key AWS creates",
    "iot:RemoveThingFromBillingGroup": "the file has no billing group",
    "iot:RemoveThingFromThingGroup": "the file has no group",
    "iot:DetachPolicy": "the file has no policy",
    "iot:CreatePolicyVersion": "the workspace's policy was not changed",
    "iot:DeletePolicyVersion": "the workspace's policy was not changed five times",
    "iot:RegisterCertificateWithoutCA": "all certificates have a CA",
    "iot:UpdateThingGroup": "the workspace's group was not changed",
}
"""The write actions that the policy allows and `run_many_changes` does not call, each with the reason.

"The workspace's" policy and group are its ownership markers; the file declares neither.
"""


def test_the_policy_allows_what_changes_of_a_fleet_send_and_little_else():
    cloud = RecordingCloud()
    sent_actions = cloud.record_actions(run_many_changes, cloud)
    assert sent_actions - list_allowed_actions(FLEET, "apply") == set()
    writes = list_allowed_actions(FLEET, "apply") - list_allowed_actions(FLEET, "plan")
    assert writes - sent_actions == UNUSED_ACTIONS.keys()


def test_the_policy_of_a_plan_allows_what_a_plan_sends_and_only_reads():
    cloud = RecordingCloud()
    converge(FLEET, cloud)
    actions = cloud.record_actions(plan_state, make_changed_fleet(generation=2, site="bergen"), cloud)
    assert actions - list_allowed_actions(FLEET, "plan") == set()
    # The first four letters: of ListThings, DescribeThing, GetAccountAssociation, GetCredentialLocker, GetDestination, GetEventLogConfiguration, GetHubConfiguration, GetIndexingConfiguration, GetManagedThing, GetNotificationConfiguration, GetPolicy, GetRegistrationCode, GetTopicRule, GetV2LoggingOptions and similar actions.
    assert {action.partition(":")[2][:4] for action in list_allowed_actions(FLEET, "plan")} == {
        "List",
        "Desc",
        "GetA",
        "GetC",
        "GetD",
        "GetE",
        "GetH",
        "GetI",
        "GetM",
        "GetN",
        "GetP",
        "GetR",
        "GetT",
        "GetV",
    }


def test_the_policy_of_a_destroy_allows_what_a_destroy_sends_and_creates_only_policy_versions():
    cloud = RecordingCloud()
    converge(FLEET, cloud)
    actions = cloud.record_actions(converge, FLEET, cloud, destroy=True)
    assert actions - list_allowed_actions(FLEET, "destroy") == set()
    creating_actions = {
        action
        for action in list_allowed_actions(FLEET, "destroy")
        if "Create" in action or "Register" in action
    }
    assert creating_actions == {"iot:CreatePolicyVersion"}


@examples(6)
@given(desired_states(), desired_states())
def test_a_change_from_one_file_to_another_is_allowed_by_their_policies(before, after):
    cloud = RecordingCloud()
    converge(before, cloud)
    actions = cloud.record_actions(converge, after, cloud)
    assert actions - (list_allowed_actions(before, "apply") | list_allowed_actions(after, "apply")) == set()


def test_the_commands_send_only_allowed_actions_including_those_of_the_lease(run_in_starter, monkeypatch):
    actions = set()
    send = Caller.__call__

    def record_and_send(self, call, *args, **options):
        actions.add(to_iam_action(call.service, call.operation))
        return send(self, call, *args, **options)

    monkeypatch.setattr(Caller, "__call__", record_and_send)
    for purpose, *words in (
        ("apply", "apply", "--yes"),
        ("plan", "plan"),
        ("plan", "drift"),
        ("plan", "export"),
        ("destroy", "destroy", "--yes"),
    ):
        statements = json.loads(run_in_starter("permissions", "--for", purpose)[1])["Statement"]
        actions.clear()
        assert run_in_starter(*words)[0] == 0
        assert actions - {action for item in statements for action in item["Action"]} == set(), words


def test_roles_are_passed_by_arn_and_only_to_aws_iot():
    role = "arn:aws:iam::123456789012:role/provisioning"
    policy = build_iam_policy({"Read": [], "Write": []}, TARGET, [role])
    assert policy["Statement"] == [
        {
            "Sid": "PassRole",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [role],
            "Condition": {
                "StringEquals": {
                    "iam:PassedToService": ["iot.amazonaws.com", "credentials.iot.amazonaws.com"]
                }
            },
        }
    ]


def build_resources_of_other_services():
    """Return resources that refer to roles, a function and streams, one in another account."""
    from reconciler.kinds.authorizers import Authorizer
    from reconciler.kinds.mitigation_actions import ActionParams, EnableIotLogging, MitigationAction
    from reconciler.kinds.role_aliases import RoleAlias
    from reconciler.kinds.shared.security_profile_spec import AlertTarget, SecurityProfile
    from reconciler.kinds.shared.topic_rule_actions import Action
    from reconciler.kinds.shared.topic_rule_messaging_actions import Firehose, Kinesis, Sqs
    from reconciler.kinds.topic_rules import TopicRule

    role = "arn:aws:iam::123456789012:role"
    foreign_role = "arn:aws:iam::999999999999:role/devices"
    function = "arn:aws:lambda:eu-west-1:123456789012:function:check:live"
    actions = (
        Action(sqs=Sqs("q", f"{role}/rules")),
        Action(kinesis=Kinesis("events", f"{role}/rules", partition_key="k")),
        Action(firehose=Firehose("${topic(2)}", f"{role}/rules")),
    )
    target = AlertTarget("arn:aws:sns:eu-west-1:123456789012:a", f"{role}/alerts")
    logging = ActionParams(enable_iot_logging_params=EnableIotLogging(f"{role}/logging", "INFO"))
    return make_state(
        make_resource("role_aliases", "r", RoleAlias(f"{role}/iot/devices")),
        make_resource("role_aliases", "s", RoleAlias(foreign_role)),
        make_resource("authorizers", "a", Authorizer(function, signing_disabled=True)),
        make_resource("topic_rules", "r", TopicRule("SELECT 1", actions)),
        make_resource("security_profiles", "s", SecurityProfile(alert_targets={"SNS": target})),
        make_resource("mitigation_actions", "m", MitigationAction(f"{role}/mitigation", logging)),
        make_ca(),
    ).resources


OUTSIDE_ARNS = {
    ("iam", "GetRole"): {
        f"arn:aws:iam::123456789012:role/{name}"
        for name in ("alerts", "iot/devices", "logging", "mitigation", "rules")
    },
    ("kinesis", "DescribeStreamSummary"): {"arn:aws:kinesis:eu-west-1:123456789012:stream/events"},
    ("lambda", "GetFunctionConfiguration"): {
        "arn:aws:lambda:eu-west-1:123456789012:function:check",
        "arn:aws:lambda:eu-west-1:123456789012:function:check:live",
    },
}


def test_the_needed_roles_are_those_in_the_file():
    roles = {*OUTSIDE_ARNS["iam", "GetRole"], "arn:aws:iam::999999999999:role/devices"}
    assert find_needed_roles(build_resources_of_other_services()) == roles


def test_the_policy_allows_reading_exactly_the_roles_functions_and_streams_that_plans_check():
    arns = find_outside_arns(build_resources_of_other_services(), TARGET)
    assert arns == OUTSIDE_ARNS
    assert build_iam_policy({}, TARGET, outside_arns=arns)["Statement"] == [
        {
            "Sid": "ReadOutside",
            "Effect": "Allow",
            "Action": ["iam:GetRole", "kinesis:DescribeStreamSummary", "lambda:GetFunctionConfiguration"],
            "Resource": sorted(arn for group in OUTSIDE_ARNS.values() for arn in group),
        }
    ]


def test_all_resources_of_other_services_are_named_if_the_account_is_not_known():
    unknown = Target("aws", "eu-west-1", "ACCOUNT")
    arns = find_outside_arns(build_resources_of_other_services(), unknown)
    assert arns["iam", "GetRole"] == find_needed_roles(build_resources_of_other_services())
    assert arns["kinesis", "DescribeStreamSummary"] == {"arn:aws:kinesis:eu-west-1:ACCOUNT:stream/events"}


@pytest.mark.parametrize(("purpose", "is_read"), [("plan", 1), ("apply", 1), ("show", 0), ("destroy", 0)])
def test_plans_and_applies_may_read_the_roles_of_the_file(run_in_starter, tmp_path, purpose, is_read):
    with (tmp_path / "desired_state.toml").open("a") as file:
        file.write('\n[role_aliases.devices]\nrole_arn = "arn:aws:iam::{aws.account}:role/devices"\n')
    statements = json.loads(run_in_starter("permissions", "--for", purpose)[1])["Statement"]
    resources = [item["Resource"] for item in statements if item["Sid"] == "ReadOutside"]
    assert resources == [["arn:aws:iam::123456789012:role/devices"]] * is_read


def test_actions_are_limited_to_the_account_and_resource_types_if_iam_can_limit_them():
    # IAM cannot limit ListThings. DescribeThing is needed for writes too, but allowed only once.
    policy = build_iam_policy(
        {"Read": [("iot", "ListThings"), ("iot", "DescribeThing")], "Write": [("iot", "DescribeThing")]},
        Target("aws", "cn-north-1", "210987654321"),
    )
    assert policy["Statement"] == [
        {"Sid": "ReadAny", "Effect": "Allow", "Action": ["iot:ListThings"], "Resource": ["*"]},
        {
            "Sid": "ReadIot",
            "Effect": "Allow",
            "Action": ["iot:DescribeThing"],
            "Resource": ["arn:aws-cn:iot:cn-north-1:210987654321:thing/*"],
        },
    ]


@pytest.mark.parametrize("table", PLAIN_APIS)
def test_the_policy_allows_the_tags_of_every_plain_kind(table):
    def list_arns(operation):
        (arns,) = group_actions_by_resources([("iot", operation)], TARGET)
        return set(arns)

    created_arns = list_arns(PLAIN_APIS[table].create)
    assert created_arns & list_arns("TagResource") != set()
    assert created_arns & list_arns("ListTagsForResource") != set()


def test_the_policy_names_the_secrets_that_the_file_refers_to():
    arn = "arn:aws:secretsmanager:us-east-1:999999999999:secret:shared-Ab12Cd"
    stored = [
        StoredSecret("ssm", "/iot/code:3"),
        StoredSecret("ssm", "plain"),
        StoredSecret("secretsmanager", "iot/codes", "a"),
        StoredSecret("secretsmanager", "iot/codes", "b"),
    ]

    target = Target("aws", "eu-west-1", "210987654321")

    def list_statements(secrets):
        return build_iam_policy({}, target, secrets=secrets)["Statement"]

    read_parameters = {
        "Sid": "ReadParameters",
        "Effect": "Allow",
        "Action": ["ssm:GetParameters"],
        "Resource": [
            "arn:aws:ssm:eu-west-1:210987654321:parameter/iot/code",
            "arn:aws:ssm:eu-west-1:210987654321:parameter/plain",
        ],
    }
    codes = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:iot/codes-??????"
    read_secrets = {"Sid": "ReadSecrets", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"]}
    assert list_statements(SecretAccess(stored)) == [read_parameters, {**read_secrets, "Resource": [codes]}]
    assert list_statements(SecretAccess([*stored, StoredSecret("secretsmanager", arn)])) == [
        read_parameters,
        {**read_secrets, "Resource": [codes, arn]},
        {
            "Sid": "ReadSecretsInBulk",
            "Effect": "Allow",
            "Action": ["secretsmanager:BatchGetSecretValue"],
            "Resource": ["*"],
        },
    ]
    keys = ["arn:aws:secretsmanager:eu-west-1:210987654321:secret:iot/key-??????"]
    describe = {
        "Sid": "DescribeKeySecrets",
        "Effect": "Allow",
        "Action": ["secretsmanager:DescribeSecret"],
        "Resource": keys,
    }
    create_actions = ["secretsmanager:CreateSecret", "secretsmanager:TagResource"]
    create = {"Sid": "CreateKeySecrets", "Effect": "Allow", "Action": create_actions, "Resource": keys}
    assert list_statements(SecretAccess(describe=["iot/key"], create=["iot/key"])) == [describe, create]


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_the_command_prints_a_policy_within_iams_size_limit(run_in_starter, purpose):
    code, out, err = run_in_starter("permissions", "--for", purpose)
    warning = (
        "warning: the policy names account 123456789012 of the embedded registry;"
        ' replace it, or set target = "aws" and run the command with AWS credentials'
    )
    assert (code, " ".join(err.split())) == (0, warning)
    assert json.loads(out)["Version"] == "2012-10-17"
    assert len("".join(out.split())) < MAX_POLICY_CHARACTERS


def test_without_credentials_the_policy_has_a_placeholder_for_the_account(
    run_in_starter, tmp_path, monkeypatch
):
    text = (tmp_path / "desired_state.toml").read_text().replace('"embedded"', '"aws"')
    (tmp_path / "desired_state.toml").write_text(text)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    code, out, err = run_in_starter("permissions", "--for", "plan")
    assert (code, err.splitlines()[-1]) == (0, "replace ACCOUNT in the policy")
    assert "arn:aws:iot:eu-west-1:ACCOUNT:thing/*" in json.loads(out)["Statement"][1]["Resource"]
