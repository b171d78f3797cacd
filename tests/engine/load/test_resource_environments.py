"""Resources that only some environments have, and what depends on them."""

from __future__ import annotations

from reconciler.model.address import Address
from tests.support.environment_files import choose, load_report, load_state, load_warnings

FILE = """
[workspace]
name = "greenhouse"
[environments.dev]
default = true
[environments.prod]
"""


def list_addresses(folder, text: str, environment: str) -> list[str]:
    state = load_state(folder, {"desired_state.toml": FILE + text}, choose(environment))
    return [str(address) for address in state.resources]


def test_a_reference_to_a_resource_of_other_environments_names_these(tmp_path):
    text = """
[things.rig]
environments = ["prod", "p*"]
[things."pump-{n}"]
environments = ["prod"]
for_each = [{ n = 1 }]
[things.a]
depends_on = ["things.rig", "things.pump-1", "things.pump-2"]
"""
    assert load_report(tmp_path, FILE + text, choose("dev")) == [
        (
            "desired_state.toml:14: error: things.a.depends_on[0]: things.rig is not declared in environment 'dev'; it exists only in "
            "prod, p*; expected a resource that exists in all environments of this one"
        ),
        (
            "desired_state.toml:14: error: things.a.depends_on[1]: things.pump-1 is not declared in environment 'dev'; it exists only in "
            "prod; expected a resource that exists in all environments of this one"
        ),
        "desired_state.toml:14: error: things.a.depends_on[2]: things.pump-2 is not declared in this file",
    ]


def test_moved_counts_only_where_its_resource_exists(tmp_path):
    text = '[things.new]\nenvironments = ["prod"]\n[[moved]]\nfrom = "things.old"\nto = "things.new"\n'
    files = {"desired_state.toml": FILE + text}
    moves = {Address("things", "old"): Address("things", "new")}
    assert load_state(tmp_path, files, choose("prod")).moved == moves
    assert load_state(tmp_path, files, choose("dev")).moved == {}


def test_removed_counts_only_where_its_resource_does_not_exist(tmp_path):
    text = '[things.rig]\nenvironments = ["dev"]\n[[removed]]\nfrom = "things.rig"\ndestroy = false\n'
    files = {"desired_state.toml": FILE + text}
    assert list(load_state(tmp_path, files, choose("prod")).removed) == [Address("things", "rig")]
    assert not load_state(tmp_path, files, choose("dev")).removed


def test_moved_and_removed_may_have_names_in_braces(tmp_path):
    text = """
[things."{environment.name}-new"]
[[moved]]
from = "things.{environment.name}-old"
to = "things.{environment.name}-new"
[[removed]]
from = "things.{environment.name}-rig"
destroy = false
"""
    state = load_state(tmp_path, {"desired_state.toml": FILE + text}, choose("prod"))
    assert state.moved == {Address("things", "prod-old"): Address("things", "prod-new")}
    assert list(state.removed) == [Address("things", "prod-rig")]


def test_an_empty_list_of_environments_is_an_error(tmp_path):
    assert load_report(tmp_path, FILE + "[things.rig]\nenvironments = []\n", choose("dev")) == [
        (
            "desired_state.toml:8: error: things.rig.environments: the array is empty, so the resource exists nowhere; expected a name or "
            "glob of dev, prod"
        )
    ]


def test_a_variable_of_another_environment_is_not_reported_as_unused(tmp_path):
    text = '[variables]\na = "x"\nb = "y"\nunused = 1\n[environments.test]\nname = "{var.b}"\n[things.t]\nthing_type = { id = "{var.a}" }\n'
    assert [warning.partition(": ")[0] for warning in load_warnings(tmp_path, FILE + text)] == [
        "desired_state.toml:10"
    ]
    absent = text.replace("[things.t]", '[things.t]\nenvironments = ["prod"]')
    assert load_warnings(tmp_path, FILE + absent) == []


def test_a_default_may_have_the_name_of_the_environment_but_no_variable(tmp_path):
    text = '[variables]\na = "{environment.name}-x"\n[things."{var.a}"]\n'
    assert list_addresses(tmp_path, text, "prod") == ["things.prod-x"]
    cycle = '[variables]\na = "{var.b}"\nb = { default = "{var.a}" }\n[things."{var.a}{var.b}"]\n'
    assert load_report(tmp_path, FILE + cycle) == [
        "desired_state.toml:8: error: variables.a: {var.b} cannot be used here; the value of a variable cannot contain another one",
        (
            "desired_state.toml:9: error: variables.b.default: {var.a} cannot be used here; the value of a variable cannot contain another "
            "one"
        ),
    ]


def test_a_role_of_another_account_is_an_error(tmp_path):
    text = 'target = "aws"\naccount = "111111111111"\nrole_arn = "arn:aws:iam::222222222222:role/x"\n'
    assert load_report(tmp_path, FILE + text, choose("prod")) == [
        (
            "desired_state.toml:9: error: environments.prod.role_arn: the role is one of account 222222222222, but account is "
            "111111111111; expected a role of that account"
        )
    ]


def test_a_column_with_a_part_of_json_is_inserted_unchanged_in_text(tmp_path):
    text = """
[policies."p-{n}"]
for_each = [{ n = 1, actions = '"iot:Publish", "iot:Receive"', topic = 'a"b' }]
document = '{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": [{actions}], "Resource": "arn:aws:iot:eu-west-1:111111111111:topic/{row.topic}"}}]}}'
"""
    state = load_state(tmp_path, {"desired_state.toml": FILE + text})
    (statement,) = state.resources[Address("policies", "p-1")].spec.document.value["Statement"]
    assert statement["Action"] == ["iot:Publish", "iot:Receive"]
    assert statement["Resource"].endswith('topic/a"b')


def test_links_out_of_the_repository_and_in_loops_are_not_included(tmp_path):
    (tmp_path / "app" / ".git").mkdir(parents=True)
    (tmp_path / "x.toml").write_text("[things.leak]\n")
    (tmp_path / "app" / "out").symlink_to(tmp_path)
    (tmp_path / "app" / "loop").symlink_to("loop")
    text = '[workspace]\nname = "a"\ninclude = ["out", "loop", "."]\n'
    problems = [line.partition("include")[2] for line in load_report(tmp_path / "app", text)]
    assert problems[0].startswith("[0]: 'out' is outside the repository")
    assert problems[1] == "[1]: 'loop' is neither a file nor a folder"
    assert problems[2].endswith("is a part of the desired state already; expected each file once")


def test_many_environments_are_an_error_and_take_bounded_time(tmp_path):
    text = '[environments."e-{n}"]\nfor_each = { file = "n.csv" }\nafter = ["e-*"]\n'
    (tmp_path / "n.csv").write_text("n\n" + "".join(f"{number}\n" for number in range(3000)))
    assert [line.partition(": error: ")[2] for line in load_report(tmp_path, FILE + text, choose("dev"))] == [
        "environments.e-{n}: too many environments; expected at most 2,000"
    ]
