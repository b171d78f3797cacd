"""`reconciler output`: IDs, ARNs and endpoints of managed resources, in formats that other tools read."""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import SelectionError, Workspace
from reconciler.engine.outputs import Outputs, collect_outputs
from reconciler.engine.plan.compare import compare_states
from reconciler.engine.plan.refresh import refresh
from reconciler.kinds import all_kinds
from reconciler.model.address import Address
from reconciler.model.errors import AwsError, ReconcilerError
from reconciler.model.text import escape_invisible
from reconciler.render.text.outputs import render_output_csv, render_output_env, render_output_text
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import converge
from tests.support.examples import examples
from tests.support.registry_client import TARGET, Cloud

ARN = "arn:aws:iot:eu-west-1:123456789012:thing/pump-1"


@pytest.fixture
def run_applied(run_in_applied_starter):
    """Return `run` for the starter's folder, with its desired state applied."""
    return run_in_applied_starter


def test_json_has_the_endpoints_and_the_selected_resources(run_applied):
    document = json.loads(run_applied("output", "things.pump-1", "--format", "json")[1])
    assert document["resources"] == {"things.pump-1": {"id": "pump-1", "arn": ARN}}
    iot = Workspace("desired_state.toml").client("iot")
    assert (
        document["endpoints"]["data"] == iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    )
    assert sorted(document["endpoints"]) == ["credential_provider", "data", "jobs"]


def test_text_and_csv_have_a_line_for_each_value(run_applied):
    lines = run_applied("output", "things.pump-1")[1].splitlines()
    assert (lines[0], lines[-3:]) == ("endpoints", ["things.pump-1", "  id   pump-1", f"  arn  {ARN}"])
    rows = list(csv.reader(io.StringIO(run_applied("output", "things", "--format", "csv")[1])))
    assert rows[:2] == [["address", "id", "arn"], ["things.pump-1", "pump-1", ARN]]


def test_a_shell_can_source_the_variables(run_applied, tmp_path):
    (tmp_path / "outputs.env").write_text(run_applied("output", "--format", "env")[1])
    script = '. ./outputs.env; printf "%s" "$THINGS_PUMP_1_ARN"'
    process = subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert process.stdout == ARN


def test_the_python_api_returns_the_same_values(run_applied, tmp_path):
    outputs = Workspace(tmp_path / "desired_state.toml").output(["things.pump-1"])
    assert outputs.resources == {"things.pump-1": {"id": "pump-1", "arn": ARN}}
    with pytest.raises(SelectionError):
        Workspace(tmp_path / "desired_state.toml").output(["things.pump-9"])


def test_resources_that_are_not_managed_have_no_output(run_in_starter):
    code, out, err = run_in_starter("output", "things.pump-1")
    problem = "'things.pump-1': selects no live resource that this workspace manages"
    assert (code, out, err) == (1, "", f"error: nothing to output\n  - {problem}\n")


TABLES_WITHOUT_ARN = {
    "cloud_connectors",
    "connector_destinations",
    "event_log_configurations",
    "managed_destinations",
    "notification_configurations",
}
"""The tables of resources of which AWS reports an ID, but no ARN."""


@examples(5)
@given(desired_states())
def test_every_managed_resource_has_the_id_and_the_arn_that_aws_reports(fleet):
    cloud = Cloud()
    converge(fleet, cloud)
    comparison = compare_states(fleet, refresh(fleet, cloud.call, ignore), ignore)
    outputs = collect_outputs("ws", TARGET, comparison, lambda _: {"endpointAddress": "host"})
    assert outputs.resources.keys() == set(map(str, fleet.resources))
    arns = []
    for address, values in outputs.resources.items():
        table = Address.parse(address).kind
        if table == "log_levels":  # a level has neither
            assert values == {}
        elif table in TABLES_WITHOUT_ARN:
            assert (values.keys(), bool(values["id"])) == ({"id"}, True)
        else:
            service = all_kinds()[table].service.replace("-", "")
            assert values["arn"].startswith(f"arn:aws:{service}:eu-west-1:123456789012:")
            assert values["id"]
            arns.append(values["arn"])
    assert len(set(arns)) == len(arns)


def ignore(*_):
    return None


def test_a_caller_that_may_not_read_endpoints_gets_the_rest(run_applied, tmp_path):
    def deny(_call):
        raise AwsError(
            service="iot", operation="DescribeEndpoint", code="AccessDeniedException", message="no"
        )

    workspace = Workspace(tmp_path / "desired_state.toml")
    desired = workspace.desired
    comparison = compare_states(desired, refresh(desired, workspace.connection.call, ignore), ignore)
    outputs = collect_outputs("greenhouse", TARGET, comparison, deny, ["things.pump-1"])
    assert (dict(outputs.endpoints), list(outputs.resources)) == ({}, ["things.pump-1"])
    assert outputs.endpoints_problem == "iot:DescribeEndpoint failed with AccessDeniedException: no"


# ── escaping ────────────────────────────────────────────────────────────────────────────────────

_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def make_outputs(resources):
    return Outputs(workspace="ws", target=TARGET, endpoints={}, resources=resources)


@examples(25)
@given(st.lists(_values, min_size=1, max_size=4))
def test_any_value_is_one_word_for_a_shell(values):
    outputs = make_outputs({f"things.t{number}": {"id": value} for number, value in enumerate(values)})
    words = shlex.split("\n".join(render_output_env(outputs)))
    assert words == [f"THINGS_T{number}_ID={value}" for number, value in enumerate(values)]


@examples(25)
@given(st.dictionaries(_values, st.just({"id": "a", "arn": 'b,"c"'}), max_size=4))
def test_hostile_names_stay_in_their_cell_and_cannot_control_a_terminal(resources):
    outputs = make_outputs(resources)
    lines = list(render_output_csv(outputs))
    rows = list(csv.reader(lines))
    assert (len(rows), {len(row) for row in rows}) == (len(resources) + 1, {3})
    assert all(escape_invisible(line) == line for line in render_output_text(outputs))


def test_two_values_with_one_variable_are_an_error():
    outputs = make_outputs({"things.a-b": {"id": "a-b"}, "things.a_b": {"id": "a_b"}})
    with pytest.raises(ReconcilerError) as caught:
        list(render_output_env(outputs))
    assert str(caught.value) == (
        "the variable THINGS_A_B_ID would have two values: things.a-b id and things.a_b id; "
        "select only one of the two resources, or use --format json"
    )
