"""The journal keeps every row when processes write at once, and shows which runs have crashed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from reconciler.engine.journal.journal import Journal
from reconciler.engine.ownership.process import identify_this_process, is_running
from reconciler.model.run import ProcessIdentity
from tests.support.journals import (
    OTHER_HOST,
    THIS_PROCESS,
    make_group_plan,
    open_journal,
    read_record_of_only_run,
)

WRITER = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from reconciler.engine.journal.journal import Journal
from reconciler.engine.apply.recorder import record_calls
from reconciler.model.call import ApiCall
from reconciler.model.outcome import Started
from tests.support.journals import THIS_PROCESS, build_address, make_group_creation, make_group_plan
journal = Journal(Path(sys.argv[1]))
call = ApiCall("iot", "Make", {"thingName": sys.argv[2]})
"""
"""The beginning of a program that writes to a journal.

Its arguments are the journal's path, and a text: the thing name in each call, and the file digest of each run.
"""

RECORD_MANY_CALLS = """
for _ in range(4):
    run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", sys.argv[2])
    send = record_calls(lambda request: {}, run, build_address("a"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [call] * 25))
    run.end()
    assert run.problem == ""
"""
RECORD_AND_WAIT = """
run = journal.begin(make_group_plan("ab"), THIS_PROCESS, "apply", "")
run.record_outcome(Started(make_group_creation("a")))
run.record_response(run.record_request(build_address("a"), call), "completed", "r-1")
run.record_request(build_address("a"), call)
print("sent", flush=True)
threading.Event().wait()
"""


def start_writer(code: str, path: Path, name: str = "x") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER + code, path, name],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_writing_at_once_lose_no_row(tmp_path):
    path = tmp_path / "journal.sqlite3"
    writers = [start_writer(RECORD_MANY_CALLS, path, name) for name in ("p", "q")]
    assert [(writer.communicate(timeout=60)[1], writer.returncode) for writer in writers] == [("", 0)] * 2
    journal = Journal(path)
    runs = journal.list_runs()
    assert sorted(run.file_digest for run in runs) == ["p"] * 4 + ["q"] * 4
    assert {
        run.id: [(call.number, call.parameters, call.status) for call in journal.read_record(run.id).calls]
        for run in runs
    } == {
        run.id: [(number, f"thingName={run.file_digest}", "completed") for number in range(1, 26)]
        for run in runs
    }


def test_a_killed_run_counts_as_crashed_and_its_calls_in_flight_as_unknown(tmp_path):
    path = tmp_path / "journal.sqlite3"
    writer = start_writer(RECORD_AND_WAIT, path)
    assert writer.stdout
    assert writer.stdout.readline() == "sent\n"
    assert read_record_of_only_run(Journal(path)).run.status == "running"
    writer.send_signal(signal.SIGKILL)
    while is_running(
        evolve(
            THIS_PROCESS,
            pid=writer.pid,
            started_at=read_record_of_only_run(Journal(path)).run.process.started_at,
        )
    ):
        os.sched_yield()
    # The writer is a zombie in the first round; `communicate` collects its exit status before the second.
    for _ in range(2):
        record = read_record_of_only_run(Journal(path))
        assert (
            record.run.status,
            record.run.ended_at,
            record.run.call_count,
            record.run.unanswered_call_count,
        ) == ("crashed", None, 2, 1)
        assert [step.status for step in record.steps] == ["unknown", "planned"]
        assert [(call.status, call.request_id) for call in record.calls] == [
            ("completed", "r-1"),
            ("unknown", ""),
        ]
        assert record.unfinished_addresses == ("thing_groups.a", "thing_groups.b")
        writer.communicate(timeout=60)


def test_an_unfinished_run_of_another_host_or_of_a_process_that_ended_counts_as_crashed(tmp_path):
    journal = open_journal(tmp_path)
    process_with_reused_pid = evolve(THIS_PROCESS, started_at=THIS_PROCESS.started_at - 60)
    for process in (THIS_PROCESS, OTHER_HOST, process_with_reused_pid):
        journal.begin(make_group_plan("a"), process, "apply", "")
    # The newest run is listed first.
    assert [run.status for run in journal.list_runs()] == ["crashed", "crashed", "running"]


@pytest.mark.parametrize(
    ("environ", "job"),
    [
        ({}, ""),
        ({"CI_JOB_URL": "https://git.example/7"}, "https://git.example/7"),
        (
            {"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "a/b", "GITHUB_SERVER_URL": "https://git.example"},
            "https://git.example/a/b/actions/runs/7",
        ),
        ({"BUILD_URL": "x" * 300}, "x" * 200),
    ],
    ids=["not in CI", "URL", "GitHub", "URL cut off"],
)
def test_a_process_identity_has_the_url_of_the_ci_job_if_any(environ, job):
    process = identify_this_process(environ)
    assert (process.job, process.pid, is_running(process)) == (job, os.getpid(), True)


def test_a_process_identity_is_shown_as_user_and_host():
    assert str(ProcessIdentity("ada", "laptop", 7)) == "ada@laptop"
