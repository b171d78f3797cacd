"""What the commands report about mistakes in environments, variables and the options that select them."""

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
        return [" ".join(line for line in map(str.strip, block.splitlines()) if "|" not in line) for block in blocks]

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
