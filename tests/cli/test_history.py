"""`reconciler history`, the texts of runs, and what commands do with the last run."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from attrs import evolve

from reconciler.engine.journal.journal import Journal
from reconciler.model.errors import JournalError
from reconciler.model.run import History, ProcessIdentity, Run, RunCall, RunRecord, RunStep
from reconciler.render.json.history_file import history_to_json
from reconciler.render.text.history import render_history_text, render_run_text
from reconciler.render.text.result import render_crash_warning
from reconciler.render.views.history import (
    NO_RUNS,
    build_history_view,
    build_run_view,
    describe_call_status,
)
from reconciler.workspace import Workspace
from tests.support.command_line import call_iot
from tests.support.sample_plans import HOSTILE_TEXT


def make_time(second: float) -> datetime.datetime:
    """Return the time that is this many seconds after 10:00."""
    return datetime.datetime(2026, 11, 22, 10, 0, tzinfo=datetime.UTC) + datetime.timedelta(seconds=second)


COMPLETED = Run(
    "1m80a2gzwhr",
    "greenhouse",
    "embedded · 123456789012 · eu-west-1",
    ProcessIdentity("ada", "laptop", 4242),
    "apply",
    "f2f1785f9a68" + "0" * 52,
    "19c9383d1b99" + "0" * 52,
    make_time(0),
    make_time(1.5),
    "applied",
    {"applied": 8},
    13,
)
CRASHED = evolve(
    COMPLETED,
    id="1m80a9gzwhr",
    process=ProcessIdentity("runner", "ci-7", 9, "https://ci.example/7"),
    ended_at=None,
    status="crashed",
    counts={"applied": 1, "planned": 1, "unknown": 1},
    call_count=3,
    unanswered_call_count=1,
)
CERTIFICATE_ARN = "arn:aws:iot:eu-west-1:123456789012:cert/" + "ab12cd34ef56" + "0" * 52
RECORD = RunRecord(
    CRASHED,
    (
        RunStep("things.pump-1", "create", "applied", 0.25),
        RunStep("things.pump-2", "update", "unknown"),
        RunStep("things.pump-3", "delete", "planned"),
    ),
    (
        RunCall(1, "things.pump-1", "iot", "CreateThing", "thingName=pump-1", "rejected", make_time(0.1), make_time(0.2), "r-1", "Slow"),
        RunCall(2, "things.pump-1", "iot", "CreateThing", "thingName=pump-1", "completed", make_time(0.25), make_time(0.3), "r-2"),
        RunCall(3, "things.pump-2", "iot", "AttachThingPrincipal", f"principal={CERTIFICATE_ARN}", "unknown", make_time(0.3)),
    ),
)  # fmt: skip


def to_plain_text(lines):
    return "\n".join(line.plain for line in lines)


def test_runs_are_listed_in_a_table():
    assert to_plain_text(render_history_text(build_history_view(History((CRASHED, COMPLETED))), 120)) == (
        "run          started (UTC)        by           command  status     file digest   steps\n"
        "1m80a9gzwhr  2026-11-22 10:00:00  runner@ci-7  apply    ! crashed  f2f1785f9a68  1 applied, 1 planned, 1 unknown\n"
        "1m80a2gzwhr  2026-11-22 10:00:00  ada@laptop   apply    ✔ applied  f2f1785f9a68  8 applied"
    )


def test_a_narrow_table_leaves_out_the_digests_of_files():
    assert to_plain_text(render_history_text(build_history_view(History((COMPLETED,))), 80)) == (
        "run          started (UTC)        by          command  status     steps\n"
        "1m80a2gzwhr  2026-11-22 10:00:00  ada@laptop  apply    ✔ applied  8 applied"
    )


def test_the_table_names_the_workspaces_if_there_are_several():
    lines = to_plain_text(
        render_history_text(build_history_view(History((COMPLETED, evolve(COMPLETED, workspace="lab")))), 120)
    ).split("\n")
    assert [line.split()[4:6] for line in lines[1:]] == [["apply", "greenhouse"], ["apply", "lab"]]


def test_the_table_explains_that_there_are_no_runs_yet():
    assert to_plain_text(render_history_text(build_history_view(History()), 120)) == NO_RUNS


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("completed", "completed"),
        ("rejected", "rejected Slow"),
        ("no response", "no response Slow"),
        ("unknown", "unknown"),
    ],
)
def test_the_status_of_a_call_is_shown_with_its_error_code(status, text):
    error_code = "Slow" if status in {"rejected", "no response"} else ""
    call = RunCall(
        1, "things.pump-1", "iot", "CreateThing", "", status, make_time(0.1), error_code=error_code
    )
    row = build_run_view(RunRecord(CRASHED, (), (call,))).other_calls[0]
    assert describe_call_status(row) == text


def test_a_run_is_shown_step_by_step_and_call_by_call():
    assert to_plain_text(render_run_text(build_run_view(RECORD))) == (
        "Run 1m80a9gzwhr  ! crashed\n"
        "embedded · 123456789012 · eu-west-1 · apply of greenhouse · plan digest 19c9383d1b99 · file digest f2f1785f9a68\n"
        "by runner@ci-7, process 9, https://ci.example/7\n"
        "started 2026-11-22 10:00:00 UTC\n"
        "\n"
        "✔ create  things.pump-1  0.25 s\n"
        "       1  10:00:00.100  iot:CreateThing  thingName=pump-1  0.10 s  rejected Slow  r-1\n"
        "       2  10:00:00.250  iot:CreateThing  thingName=pump-1  0.05 s  completed  r-2\n"
        "? update  things.pump-2  unknown\n"
        "       3  10:00:00.300  iot:AttachThingPrincipal  "
        "principal=arn:aws:iot:eu-west-1:123456789012:cert/ab12cd34ef56…  unknown\n"
        "· delete  things.pump-3  planned\n"
        "\n"
        "Summary  1 applied, 1 planned, 1 unknown · 3 calls, 1 without a response"
    )


def test_a_crashed_run_is_reported_in_one_line():
    assert render_crash_warning(CRASHED).plain == (
        "warning: run 1m80a9gzwhr by runner@ci-7, started 2026-11-22 10:00:00 UTC, did not finish (crashed or killed) "
        "after 3 calls, 1 of them without a response; this plan starts from the live state"
    )


def test_runs_and_their_records_have_a_text():
    assert str(History((COMPLETED,))) == (
        "run 1m80a2gzwhr: apply of greenhouse by ada@laptop, 2026-11-22 10:00:00 UTC, applied (8 applied)"
    )
    assert str(History()) == "no runs yet"
    assert str(RECORD).split("\n")[1:] == [
        "  applied create things.pump-1",
        "  unknown update things.pump-2",
        "  planned delete things.pump-3",
    ]


def test_a_record_as_json_is_complete():
    document = json.loads(json.dumps(history_to_json(RECORD)))
    assert (document["format"], document["version"]) == ("reconciler.history", 1)
    assert document["run"]["process"] == {
        "user": "runner",
        "host": "ci-7",
        "pid": 9,
        "job": "https://ci.example/7",
        "started_at": 0.0,
    }
    assert (document["run"]["started_at"], document["run"]["ended_at"]) == ("2026-11-22T10:00:00+00:00", None)
    assert document["calls"][2]["parameters"] == f"principal={CERTIFICATE_ARN}"
    assert [step["status"] for step in document["steps"]] == ["applied", "unknown", "planned"]


def test_control_characters_in_a_journal_are_escaped():
    run = evolve(
        COMPLETED,
        workspace=HOSTILE_TEXT,
        process=ProcessIdentity(HOSTILE_TEXT, HOSTILE_TEXT, 1, HOSTILE_TEXT),
        command=HOSTILE_TEXT,
        counts={HOSTILE_TEXT: 1},
    )
    step = RunStep(f"things.{HOSTILE_TEXT}", "create", "failed", 1.0, HOSTILE_TEXT)
    call = RunCall(
        1,
        step.address,
        "iot",
        HOSTILE_TEXT,
        HOSTILE_TEXT,
        "rejected",
        make_time(0),
        make_time(1),
        HOSTILE_TEXT,
        HOSTILE_TEXT,
    )
    lines = [
        *render_history_text(build_history_view(History((run, COMPLETED))), 120),
        *render_run_text(build_run_view(RunRecord(run, (step,), (call,)))),
        render_crash_warning(run),
    ]
    assert [
        character for character in to_plain_text(lines) if not character.isprintable() and character != "\n"
    ] == []


def test_a_plan_is_the_same_without_the_journal(run_in_applied_starter):
    file = Path("desired_state.toml")
    file.write_text(file.read_text().replace('site = "bergen"', 'site = "trondheim"'))
    before = Workspace().plan()
    journal = Path(".reconciler/journal.sqlite3")
    assert [run.status for run in Workspace().history()] == ["applied"]
    for path in journal.parent.glob("journal*"):
        path.unlink()
    assert (Workspace().plan(), len(Workspace().history()), Workspace().last_run()) == (before, 0, None)
    journal.write_bytes(b"no journal" * 1000)
    assert Workspace().plan() == before


def test_an_apply_without_a_writable_journal_starts_only_with_no_journal(run_in_starter):
    journal = Path(".reconciler/journal.sqlite3")
    journal.mkdir(parents=True)
    code, _, err = run_in_starter("apply", "--yes")
    assert (code, err.split("\n")[-2]) == (
        1,
        (
            "error: the journal .reconciler/journal.sqlite3 is not a regular file; nothing was sent, because the journal would miss "
            "this run; solve this, or use --no-journal (in Python: journal=False)"
        ),
    )
    assert call_iot("ListThingGroups")["thingGroups"] == []
    with pytest.raises(JournalError, match="is not a regular file; nothing was sent"):
        Workspace().apply(Workspace().plan())
    code, out, err = run_in_starter("apply", "--yes", "--no-journal")
    assert (code, out.split("\n")[-2].split(" in ")[0]) == (0, "✔ Apply complete")
    assert "warning" not in err
    assert run_in_starter("history") == (
        1,
        "",
        (
            "error: the journal .reconciler/journal.sqlite3 is not a regular file; "
            "it is optional: move it away and the next apply starts a new journal\n"
        ),
    )


def test_the_last_run_is_of_the_workspace_but_the_history_has_runs_of_all_workspaces(run_in_applied_starter):
    other_file = Path("other.toml")
    other_file.write_text('[workspace]\nname = "lab"\n[thing_groups.shelf]\n')
    result = Workspace("other.toml").apply(Workspace("other.toml").plan(), command="try")
    assert (result.ok, result.journal_problem) == (True, "")
    record = Workspace().last_run()
    assert (record.run.workspace, record.run.command, record.run.file_digest) == (
        "greenhouse",
        "apply",
        Workspace().desired.digest,
    )
    assert [(run.workspace, run.command) for run in Workspace().history()] == [
        ("lab", "try"),
        ("greenhouse", "apply"),
    ]
    # The beginning of an ID is enough to select a run.
    assert Workspace().run(record.run.id[:-1]) == record


def test_an_unknown_run_id_is_an_error_with_the_closest_id(run_in_starter):
    assert (
        run_in_starter("history", "x")[2]
        == "error: no run has been recorded yet; `reconciler apply` records the first\n"
    )
    run_in_starter("apply", "--yes")
    (run,) = Workspace().history()
    unknown_id = f"{run.id[:5]}-{run.id[6:]}"
    assert run_in_starter("history", unknown_id) == (
        1,
        "",
        f"error: there is no run {unknown_id!r}; did you mean {run.id!r}?\n",
    )
    assert run_in_starter("history", "!") == (
        1,
        "",
        "error: there is no run '!'; list runs with `reconciler history`\n",
    )
    # The end of an ID is enough to select a run.
    assert run_in_starter("history", run.id[-3:])[1] == run_in_starter("history", run.id)[1]


def test_there_is_nothing_to_retry_without_a_run_after_a_complete_apply_or_after_a_destroy(run_in_starter):
    rejected = "error: the plan is rejected; nothing was sent\n  - "
    assert run_in_starter("apply", "--retry-failed", "--yes") == (
        3,
        "",
        f"{rejected}the journal has no run of this workspace on this target; apply without --retry-failed\n",
    )
    run_in_starter("apply", "--yes")
    (run,) = Workspace().history()
    name = f"the last run, {run.id} of {run.process} at {run.started_at:%Y-%m-%d %H:%M:%S} UTC,"
    assert run_in_starter("apply", "--retry-failed", "--yes") == (
        3,
        "",
        f"{rejected}{name} completed every step; apply without --retry-failed\n",
    )
    run_in_starter("destroy", "--yes")
    assert run_in_starter("apply", "--retry-failed", "--yes")[2].endswith(
        "was a destroy; run `reconciler destroy` to continue it\n"
    )


def test_a_crash_with_nothing_left_to_do_is_reported_until_the_next_apply(run_in_applied_starter):
    workspace = Workspace()
    other_process = ProcessIdentity("ada", "elsewhere", 7)
    # A run without an end in the journal, like that of a process that crashed.
    journal = Journal(Path(".reconciler/journal.sqlite3"))
    crashed_run = journal.begin(workspace.plan(), other_process, "apply", "")
    warning = render_crash_warning(workspace.crashed_run()).plain
    assert crashed_run.run_id in warning
    assert run_in_applied_starter("plan")[2] == f"{warning}\n"
    assert run_in_applied_starter("apply", "--yes")[2] == f"{warning}\n"
    assert run_in_applied_starter("plan")[2] == ""
    assert [run.status for run in workspace.history()] == ["applied", "crashed", "applied"]


def test_a_run_is_ended_in_the_journal_if_its_callback_raises(run_in_starter):
    workspace = Workspace()

    def fail(outcome):
        if outcome.status == "applied":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        workspace.apply(workspace.plan(), on_outcome=fail)
    record = workspace.last_run()
    assert (record.run.status, record.run.ended_at is not None, record.run.unanswered_call_count) == (
        "stopped",
        True,
        0,
    )


def test_the_history_is_shown_even_if_the_file_is_invalid(run_in_applied_starter):
    before = run_in_applied_starter("history")
    Path("desired_state.toml").write_text("no toml")
    assert (before[0], run_in_applied_starter("history")) == (0, before)
