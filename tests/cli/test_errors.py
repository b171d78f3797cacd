"""Error messages name the next step; the exit code is 1, or 3 for a rejected plan."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.support.command_line import call_iot, edit_file

REGISTRY_UNUSABLE = "error: the embedded registry is not usable: "
NAME_ANOTHER_FILE = "name another file in RECONCILER_REGISTRY"
NAME_ANOTHER_FILE_OR_NONE = (
    f"{NAME_ANOTHER_FILE}, or unset it to store the registry next to the desired state\n"
)


@pytest.mark.parametrize(
    ("words", "message", "command"),
    [
        (["plna"], "there is no command 'plna'; did you mean 'plan'?", ""),
        (["zzz"], "there is no command 'zzz'", ""),
        (["--bogus"], "no such option '--bogus'", ""),
        (["plan", "--xyz"], "no such option '--xyz'", " plan"),
        (["show"], "nothing to show; name an ADDRESS or a FILE, or use --select", " show"),
        (
            ["show", "nodot"],
            "invalid value for 'ADDRESS': 'nodot' is not a valid address; expected kind.name, such as things.pump-7",
            " show",
        ),
        (
            ["rotate", "--wave", "0"],
            "invalid value for '--wave': '0' is not a valid percentage; expected more than 0% and at most 100%, such as 10%",
            " rotate",
        ),
    ],
)
def test_an_invalid_command_line_is_an_error_with_exit_code_1(run, words, message, command):
    assert run(*words) == (1, "", f"error: {message}\nrun `reconciler{command} --help` for usage\n")


@pytest.mark.parametrize(
    ("words", "equivalent_words"),
    [
        (["help"], ["--help"]),
        (["help", "plan"], ["plan", "--help"]),
        (["help", "registry", "path"], ["registry", "path", "--help"]),
    ],
)
def test_help_before_a_command_is_the_help_option(run, words, equivalent_words):
    expected = run(*equivalent_words)
    assert (expected[0], expected[2]) == (0, "")
    assert run(*words) == expected


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "rotate", "destroy", "graph"])
def test_a_command_that_needs_a_file_suggests_init_if_there_is_none(run, command):
    message = "error: desired_state.toml: no such file; create one with `reconciler init`, or name another with -f\n"
    assert run(command) == (1, "", message)


def test_a_missing_file_that_was_named_with_f_is_reported_with_its_name(run):
    message = "error: x/y.toml: no such file; name a TOML file or a folder of TOML files with -f or RECONCILER_FILE\n"
    assert run("plan", "-f", "x/y.toml") == (1, "", message)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a b",
            (
                "the workspace's thing group would be named 'reconciler-a b', which AWS does not accept; "
                "expected letters, digits, : _ - (a match of [a-zA-Z0-9:_-]+)"
            ),
        ),
        ("", "the name is empty; expected a name"),
    ],
)
def test_init_writes_nothing_for_an_invalid_name(run, name, message):
    assert run("init", "--name", name) == (
        1,
        "",
        f"error: {name!r} is not a valid workspace name: {message}\n",
    )
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("folder", ["greenhouse", "green house", "."])
def test_every_command_that_init_suggests_works_when_pasted(run, monkeypatch, folder):
    next_steps = run("init", folder)[1].partition("\n\nNext")[2].split("\n")
    suggested_lines = [line[2:] for line in next_steps if line[:2] == "  "]
    assert suggested_lines[-3:] == ["reconciler plan", "reconciler apply", "reconciler graph"]
    for command, *words in map(shlex.split, suggested_lines):
        if command == "cd":
            monkeypatch.chdir(*words)
        else:
            assert run(*words, *(["--yes"] if words == ["apply"] else []))[0] == 0


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/proc/a.sqlite3", "/proc/a.sqlite3 cannot be opened: unable to open database file"),
        ("pki/pump-1.pem", "{here}/pki/pump-1.pem is not a registry database: file is not a database"),
        ("pki", "pki is a folder"),
        ("new/deep/r.sqlite3", "the folder of new/deep/r.sqlite3 does not exist"),
    ],
)
def test_an_unusable_registry_is_an_error_and_no_folder_is_created(
    run_in_starter, monkeypatch, path, problem
):
    monkeypatch.setenv("RECONCILER_REGISTRY", path)
    before = sorted(Path().rglob("*"))
    assert run_in_starter("plan") == (
        1,
        "",
        f"{REGISTRY_UNUSABLE}{problem.format(here=Path.cwd())}; {NAME_ANOTHER_FILE_OR_NONE}",
    )
    assert sorted(Path().rglob("*")) == before


def test_an_unusable_default_registry_can_be_reset(run_in_applied_starter):
    path = Path(".reconciler/registry.sqlite3").resolve()
    # The apply's connection is still open. When it closes, it writes into the old files, so the new one must not be one of them.
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_text("no database")
    problem = f"{path} is not a registry database: file is not a database"
    advice = f"delete it with `reconciler registry reset`, or {NAME_ANOTHER_FILE}"
    assert run_in_applied_starter("plan") == (1, "", f"{REGISTRY_UNUSABLE}{problem}; {advice}\n")
    assert run_in_applied_starter("registry", "reset", "--yes")[0] == 0
    assert run_in_applied_starter("plan")[0] == 0


def test_a_folder_that_cannot_be_created_is_an_error(run_in_starter):
    Path(".reconciler").write_text("in the way")
    problem = f"cannot create .reconciler: File exists; {NAME_ANOTHER_FILE}"
    assert run_in_starter("plan") == (1, "", f"{REGISTRY_UNUSABLE}{problem}\n")


def test_an_endpoint_without_credentials_is_an_error_that_suggests_made_up_ones(run_in_starter, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    edit_file('target = "embedded"', 'target = "http://192.0.2.1:1"')
    message = (
        "error: no credentials to sign requests to http://192.0.2.1:1; if it is not AWS, set any, "
        "such as AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n"
    )
    assert run_in_starter("plan") == (1, "", message)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("things.nope", "not in the file"),
        ("things.pump-11", "not in the file; did you mean 'things.pump-1'?"),
        ("thngs.pump-1", "not in the file; did you mean 'things.pump-1'?"),
        ("things.pump-1", "already managed by this workspace; plan without adopting it"),
        ("things.pump-3", "does not exist yet; a plan that does not adopt it creates it"),
    ],
)
def test_an_impossible_adoption_is_rejected_with_the_reason(run_in_applied_starter, address, reason):
    edit_file("[managed_things", "[things.pump-3]\n\n[managed_things")
    assert run_in_applied_starter("plan", "--adopt", address, "--detailed-exitcode") == (
        3,
        "",
        f"error: the plan is rejected; nothing was sent\n  - {address}: cannot adopt: {reason}\n",
    )


def test_a_misspelled_address_to_adopt_suggests_the_unmanaged_resource(run_in_applied_starter):
    edit_file("[managed_things", '[things.tank-9]\nattributes = { site = "oslo" }\n\n[managed_things')
    call_iot("CreateThing", thingName="tank-9")
    problem = "already exists and is not managed by this workspace"
    assert run_in_applied_starter("plan", "--adopt", "things.tank-8") == (
        3,
        "",
        (
            "error: the plan is rejected; nothing was sent\n"
            f"  - things.tank-9: {problem}; import it with --adopt things.tank-9\n"
            "  - things.tank-8: cannot adopt: not in the file; did you mean 'things.tank-9'?\n"
        ),
    )
    assert run_in_applied_starter("plan", "--adopt", "things.tank-9")[0] == 0


@pytest.mark.parametrize(
    "words", [["plan", "--destroy"], ["plan", "--destroy", "--detailed-exitcode"], ["destroy"]]
)
def test_a_rejected_plan_exits_with_3(run_in_starter, words):
    edit_file("[things.pump-1]\n", "[things.pump-1]\nlifecycle = { prevent_destroy = true }\n")
    run_in_starter("apply", "--yes")
    reason = (
        "things.pump-1: cannot delete: its lifecycle.prevent_destroy forbids that; "
        "to allow it, first apply its table with prevent_destroy = false"
    )
    assert run_in_starter(*words) == (3, "", f"error: the plan is rejected; nothing was sent\n  - {reason}\n")
