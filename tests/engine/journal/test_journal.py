"""The journal returns what was recorded, even after a crash, damage to the file, or parallel runs."""

from __future__ import annotations

import datetime
import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.apply.executor import apply_plan
from reconciler.engine.apply.recorder import record_calls
from reconciler.engine.journal.journal import Journal
from reconciler.engine.ownership.process import identify_this_process, is_running
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create
from reconciler.model.errors import AwsError, JournalError, ReconcilerError
from reconciler.model.outcome import Applied, Canceled, Failed, Outcome, Skipped, Started
from reconciler.model.plan import Estimate, Plan, Step, Target
from reconciler.model.resource import Resource
from reconciler.model.run import ProcessIdentity, Run, RunCall, RunRecord, RunStep
from reconciler.model.secret import Secret
from tests.support.examples import examples

TARGET = Target("embedded", "eu-west-1", "123456789012")
DENIED = AwsError(service="iot", operation="Make", code="Denied", message="no", request_id="r-no")
THIS_PROCESS = identify_this_process({})
OTHER_HOST = evolve(THIS_PROCESS, host="elsewhere")


def clock() -> Callable[[], float]:
    """Return a clock that advances by one second each time it is read."""
    return itertools.count(1_000_000_000.0).__next__


def build_address(name: str) -> Address:
    return Address("thing_groups", name)


def change(name: str) -> Create:
    return Create(Resource(build_address(name), None))


def make_plan(names: str, workspace: str = "ws", **params: object) -> Plan:
    call = ApiCall("iot", "Make", params)
    steps = tuple(Step(change(name), (call,)) for name in names)
    return Plan(workspace, TARGET, steps, "d" * 64, Estimate({}, 0.0))


def open_journal(folder: Path, **options: object) -> Journal:
    return Journal(folder / "journal.sqlite3", **{"clock": clock(), **options})


def time(second: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(1_000_000_000 + second, datetime.UTC)


def only_record(journal: Journal) -> RunRecord:
    (run,) = journal.list_runs()
    record = journal.read_record(run.id)
    assert record
    return record


# ── recording and reading ───────────────────────────────────────────────────────────────────────


def test_a_run_is_read_as_it_was_recorded(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_plan("ab"), THIS_PROCESS, "apply", "f" * 64)
    run.record_outcome(Started(change("a")))
    first = run.record_request(build_address("a"), ApiCall("iot", "CreateThing", {"thingName": "a"}))
    run.record_response(first, "answered", "r-1")
    run.record_outcome(Applied(change("a"), 9.0))
    run.record_outcome(Started(change("b")))
    second = run.record_request(build_address("b"), ApiCall("iot", "CreateThing", {"thingName": "b"}))
    run.record_response(second, "refused", "r-no", "Denied")
    run.record_outcome(Failed(change("b"), DENIED))
    run.end()
    assert only_record(journal) == RunRecord(
        Run(
            run.run_id,
            "ws",
            str(TARGET),
            THIS_PROCESS,
            "apply",
            "f" * 64,
            "d" * 64,
            time(0),
            time(9),
            "failed",
            {"applied": 1, "failed": 1},
            2,
            0,
        ),
        (
            RunStep("thing_groups.a", "create", "applied", 3.0),
            RunStep(
                "thing_groups.b", "create", "failed", 3.0, "iot:Make failed with Denied: no (request r-no)"
            ),
        ),
        (
            RunCall(
                1,
                "thing_groups.a",
                "iot",
                "CreateThing",
                "thingName=a",
                "answered",
                time(2),
                time(3),
                "r-1",
                "",
            ),
            RunCall(
                2,
                "thing_groups.b",
                "iot",
                "CreateThing",
                "thingName=b",
                "refused",
                time(6),
                time(7),
                "r-no",
                "Denied",
            ),
        ),
    )


OUTCOMES: dict[str, Callable[[str], Outcome]] = {
    "applied": lambda name: Applied(change(name), 0.0),
    "failed": lambda name: Failed(change(name), ReconcilerError(f"no {name}")),
    "skipped": lambda name: Skipped(change(name), build_address("z")),
    "cancelled": lambda name: Canceled(change(name)),
}
RESULTS = ("answered", "refused", "lost")
step_statuses = st.sampled_from([*OUTCOMES, "planned"])
recorded_runs = st.tuples(
    st.dictionaries(st.sampled_from("abcdef"), step_statuses, max_size=6),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([*RESULTS, "unknown"])), max_size=6),
)


def run_status(step_statuses: set[str]) -> str:
    if step_statuses & {"failed", "skipped"}:
        return "failed"
    return "applied" if step_statuses <= {"applied"} else "stopped"


@examples(15)
@given(st.lists(recorded_runs, max_size=4))
def test_runs_are_read_as_they_were_recorded_newest_first(tmp_path_factory, runs_recorded):
    journal = open_journal(tmp_path_factory.mktemp("any"))
    expected = []
    for step_outcomes, calls in runs_recorded:
        run = journal.begin(make_plan("".join(step_outcomes)), THIS_PROCESS, "apply", "")
        for name, result in calls:
            token = run.record_request(build_address(name), ApiCall("iot", "Make", {"thingName": name}))
            if result in RESULTS:
                run.record_response(token, result, "r", "c")
        for name, status in step_outcomes.items():
            if status in OUTCOMES:
                run.record_outcome(OUTCOMES[status](name))
        run.end()
        steps = [
            (f"thing_groups.{name}", status, f"no {name}" if status == "failed" else "")
            for name, status in step_outcomes.items()
        ]
        numbered_calls = [
            (number, f"thing_groups.{name}", f"thingName={name}", result)
            for number, (name, result) in enumerate(calls, 1)
        ]
        expected.insert(0, (run.run_id, run_status(set(step_outcomes.values())), steps, numbered_calls))
    records = [journal.read_record(run.id) for run in journal.list_runs()]
    assert [
        (
            record.run.id,
            record.run.status,
            [(step.address, step.status, step.error) for step in record.steps],
            [(call.number, call.address, call.parameters, call.status) for call in record.calls],
        )
        for record in records
    ] == expected
    assert sorted(journal.list_ids(), reverse=True) == [run_id for run_id, *_ in expected]


def test_a_call_is_visible_to_readers_before_and_after_it_is_sent(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_plan("a"), THIS_PROCESS, "apply", "")
    token = run.record_request(build_address("a"), ApiCall("iot", "Make"))
    (call,) = only_record(journal).calls
    assert (only_record(journal).run.status, call.status) == ("running", "in flight")
    run.record_response(token, "answered", "r")
    (call,) = only_record(journal).calls
    assert (call.status, call.request_id) == ("answered", "r")
    run.end()


def test_an_apply_records_every_attempt_at_a_call_and_its_result(tmp_path):
    responses = [DENIED, OSError("cable"), {"ResponseMetadata": {"RequestId": "r-2"}}]

    def call(_request):
        response = responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    plan = Plan(
        "ws",
        TARGET,
        tuple(
            Step(change(name), (ApiCall("iot", "Make", {"thingName": name}, retried_errors={"Denied"}),))
            for name in "ab"
        ),
        "",
        Estimate({}, 0.0),
    )
    journal = open_journal(tmp_path)
    run = journal.begin(plan, THIS_PROCESS, "apply", "")
    stop = threading.Event()
    for outcome in apply_plan(plan, call, stop=stop, workers=1, pause=lambda _: None, recorder=run):
        run.record_outcome(outcome)
    run.end()
    record = only_record(journal)
    assert [(call.address, call.status, call.error_code, call.request_id) for call in record.calls] == [
        ("thing_groups.a", "refused", "Denied", "r-no"),
        ("thing_groups.a", "lost", "OSError", ""),
        ("thing_groups.b", "answered", "", "r-2"),
    ]
    assert [step.status for step in record.steps] == ["failed", "applied"]
    assert record.run.unanswered_call_count == 1


def test_an_ignored_error_is_recorded_as_answered(tmp_path):
    def call(_request):
        raise DENIED

    journal = open_journal(tmp_path)
    run = journal.begin(make_plan("a"), THIS_PROCESS, "apply", "")
    for codes in (
        {"ignored_errors": {"Denied"}},
        {"repeat_until": {"Denied"}},
        {"retried_errors": {"Denied"}},
    ):
        with pytest.raises(AwsError):
            record_calls(call, run, build_address("a"))(ApiCall("iot", "Make", **codes))
    run.end()
    assert [(call.status, call.error_code) for call in only_record(journal).calls] == [
        ("answered", "Denied"),
        ("answered", "Denied"),
        ("refused", "Denied"),
    ]


def test_runs_are_filtered_by_workspace(tmp_path):
    journal = open_journal(tmp_path)
    for name in ("one", "two"):
        journal.begin(make_plan("a", name), THIS_PROCESS, "apply", "").end()
    assert [run.workspace for run in journal.list_runs(1, "one")] == ["one"]
    assert [run.workspace for run in journal.list_runs(None, "one", "embedded · 1 · elsewhere")] == []
    assert [run.workspace for run in journal.list_runs(1)] == ["two"]


def test_reading_a_missing_journal_finds_no_runs_and_creates_no_file(tmp_path):
    journal = open_journal(tmp_path)
    assert (journal.list_runs(), journal.list_ids(), journal.read_record("x"), [*tmp_path.iterdir()]) == (
        (),
        (),
        None,
        [],
    )


# ── crashed and parallel processes ─────────────────────────────────────────────────────────────

WRITER = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from reconciler.engine.journal.journal import Journal
from reconciler.engine.apply.recorder import record_calls
from reconciler.model.call import ApiCall
from reconciler.model.outcome import Started
from tests.engine.journal.test_journal import THIS_PROCESS, build_address, change, make_plan
journal = Journal(Path(sys.argv[1]))
call = ApiCall("iot", "Make", {"thingName": sys.argv[2]})
"""
RECORD_MANY_CALLS = """
for _ in range(4):
    run = journal.begin(make_plan("a"), THIS_PROCESS, "apply", sys.argv[2])
    send = record_calls(lambda request: {}, run, build_address("a"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [call] * 25))
    run.end()
    assert run.problem == ""
"""
RECORD_AND_WAIT = """
run = journal.begin(make_plan("ab"), THIS_PROCESS, "apply", "")
run.record_outcome(Started(change("a")))
run.record_response(run.record_request(build_address("a"), call), "answered", "r-1")
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
    } == {run.id: [(n, f"thingName={run.file_digest}", "answered") for n in range(1, 26)] for run in runs}


def test_a_killed_run_has_crashed_and_its_calls_in_flight_are_unknown(tmp_path):
    path = tmp_path / "journal.sqlite3"
    writer = start_writer(RECORD_AND_WAIT, path)
    assert writer.stdout
    assert writer.stdout.readline() == "sent\n"
    assert only_record(Journal(path)).run.status == "running"
    writer.send_signal(signal.SIGKILL)
    while is_running(
        evolve(THIS_PROCESS, pid=writer.pid, started_at=only_record(Journal(path)).run.process.started_at)
    ):
        os.sched_yield()
    for _ in range(2):  # before its parent collects its exit status, and after
        record = only_record(Journal(path))
        assert (
            record.run.status,
            record.run.ended_at,
            record.run.call_count,
            record.run.unanswered_call_count,
        ) == (
            "crashed",
            None,
            2,
            1,
        )
        assert [step.status for step in record.steps] == ["unknown", "planned"]
        assert [(call.status, call.request_id) for call in record.calls] == [
            ("answered", "r-1"),
            ("unknown", ""),
        ]
        assert record.unfinished_addresses == ("thing_groups.a", "thing_groups.b")
        writer.communicate(timeout=60)


def test_an_unfinished_run_of_another_host_or_process_counts_as_crashed(tmp_path):
    journal = open_journal(tmp_path)
    reused_pid = evolve(THIS_PROCESS, started_at=THIS_PROCESS.started_at - 60)
    for process in (THIS_PROCESS, OTHER_HOST, reused_pid):
        journal.begin(make_plan("a"), process, "apply", "")
    assert [run.status for run in journal.list_runs()] == ["crashed", "crashed", "running"]


# ── size ────────────────────────────────────────────────────────────────────────────────────────


def test_the_oldest_finished_runs_are_dropped_when_there_are_too_many(tmp_path):
    journal = open_journal(tmp_path, max_runs=3)
    running = journal.begin(make_plan("a"), THIS_PROCESS, "apply", "running")
    crashed = journal.begin(make_plan("a"), OTHER_HOST, "apply", "crashed")
    for number in range(5):
        journal.begin(make_plan("a"), THIS_PROCESS, "apply", str(number)).end()
    assert [run.file_digest for run in journal.list_runs()] == ["4", "3", "running"]
    running.end()
    crashed.end()


def test_the_oldest_runs_are_dropped_and_the_file_shrinks_when_it_is_too_large(tmp_path):
    journal = open_journal(tmp_path, max_bytes=300_000)
    sizes = []
    for _ in range(8):
        run = journal.begin(make_plan(map(str, range(1000))), THIS_PROCESS, "apply", "")
        run.end()
        sizes.append(journal.path.stat().st_size)
    assert 2 <= len(journal.list_runs()) < 8
    assert max(sizes) < 450_000
    assert (
        open_journal(tmp_path, max_bytes=1).begin(make_plan(""), THIS_PROCESS, "apply", "").run_id
        in journal.list_ids()
    )
    assert len(journal.list_runs()) == 2


# ── secrets and file permissions ────────────────────────────────────────────────────────────────

CANARY = "90314159265358979323846264"
KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"


def test_the_journal_file_contains_no_secret(tmp_path):
    params = {
        "AuthenticationMaterial": Secret("env CODE", CANARY),
        "certificatePem": KEY,
        "nested": {"deep": [Secret("env KEY", KEY)]},
        "Name": "pump-1",
    }
    plan_with_secrets = make_plan("a", **params)
    journal = open_journal(tmp_path)
    run = journal.begin(plan_with_secrets, THIS_PROCESS, "apply", "")
    text = f"rejected code {CANARY}, key {KEY.strip()} and line {KEY.splitlines()[1]}"
    call = ApiCall("iot", "Make", {**params, "AuthenticationMaterial": CANARY, "targetName": KEY})
    run.record_response(run.record_request(build_address("a"), call), "refused", code="Denied")
    run.record_outcome(Failed(change("a"), ReconcilerError(text)))
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    run.end()
    content += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [secret for secret in (CANARY, *KEY.splitlines()[1:2]) if secret.encode() in content] == []
    record = only_record(journal)
    assert record.calls[0].parameters == "Name=pump-1"
    assert record.steps[0].error == "rejected code (sensitive), key (sensitive) and line (sensitive)"


def test_only_its_owner_can_read_the_journal(tmp_path):
    journal = open_journal(tmp_path)
    journal.begin(make_plan("a"), THIS_PROCESS, "apply", "").end()
    journal.path.chmod(0o644)
    run = journal.begin(make_plan("a"), THIS_PROCESS, "apply", "")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    run.end()
    assert modes == {f"journal.sqlite3{suffix}": 0o600 for suffix in ("", "-wal", "-shm")}


# ── damaged and foreign files ───────────────────────────────────────────────────────────────────


def write_garbage(path: Path) -> None:
    path.write_bytes(b"\x00 not a database \xff" * 400)


def write_empty_file(path: Path) -> None:
    path.touch()


def write_folder(path: Path) -> None:
    path.mkdir()


def write_fifo(path: Path) -> None:
    os.mkfifo(path)


def write_symbolic_link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere.sqlite3"))


def write_later_version(path: Path) -> None:
    Journal(path).begin(make_plan("a"), THIS_PROCESS, "apply", "").end()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def write_corrupted(path: Path) -> None:
    Journal(path).begin(make_plan(map(str, range(500))), THIS_PROCESS, "apply", "").end()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def write_missing_column(path: Path) -> None:
    write_later_version(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.execute("ALTER TABLE runs DROP COLUMN born")
    connection.close()


def test_a_journal_without_an_expected_column_raises_a_journal_error(tmp_path):
    path = tmp_path / "journal.sqlite3"
    write_missing_column(path)
    for operation in (
        lambda: Journal(path).begin(make_plan("a"), THIS_PROCESS, "apply", ""),
        Journal(path).list_runs,
    ):
        with pytest.raises(JournalError):
            operation()


PROBLEMS = {
    write_garbage: "cannot be {verb}: file is not a database",
    write_empty_file: "is not a journal",
    write_folder: "is not a regular file",
    write_fifo: "is not a regular file",
    write_symbolic_link: "is not a regular file",
    write_later_version: "was written by a later version of reconciler",
    write_corrupted: "cannot be {verb}: database disk image is malformed",
}


@pytest.mark.parametrize("write_file", PROBLEMS, ids=lambda write_file: write_file.__name__)
def test_a_file_that_is_not_a_journal_is_reported_and_left_unchanged(tmp_path, write_file):
    path = tmp_path / "journal.sqlite3"
    write_file(path)
    journal, before = Journal(path), os.lstat(path)
    for verb, operation in (
        ("written", lambda: journal.begin(make_plan("a"), THIS_PROCESS, "apply", "")),
        ("read", journal.list_runs),
    ):
        with pytest.raises(JournalError) as error:
            operation()
        assert str(error.value) == (
            f"the journal {path} {PROBLEMS[write_file].format(verb=verb)}; "
            "it is optional: move it away and the next apply starts a new journal"
        )
    assert os.lstat(path).st_size == before.st_size


def test_a_journal_that_fails_during_a_run_is_reported_once_and_stops_nothing(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_plan("a"), THIS_PROCESS, "apply", "")
    run.record_response(run.record_request(build_address("a"), ApiCall("iot", "Make")), "answered")
    connection = sqlite3.connect(journal.path)
    connection.execute("DROP TABLE calls")
    connection.close()
    run.record_response(run.record_request(build_address("a"), ApiCall("iot", "Make")), "answered")
    run.record_outcome(Applied(change("a"), 0.0))
    run.end()
    assert run.problem == "no such table: calls"
    run.record_request(
        build_address("a"), ApiCall("iot", "Make")
    )  # returns at once: the writer thread has ended


# ── process identity ─────────────────────────────────────────────────────────────────────────────────────────


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
)
def test_a_run_in_ci_has_the_job_url(environ, job):
    process = identify_this_process(environ)
    assert (process.job, process.pid, is_running(process)) == (job, os.getpid(), True)


def test_a_process_identity_is_shown_as_user_and_host():
    assert str(ProcessIdentity("ada", "laptop", 7)) == "ada@laptop"
