"""The commands that a user runs, from init to destroy, and their errors.

The fixture `run_in_starter` has run `init` in the current folder before the test begins.
"""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

import reconciler
from reconciler.cli import main as main_module
from tests.support.command_line import edit_file, remove_changing_values


def test_init_writes_a_valid_file(run_in_starter):
    assert run_in_starter("validate") == (
        0,
        (
            "✔ desired_state.toml is valid: 6 resources\n"
            "  1  CA certificate\n  2  device certificates\n  2  things\n  1  managed thing\n"
        ),
        "",
    )


def test_init_hides_keys_and_setup_codes_from_other_users_and_from_git(run_in_starter):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in Path("pki").iterdir()}
    assert modes == {
        "development-ca.key": 0o600,
        "development-ca.pem": 0o644,
        "pump-1.key": 0o600,
        "pump-1.pem": 0o644,
        "pump-1.setup-code": 0o600,
        "pump-2.key": 0o600,
        "pump-2.pem": 0o644,
    }
    assert Path(".gitignore").read_text() == "*.key\npki/*.setup-code\n.reconciler/\n.venv/\n"


def test_init_overwrites_no_existing_file(run_in_starter):
    Path("desired_state.toml").write_text("mine")
    code, out, err = run_in_starter("init")
    assert (code, out, err.startswith("error: nothing was written, because these files already exist:")) == (
        1,
        "",
        True,
    )
    assert Path("desired_state.toml").read_text() == "mine"


def test_init_only_appends_to_gitignore(run):
    Path(".gitignore").write_text("*.key\nmine")
    run("init")
    assert Path(".gitignore").read_text() == "*.key\nmine\npki/*.setup-code\n.reconciler/\n.venv/\n"


def test_the_starter_file_is_idiomatic_toml(run_in_starter):
    text = Path("desired_state.toml").read_text()
    assert tomllib.loads(text)["ca_certificates"]["development"] == {
        "pem": {"file": "pki/development-ca.pem"},
        "certificate_mode": "DEFAULT",
        "verification": {"key": {"file": "pki/development-ca.key"}},
    }
    assert 'verification = { key = { file = "pki/development-ca.key" } }\n' in text


def test_apply_shows_and_applies_the_plan_and_the_next_plan_is_empty(run_in_starter):
    code, out, err = run_in_starter("apply", "--yes")
    assert (code, remove_changing_values(out).split("\n")[-4:]) == (
        0,
        ["Plan: 8 to create (including 2 ownership markers)", "", "✔ Apply complete in 0 s: 8 created.", ""],
    )
    assert sorted(line.split()[2] for line in err.split("\n") if line) == [
        "ca_certificates.development",
        "certificates.pump-1",
        "certificates.pump-2",
        "managed_things.pump-1",
        "policies.reconciler-greenhouse-retired",
        "thing_groups.reconciler-greenhouse",
        "things.pump-1",
        "things.pump-2",
    ]
    assert remove_changing_values(run_in_starter("plan", "--detailed-exitcode")[1]) == (
        "Plan for greenhouse\n"
        "embedded · 123456789012 · eu-west-1 · plan\n"
        "\n"
        "No changes: 6 resources and 2 ownership markers match the file.\n"
    )


def test_one_changed_attribute_is_one_change_and_exit_code_2(run_in_applied_starter):
    edit_file('site = "bergen"', 'site = "trondheim"')
    code, out, _ = run_in_applied_starter("plan", "--detailed-exitcode", "--calls")
    assert (code, remove_changing_values(out)) == (
        2,
        (
            "Plan for greenhouse\n"
            "embedded · 123456789012 · eu-west-1 · plan\n"
            "\n"
            "Things  1 to update\n"
            "  ~ update   things.pump-2  desired_state.toml:36 · 1 call\n"
            "             ~ attributes.site  bergen → trondheim\n"
            "             1. iot:UpdateThing\n"
            "                thingName         pump-2\n"
            "                expectedVersion   1\n"
            "                attributePayload  { attributes = { site = trondheim }, merge = false }\n"
            "\n"
            "API calls  1, at least 0 s under AWS quotas\n"
            "  1  iot:UpdateThing  at 100 per second: 0 s\n"
            "\n"
            "Plan: 1 to update; 5 resources and 2 ownership markers unchanged\n"
        ),
    )


def test_show_prints_the_desired_and_the_live_state_side_by_side(run_in_applied_starter):
    edit_file('site = "bergen"', 'site = "trondheim"')
    assert run_in_applied_starter("show", "things.pump-2") == (
        0,
        (
            "things.pump-2\n"
            "declared in  desired_state.toml:36\n"
            "live         pump-2 · version 1 · owned by workspace greenhouse\n"
            "depends on   certificates.pump-2, policies.reconciler-greenhouse-retired, thing_groups.reconciler-greenhouse\n"
            "\n"
            "  field            desired           live\n"
            "≠ attributes.site  trondheim         bergen\n"
            "  certificates     [pump-2]          [pump-2]\n"
            "  exclusive        false             false\n"
            "\n"
            "~ update is planned.\n"
        ),
        "",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "things.pump-22"], "things.pump-22 is neither in desired_state.toml nor in the registry; did you mean 'things.pump-2'?"),
        (["show", "things.*"], "'things.*' is not one address; show several with --select 'things.*'\nrun `reconciler show --help` for usage"),
        (["show", "things"], "'things' is not one address; show several with --select 'things'\nrun `reconciler show --help` for usage"),
        (["show", "thngs.pump-2"], "'thngs' is not a resource kind; did you mean 'things'?"),
        (["show", "things.pump-2", "--format", "markdown"], "--calls, --full and this format are only for a saved plan; name its FILE\nrun `reconciler show --help` for usage"),
        (["show", "--select", "things", "--format", "json"], "--format json is only for one ADDRESS or a saved plan; name one\nrun `reconciler show --help` for usage"),
        (["export", "--kind", "thngs"], "invalid value for '--kind': 'thngs' is not a resource kind; did you mean 'things'?\nrun `reconciler export --help` for usage"),
        (["export", "--out", "desired_state.toml"], "desired_state.toml: file already exists and was not overwritten; choose another name"),
        (["graph", "--out", "a.pdf"], "a.pdf: no format has the extension .pdf; add --format tree|svg|dot|mermaid"),
        (["plan", "--out", "desired_state.toml"], "invalid value for '-o' / '--out': desired_state.toml may be a desired state and would be overwritten; choose another name\nrun `reconciler plan --help` for usage"),
        (["apply", "desired_state.toml"], "desired_state.toml is not a saved plan; apply a desired state with --file desired_state.toml\nrun `reconciler apply --help` for usage"),
        (["registry", "reset"], "cannot prompt: stdin is not a terminal; pass --yes to skip confirmation"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_run_reports_the_problem_and_the_next_step(
    run_in_applied_starter, words, message
):
    assert run_in_applied_starter(*words) == (1, "", f"error: {message}\n")


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_nothing_is_changed_without_a_terminal_and_without_yes(run_in_starter, command):
    if command == "destroy":
        run_in_starter("apply", "--yes")
    before = run_in_starter("plan")[1]
    code, _, err = run_in_starter(command, stdin="yes\ngreenhouse\n")
    assert (code, err) == (
        1,
        "error: cannot prompt: stdin is not a terminal; pass --yes to skip confirmation\n",
    )
    assert run_in_starter("plan")[1] == before


def test_help_that_cannot_be_written_is_an_error_without_a_traceback():
    command_line = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "--help"]
    with Path("/dev/full").open("w") as full_device:
        process = subprocess.run(
            command_line, stdout=full_device, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (process.returncode, process.stderr) == (1, "error: No space left on device\n")


def test_the_package_runs_as_the_command():
    process = subprocess.run(
        [sys.executable, "-m", "reconciler", "--version"], capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout) == (0, f"reconciler {reconciler.__version__}\n")


def test_destroy_deletes_everything_and_the_next_plan_creates_it(run_in_applied_starter):
    code, out, _ = run_in_applied_starter("destroy", "--yes")
    assert (code, remove_changing_values(out).split("\n")[-2]) == (0, "✔ Apply complete in 0 s: 8 deleted.")
    assert (
        run_in_applied_starter("plan")[1].split("\n")[-2]
        == "Plan: 8 to create (including 2 ownership markers)"
    )


def test_graph_writes_the_format_of_the_file_extension(run_in_starter):
    starts = {
        "a.svg": "<svg ",
        "a.dot": "digraph reconciler {",
        "a.mmd": "flowchart LR",
        "a.txt": "greenhouse\n└─ development",
    }
    for name in starts:
        assert run_in_starter("graph", "--out", name) == (0, "", f"wrote {name}\n")
    assert {name: Path(name).read_text()[: len(start)] for name, start in starts.items()} == starts


def test_validate_plan_and_apply_report_an_invalid_file_on_stderr(run_in_starter):
    with Path("desired_state.toml").open("a") as stream:
        stream.write('[things.pump-3]\natributes = { site = "canary" }\n')
    for command in ("validate", "plan", "apply"):
        assert run_in_starter(command) == (
            1,
            "",
            (
                "error: desired_state.toml:49  things.pump-3.atributes\n"
                "    49 | atributes = …\n"
                "       | ^^^^^^^^^\n"
                "    unknown key\n"
                "    did you mean  attributes?\n"
                "\n"
                "error: the desired state is not valid: 1 error; nothing was sent\n"
            ),
        )


def test_the_file_can_be_named_before_or_after_the_command_or_by_a_variable(run_in_starter, monkeypatch):
    Path("desired_state.toml").rename("other.toml")
    expected = run_in_starter("-f", "other.toml", "graph")
    assert expected[0] == 0
    assert run_in_starter("graph", "--file", "other.toml") == expected
    monkeypatch.setenv("RECONCILER_FILE", "other.toml")
    assert run_in_starter("graph") == expected
    assert run_in_starter("graph", "-f", "none.toml")[0] == 1


def test_an_internal_error_is_one_sentence_with_a_traceback_on_request(run_in_starter, monkeypatch):
    monkeypatch.setattr("reconciler.workspace.Workspace.plan", lambda *_, **__: 1 / 0)
    assert run_in_starter("plan") == (
        1,
        "",
        (
            "error: internal error: ZeroDivisionError: division by zero\n"
            "run again with --debug and report its output\n"
        ),
    )
    assert run_in_starter("--debug", "plan")[2].split("\n")[0] == "Traceback (most recent call last):"


def test_reset_deletes_a_registry_that_is_named_below_the_home_folder(run_in_starter, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RECONCILER_REGISTRY", "~/registry.sqlite3")
    run_in_starter("plan")
    assert (tmp_path / "registry.sqlite3").exists()
    assert run_in_starter("registry", "reset", "--yes")[0] == 0
    assert not (tmp_path / "registry.sqlite3").exists()


def test_registry_prints_its_path_and_reset_deletes_its_data(run_in_applied_starter):
    assert run_in_applied_starter("registry", "path") == (0, ".reconciler/registry.sqlite3\n", "")
    assert run_in_applied_starter("registry", "reset", "--yes") == (
        0,
        "",
        "deleted .reconciler/registry.sqlite3\n",
    )
    assert (
        run_in_applied_starter("plan")[1].split("\n")[-2]
        == "Plan: 8 to create (including 2 ownership markers)"
    )


def test_unlock_and_reset_do_nothing_without_a_lock_and_a_registry(run_in_starter):
    message = ".reconciler/registry.sqlite3 does not exist; nothing to do\n"
    assert run_in_starter("registry", "reset") == (0, "", message)
    assert run_in_starter("unlock") == (0, "greenhouse is not locked; nothing to do\n", "")


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_that_of_the_package(run, words):
    code, out, err = run(*words)
    assert (code, out.splitlines()[0], err) == (0, f"reconciler {reconciler.__version__}", "")


def test_retry_failed_is_rejected_if_there_is_nothing_to_retry(run_in_starter):
    reasons = []
    for words in (["apply", "--yes"], ["destroy", "--yes"], ["history"]):
        code, _, err = run_in_starter("apply", "--retry-failed", "--yes")
        assert code == 3
        reasons.append(re.sub(r"run, \w+ of \S+ at .+? UTC,", "run", err.splitlines()[-1]))
        assert run_in_starter(*words)[0] == 0
    assert reasons == [
        "  - the journal has no run of this workspace on this target; apply without --retry-failed",
        "  - the last run completed every step; apply without --retry-failed",
        "  - the last run was a destroy; run `reconciler destroy` to continue it",
    ]


def test_an_interrupted_process_does_not_wait_for_threads_that_go_on(monkeypatch):
    def interrupt(_context):
        raise KeyboardInterrupt

    exit_codes = []
    monkeypatch.setattr("os._exit", exit_codes.append)
    monkeypatch.setattr(main_module, "_MAX_END_SECONDS", 0.01)
    monkeypatch.setattr(main_module.cli, "invoke", interrupt)
    monkeypatch.setattr("sys.argv", ["reconciler", "version"])
    is_released = threading.Event()
    thread = threading.Thread(target=is_released.wait, args=(10,))
    thread.start()
    with pytest.raises(SystemExit):
        main_module.main()
    assert (exit_codes, thread.is_alive()) == ([1], True)
    is_released.set()
    thread.join()
