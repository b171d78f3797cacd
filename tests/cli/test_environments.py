"""`env list`, saved plans, and the name of the environment in each output."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.shell_completion import BashComplete

from reconciler.cli.main import cli
from reconciler.render.json.schemas import build_output_schema

FILE = """
[workspace]
name = "greenhouse"

[variables]
site = { type = "string", description = "The site of all things" }
rate = 10

[environments.dev]
variables = { site = "oslo" }

[environments."prod-{account}"]
for_each = [{ account = "222222222222" }]
account = "{account}"
region = "us-east-1"
variables = { site = "bergen" }
after = ["dev"]

[things.pump]
attributes = { site = "{var.site}", rate = "{var.rate}" }

[things.rig]
environments = ["dev"]
"""
PROD = "prod-222222222222"

TEXT = """\
dev
  name      greenhouse    [workspace]
  target    embedded      default
  account   108170011793  its name
  var.site  oslo          this environment
  var.rate  10            [variables]

prod-222222222222 · after dev
  name      greenhouse    [workspace]
  target    embedded      default
  account   222222222222  this environment
  region    us-east-1     this environment
  var.site  bergen        this environment
  var.rate  7             --var
"""


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "desired_state.toml"
    path.write_text(FILE)
    return path


def test_env_list_shows_each_value_with_its_source(run, file):
    expected = TEXT.replace("10            [variables]", "7             --var")
    assert run("env", "list", "--var", "rate=7") == (0, expected, "")
    assert run("env", "list", "--env", "prod-*", "--var", "rate=7")[1] == expected.partition("\n\n")[2]


def test_env_list_as_json_follows_its_schema(run, file):
    document = json.loads(run("env", "list", "--format", "json")[1])
    jsonschema.Draft202012Validator(build_output_schema("environments")).validate(document)
    prod = document["environments"][1]
    assert (prod["name"], prod["account"], prod["row"]) == (PROD, "222222222222", {"account": "222222222222"})
    assert prod["variables"]["site"] == {
        "value": "bergen",
        "type": "string",
        "source": f"[environments.{PROD}]",
        "description": "The site of all things",
    }


def test_names_are_completed_even_if_a_required_variable_has_no_value(file):
    file.write_text(FILE.replace('variables = { site = "oslo" }', ""))
    for words, expected in [(("plan", "--env", ""), ["dev", PROD]), (("plan", "--var", "s"), ["site="])]:
        completion = BashComplete(cli, {}, "reconciler", "_RECONCILER_COMPLETE")
        items = completion.get_completions(list(words[:-1]), words[-1])
        assert [item.value for item in items] == expected


def test_every_output_names_the_environment(run, file):
    assert run("plan", "--env", "dev")[1].splitlines()[0] == "Plan for greenhouse in dev"
    assert "### Plan for `greenhouse` in `dev`" in run("plan", "--env", "dev", "--format", "markdown")[1]
    assert "in <strong>dev</strong>" in run("plan", "--env", "dev", "--format", "html")[1]
    events = run("apply", "--env", "dev", "--yes", "--format", "jsonl")[1].splitlines()
    assert json.loads(events[0])["environment"] == "dev"
    assert run("apply", "--env", PROD, "--yes")[0] == 0
    assert run("drift", "--env", "dev")[1].splitlines()[0] == "Drift of greenhouse in dev"
    assert json.loads(run("drift", "--env", "dev", "--format", "json")[1])["environment"] == "dev"
    assert len(run("history", "--env", "dev")[1].splitlines()) == 2
    runs = run("history")[1].splitlines()[1:]
    assert [
        f"apply greenhouse in {name}" in line for name, line in zip((PROD, "dev"), runs, strict=True)
    ] == [
        True,
        True,
    ]
    file.write_text(FILE.replace("[things.rig]", '[things.rig]\nthing_type = { id = "x" }'))
    code, _, err = run("plan", "--env", "dev")
    assert (code, err.splitlines()[0]) == (
        3,
        "error: the plan for environment 'dev' is rejected; nothing was sent",
    )
    file.write_text(FILE.replace("[things.rig]", '[things.rig]\nthing_type = "x"'))
    code, _, err = run("plan", "--env", "dev")
    assert code == 1
    assert "the desired state is not valid in environment 'dev': 1 error; nothing was sent" in err


@pytest.mark.parametrize(
    ("command", "value"),
    [("plan", "x"), ("drift", "x"), ("unlock", "x"), ("apply --yes", "{aws.account}")],
)
def test_an_error_of_the_target_names_the_environment_once(run, file, monkeypatch, command, value):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    content = FILE.replace("[environments.dev]", "[environments.dev]\ntarget = 'aws'")
    file.write_text(content.replace("{var.site}", value))
    problem = "no AWS Region; set region in [workspace], or AWS_REGION"
    assert run(*command.split(), "--env", "dev") == (1, "", f"error: environment 'dev': {problem}\n")
    if command in {"plan", "drift"}:
        _, out, _ = run(command, "--all-envs", "--format", "json")
        errors = {item["environment"]: item["error"] for item in json.loads(out)["environments"]}
        assert errors == {"dev": problem, PROD: ""}


def test_an_endpoint_without_a_server_is_reported_with_the_environment(run, file):
    file.write_text(
        FILE.replace(
            "[environments.dev]", "[environments.dev]\ntarget = 'http://127.0.0.1:9'\nregion = 'eu-west-1'"
        )
    )
    _, _, err = run("plan", "--env", "dev")
    assert (
        err.splitlines()[0]
        == "error: environment 'dev': cannot connect to http://127.0.0.1:9; is it running?"
    )
    _, out, _ = run("plan", "--all-envs")
    lines = out.splitlines()
    start = lines.index("✖ dev  failed")
    assert lines[start + 1] == "    cannot connect to http://127.0.0.1:9; is it running?"
    assert " ".join(lines[start + 2 : start + 4]).split()[:4] == ["next", "step:", "start", "it,"]


def test_a_saved_plan_is_applied_to_its_environment_with_its_variables(run, file, monkeypatch):
    monkeypatch.setenv("RECONCILER_VAR_rate", "5")
    assert run("plan", "--env", PROD, "--var", "site=rome", "--out", "p.json")[0] == 0
    monkeypatch.delenv("RECONCILER_VAR_rate")
    code, out, _ = run("apply", "p.json")
    assert code == 0
    assert out.startswith(f"Plan for greenhouse in {PROD}\n")
    assert "rome" in run("show", "things.pump", "--env", PROD)[1]


@pytest.mark.parametrize(
    ("options", "environ", "reason"),
    [
        (["--env", "dev"], "", "--env selects 'dev'"),
        ([], "dev", "RECONCILER_ENV selects 'dev'"),
        (["--var", "site=paris"], "", "site"),
    ],
)
def test_a_saved_plan_is_rejected_for_another_choice(run, file, options, environ, reason):
    reasons = {
        "site": "the variable 'site' was 'rome' when the plan was saved, and is 'paris' now; leave out --var, or save a new plan"
    }
    other_environment = f"the saved plan is for environment '{PROD}', but {reason}"
    expected = reasons.get(reason, f"{other_environment}; leave it out, or save a plan for that environment")
    assert run("plan", "--env", PROD, "--var", "site=rome", "--out", "p.json")[0] == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECONCILER_ENV", environ)
        code, out, err = run("apply", "p.json", *options)
    assert (code, out) == (3, "")
    assert " ".join(err.split()) == f"error: the plan is rejected; nothing was sent - {expected}"


def test_a_saved_plan_names_the_environment_variable_that_would_change_it(run, file, monkeypatch):
    assert run("plan", "--env", PROD, "--var", "rate=7", "--out", "p.json")[0] == 0
    monkeypatch.setenv("RECONCILER_VAR_rate", "8")
    monkeypatch.setenv("RECONCILER_VAR_site", "rome")
    error = "error: the plan is rejected; nothing was sent - the variable"
    advice = "now; unset that, or save a new plan"
    for name, problem in {
        "rate": "'rate' was '7' when the plan was saved, and RECONCILER_VAR_rate sets '8'",
        "site": "'site' was not set when the plan was saved, and RECONCILER_VAR_site sets it",
    }.items():
        code, _, err = run("apply", "p.json")
        assert (code, " ".join(err.split())) == (3, f"{error} {problem} {advice}")
        monkeypatch.delenv(f"RECONCILER_VAR_{name}")
    assert run("show", "p.json")[0] == 0


def test_a_plan_saved_without_environments_is_rejected_when_the_file_has_some(run, file):
    file.write_text('[workspace]\nname = "greenhouse"\n[things.pump]\n')
    assert run("plan", "--out", "p.json")[0] == 0
    file.write_text(FILE.replace("[environments.dev]", "[environments.dev]\ndefault = true"))
    code, _, err = run("apply", "p.json")
    assert code == 3
    assert "the environment was none when the plan was saved, and is dev now" in " ".join(err.split())
