"""Messages about mistakes in environments, in variables and in the options that select them."""

from __future__ import annotations

from pathlib import Path

import pytest

FILE = """\
[workspace]
name = "greenhouse"
[variables]
site = { type = "string" }
[environments.dev]
variables = { site = "oslo" }
[environments."prod-{account}"]
for_each = [{ account = "222222222222" }, { account = "333333333333" }]
account = "{account}"
variables = { site = "bergen" }
after = ["dev"]
[things.pump]
attributes = { site = "{var.site}" }
[things.rig]
environments = ["dev"]
"""


@pytest.fixture
def fail(run, tmp_path, monkeypatch):
    """Return a function that runs a command with a changed file and returns its errors as one line each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "500")

    def fail(*arguments: str, **changes: str) -> list[str]:
        text = FILE
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new, 1)
        Path("desired_state.toml").write_text(text)
        code, _, err = run(*arguments)
        assert code == 1
        assert not Path(".reconciler/registry.sqlite3").exists()
        blocks = err.split("\n\n")
        return [
            " ".join(line for line in map(str.strip, block.splitlines()) if "|" not in line)
            for block in blocks
        ]

    return fail


def test_all_problems_of_all_environments_are_reported_at_once(fail):
    changes = {
        'after = ["dev"]': 'after = ["environments.dev"]',
        'site = "oslo"': "site = 5",
        "{var.site}": "{var.sit}",
        'environments = ["dev"]': 'environments = ["dve"]',
    }
    assert fail("validate", "--all-envs", **changes) == [
        "error: desired_state.toml:6  environments.dev.variables.site got the integer 5 expected  a string",
        "error: desired_state.toml:11  environments.prod-{account}.after[0] 'environments.dev' matches no environment did you mean  dev?",
        "error: desired_state.toml:13  things.pump.attributes.site there is no variable 'sit' did you mean  var.site?",
        "error: desired_state.toml:15  things.rig.environments[0] 'dve' matches no environment did you mean  dev?",
        "error: the desired state is not valid: 4 errors; nothing was sent",
    ]


def test_a_mistake_in_a_table_with_for_each_is_reported_once_for_all_rows(fail):
    expected = [
        "error: desired_state.toml:9  environments.prod-{account}.acount unknown key did you mean  account?",
        "error: the desired state is not valid: 1 error; nothing was sent",
    ]
    for command in ("validate", "plan"):
        assert fail(command, "--all-envs", **{"\naccount =": "\nacount ="}) == expected


@pytest.mark.parametrize("command", [("validate",), ("validate", "--all-envs"), ("env", "list")])
def test_an_unknown_table_explains_a_missing_environment(fail, command):
    first, *_ = fail(*command, **{"[environments.dev]": "[environment.dev]"})
    assert first == "error: desired_state.toml:5  environment unknown table did you mean  environments?"


def test_two_default_environments_are_an_error(fail):
    first, *_ = fail("validate", "--all-envs", **{"after =": "default = true\nafter ="})
    assert first == (
        "error: desired_state.toml:11  environments.prod-{account}.default 2 environments have default = true: "
        "prod-222222222222, prod-333333333333 expected  at most one"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{var.site}", "{site}", "unknown column 'site' did you mean  var.site?"),
        ("{var.site}", "{vars.site}", "unknown column 'vars.site' did you mean  var.site?"),
        ("{var.site}", "{environment}", "unknown column 'environment' did you mean  environment.name?"),
        ("{var.site}", "{env.name}", "unknown column 'env.name' did you mean  environment.name?"),
        ("{var.site}", "{region}", "unknown column 'region' did you mean  aws.region?"),
    ],
)
def test_a_word_in_braces_suggests_the_name_that_was_meant(fail, old, new, message):
    table = '[things."pump-{n}"]\nfor_each = [{ n = 1 }]'
    first, *_ = fail("validate", "--all-envs", **{"[things.pump]": table, old: new})
    assert first.endswith(message)


def test_a_key_above_the_first_table_belongs_in_workspace(fail):
    first, *_ = fail("validate", **{"[workspace]": 'include = ["more"]\n[workspace]'})
    assert (
        first
        == "error: desired_state.toml:1  include unknown key expected  it in [workspace] of the main file"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "--env", ""), "the name is empty"),
        (("destroy", "--yes", "--env", "dev", "--all-envs"), "--env and --all-envs exclude each other"),
        (("plan", "--env", "dev,prod-*"), "select each on its own: --env dev --env 'prod-*'"),
        (("history", "--env", "dve"), "no environment matches 'dve'; did you mean 'dev'?"),
        (
            ("apply", "--all-envs", "--yes", "--wave", "50%,10%"),
            "sizes are cumulative, as in 1,10%,50%,100%",
        ),
        (("plan", "--env", "dev", "--var", "sites=x"), "there is no such variable; did you mean 'site'?"),
    ],
)
def test_a_wrong_selection_is_rejected_before_anything_is_sent(fail, arguments, message):
    (error,) = fail(*arguments)
    assert message in error


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("stag*", "no environment matches 'stag*'"),
        ("prod-*", "desired_state.toml:4  variables.site the variable has no value"),
    ],
)
def test_listing_some_environments_needs_only_their_variables(fail, run, pattern, message):
    first, *_ = fail("env", "list", "--env", pattern, **{'variables = { site = "bergen" }\n': ""})
    assert message in first
    code, out, _ = run("env", "list", "--env", "dev")
    assert (code, "prod" in out) == (0, False)


def test_a_rollout_of_some_environments_needs_only_their_variables(fail, run):
    fail("plan", "--all-envs", **{'variables = { site = "oslo" }\n': ""})
    assert run("plan", "--env", "prod-*")[0] == 0


def test_a_folder_of_allow_outside_must_exist(fail, run):
    fail("plan", "--env", "x")
    error = run("validate", "--allow-outside", "shared")[2]
    assert error.startswith("error: shared: no such folder; --allow-outside needs a folder\n")
    assert "is a file, not a folder" in run("validate", "--allow-outside", "desired_state.toml")[2]


def test_an_environment_variable_in_other_letters_is_an_error(fail, monkeypatch):
    monkeypatch.setenv("RECONCILER_VAR_SITE", "rome")
    (error,) = fail("plan", "--env", "dev")
    assert "RECONCILER_VAR_SITE: names are case-sensitive; did you mean 'RECONCILER_VAR_site'?" in error
