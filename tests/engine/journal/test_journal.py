"""The journal returns what was recorded, drops the oldest runs, and contains no secrets."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.apply.executor import apply_plan
from reconciler.engine.apply.recorder import record_calls
from reconciler.engine.journal.database import open_for_writing
from reconciler.engine.journal.writer import JournalWriter
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, ReconcilerError
from reconciler.model.outcome import Applied, Canceled, Failed, Outcome, Skipped, Started
from reconciler.model.plan import Estimate, Plan, Step
from reconciler.model.run import Run, RunCall, RunRecord, RunStep
from reconciler.model.secret import Secret
from tests.support.examples import examples
from tests.support.journals import (
    OTHER_HOST,
    TARGET,
    THIS_PROCESS,
    build_address,
    convert_tick_to_date,
    make_group_creation,
    make_group_plan,
    open_journal,
    read_record_of_only_run,
)

DENIED = AwsError(service="iot", operation="Make", code="Denied", message="no", request_id="r-no")


def test_a_run_is_read_as_it_was_recorded(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_group_plan("ab"), THIS_PROCESS, "apply", "f" * 64)
    run.record_outcome(Started(make_group_creation("a")))
    first_token = run.record_request(build_address("a"), ApiCall("iot", "CreateThing", {"thingName": "a"}))
    run.record_response(first_token, "completed", "r-1")
    # The journal measures the seconds of a step with its own clock, so these 50 seconds are not recorded.
    run.record_outcome(Applied(make_group_creation("a"), seconds=50.0))
    run.record_outcome(Started(make_group_creation("b")))
    second_token = run.record_request(build_address("b"), ApiCall("iot", "CreateThing", {"thingName": "b"}))
    run.record_response(second_token, "rejected", "r-no", "Denied")
    run.record_outcome(Failed(make_group_creation("b"), DENIED))
    run.end()
    assert read_record_of_only_run(journal) == RunRecord(
        run=Run(
            id=run.run_id,
            workspace="ws",
            target=str(TARGET),
            process=THIS_PROCESS,
            command="apply",
            file_digest="f" * 64,
            plan_digest="d" * 64,
            started_at=convert_tick_to_date(0),
            ended_at=convert_tick_to_date(9),
            status="failed",
            counts={"applied": 1, "failed": 1},
            call_count=2,
            unanswered_call_count=0,
        ),
        steps=(
            RunStep(address="thing_groups.a", action="create", status="applied", seconds=3.0),
            RunStep(
                address="thing_groups.b",
                action="create",
                status="failed",
                seconds=3.0,
                error="iot:Make failed with Denied: no (request r-no)",
            ),
        ),
        calls=(
            RunCall(
                number=1,
                address="thing_groups.a",
                service="iot",
                operation="CreateThing",
                parameters="thingName=a",
                status="completed",
                started_at=convert_tick_to_date(2),
                ended_at=convert_tick_to_date(3),
                request_id="r-1",
                error_code="",
            ),
            RunCall(
                number=2,
                address="thing_groups.b",
                service="iot",
                operation="CreateThing",
                parameters="thingName=b",
                status="rejected",
                started_at=convert_tick_to_date(6),
                ended_at=convert_tick_to_date(7),
                request_id="r-no",
                error_code="Denied",
            ),
        ),
    )


OUTCOMES: dict[str, Callable[[str], Outcome]] = {
    "applied": lambda name: Applied(make_group_creation(name), 0.0),
    "failed": lambda name: Failed(make_group_creation(name), ReconcilerError(f"no {name}")),
    "skipped": lambda name: Skipped(make_group_creation(name), build_address("z")),
    "canceled": lambda name: Canceled(make_group_creation(name)),
}
"""By status, a function that takes the name of a step and returns the step's outcome."""
CALL_RESULTS = ("completed", "rejected", "no response")
STEP_STATUSES = st.sampled_from([*OUTCOMES, "planned"])
RECORDED_RUNS = st.tuples(
    st.dictionaries(st.sampled_from("abcdef"), STEP_STATUSES, max_size=6),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([*CALL_RESULTS, "unknown"])), max_size=6),
)
"""A run: the status of each step by its one-letter name, and the calls, each with its step's name and its result."""


def compute_run_status(step_statuses: set[str]) -> str:
    if step_statuses & {"failed", "skipped"}:
        return "failed"
    return "applied" if step_statuses <= {"applied"} else "stopped"


@examples(15)
@given(st.lists(RECORDED_RUNS, max_size=4))
def test_runs_are_read_as_they_were_recorded_newest_first(tmp_path_factory, recorded_runs):
    journal = open_journal(tmp_path_factory.mktemp("journal"))
    expected = []
    for statuses, calls in recorded_runs:
        run = journal.begin(make_group_plan("".join(statuses)), THIS_PROCESS, "apply", "")
        for name, result in calls:
            token = run.record_request(build_address(name), ApiCall("iot", "Make", {"thingName": name}))
            if result in CALL_RESULTS:
                run.record_response(token, result, "r", "c")
        for name, status in statuses.items():
            if status in OUTCOMES:
                run.record_outcome(OUTCOMES[status](name))
        run.end()
        steps = [
            (f"thing_groups.{name}", status, f"no {name}" if status == "failed" else "")
            for name, status in statuses.items()
        ]
        numbered_calls = [
            (number, f"thing_groups.{name}", f"thingName={name}", result)
            for number, (name, result) in enumerate(calls, 1)
        ]
        expected.insert(0, (run.run_id, compute_run_status(set(statuses.values())), steps, numbered_calls))
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


def test_a_call_is_visible_to_readers_before_and_after_its_response(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "")
    token = run.record_request(build_address("a"), ApiCall("iot", "Make"))
    (call,) = read_record_of_only_run(journal).calls
    assert (read_record_of_only_run(journal).run.status, call.status) == ("running", "in flight")
    run.record_response(token, "completed", "r")
    run.record_request(build_address("a"), ApiCall("iot", "Make"))
    call, next_call = read_record_of_only_run(journal).calls
    assert (call.status, call.request_id, next_call.status) == ("completed", "r", "in flight")
    run.end()


def test_the_response_with_a_secret_is_visible_at_once(tmp_path):
    journal = open_journal(tmp_path)
    run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "")
    token = run.record_request(build_address("a"), ApiCall("iot", "Make", secret_member="key"))
    run.record_response(token, "completed", "r")
    (call,) = read_record_of_only_run(journal).calls
    assert (call.status, call.request_id) == ("completed", "r")
    run.end()


def test_an_apply_records_every_attempt_at_a_call_and_its_result(tmp_path):
    responses = [DENIED, OSError("cable"), {"ResponseMetadata": {"RequestId": "r-2"}}]

    def respond(_request):
        response = responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    plan = Plan(
        "ws",
        TARGET,
        tuple(
            Step(
                make_group_creation(name),
                (ApiCall("iot", "Make", {"thingName": name}, retried_errors={"Denied"}),),
            )
            for name in "ab"
        ),
        digest="",
        estimate=Estimate({}, seconds=0.0),
    )
    journal = open_journal(tmp_path)
    run = journal.begin(plan, THIS_PROCESS, "apply", "")
    stop = threading.Event()
    for outcome in apply_plan(plan, respond, stop=stop, workers=1, pause=lambda _: None, recorder=run):
        run.record_outcome(outcome)
    run.end()
    record = read_record_of_only_run(journal)
    assert [(call.address, call.status, call.error_code, call.request_id) for call in record.calls] == [
        ("thing_groups.a", "rejected", "Denied", "r-no"),
        ("thing_groups.a", "no response", "OSError", ""),
        ("thing_groups.b", "completed", "", "r-2"),
    ]
    assert [step.status for step in record.steps] == ["failed", "applied"]
    assert record.run.unanswered_call_count == 1


def test_a_call_with_an_error_is_completed_only_if_it_ignores_or_awaits_the_error(tmp_path):
    def deny(_request):
        raise DENIED

    journal = open_journal(tmp_path)
    run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "")
    for error_codes in (
        {"ignored_errors": {"Denied"}},
        {"repeat_until": {"Denied"}},
        {"retried_errors": {"Denied"}},
    ):
        with pytest.raises(AwsError):
            record_calls(deny, run, build_address("a"))(ApiCall("iot", "Make", **error_codes))
    run.end()
    assert [(call.status, call.error_code) for call in read_record_of_only_run(journal).calls] == [
        ("completed", "Denied"),
        ("completed", "Denied"),
        ("rejected", "Denied"),
    ]


def test_runs_are_limited_and_filtered_by_workspace_and_target(tmp_path):
    journal = open_journal(tmp_path)
    for name in ("one", "two"):
        journal.begin(make_group_plan("a", name), THIS_PROCESS, "apply", "").end()
    assert [run.workspace for run in journal.list_runs(limit=1, workspace="one")] == ["one"]
    assert [
        run.workspace for run in journal.list_runs(workspace="one", target="embedded · 1 · elsewhere")
    ] == []
    assert [run.workspace for run in journal.list_runs(limit=1)] == ["two"]


def test_a_journal_from_before_environments_is_read_and_extended(tmp_path):
    journal = open_journal(tmp_path)
    journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "f" * 64).end()
    with closing(sqlite3.connect(journal.path)) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN environment")
    assert [run.environment for run in journal.list_runs()] == [""]
    plan = evolve(make_group_plan("a"), environment="prod")
    journal.begin(plan, THIS_PROCESS, "apply", "f" * 64).end()
    assert [run.environment for run in journal.list_runs()] == ["prod", ""]


def test_reading_a_missing_journal_finds_no_runs_and_creates_no_file(tmp_path):
    journal = open_journal(tmp_path)
    assert (journal.list_runs(), journal.list_ids(), journal.read_record("x"), [*tmp_path.iterdir()]) == (
        (),
        (),
        None,
        [],
    )


def test_the_oldest_runs_that_are_not_running_are_dropped_when_there_are_too_many(tmp_path):
    journal = open_journal(tmp_path, max_runs=3)
    running_run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "running")
    # Whether a process on another host still runs cannot be checked, so its unfinished run counts as crashed.
    crashed_run = journal.begin(make_group_plan("a"), OTHER_HOST, "apply", "crashed")
    for number in range(5):
        journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", str(number)).end()
    assert [run.file_digest for run in journal.list_runs()] == ["4", "3", "running"]
    running_run.end()
    crashed_run.end()


def test_the_oldest_runs_are_dropped_when_the_file_is_too_large(tmp_path):
    journal = open_journal(tmp_path, max_bytes=300_000)
    sizes = []
    for _ in range(8):
        run = journal.begin(make_group_plan(map(str, range(1000))), THIS_PROCESS, "apply", "")
        run.end()
        sizes.append(journal.path.stat().st_size)
    assert 2 <= len(journal.list_runs()) < 8
    # A run is added after old runs are dropped, so the file may exceed the limit by about one run.
    assert max(sizes) < 450_000
    assert (
        open_journal(tmp_path, max_bytes=1).begin(make_group_plan(""), THIS_PROCESS, "apply", "").run_id
        in journal.list_ids()
    )
    # Only the newest of the eight runs and the run that has just begun stay.
    assert len(journal.list_runs()) == 2


SETUP_CODE = "90314159265358979323846264"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"


def test_the_journal_file_contains_no_secret(tmp_path):
    params = {
        "AuthenticationMaterial": Secret("env CODE", SETUP_CODE),
        "certificatePem": PRIVATE_KEY,
        "nested": {"deep": [Secret("env KEY", PRIVATE_KEY)]},
        "Name": "pump-1",
    }
    plan_with_secrets = make_group_plan("a", **params)
    journal = open_journal(tmp_path)
    run = journal.begin(plan_with_secrets, THIS_PROCESS, "apply", "")
    text = f"rejected code {SETUP_CODE}, key {PRIVATE_KEY.strip()} and line {PRIVATE_KEY.splitlines()[1]}"
    call = ApiCall("iot", "Make", {**params, "AuthenticationMaterial": SETUP_CODE, "targetName": PRIVATE_KEY})
    run.record_response(run.record_request(build_address("a"), call), "rejected", code="Denied")
    run.record_outcome(Failed(make_group_creation("a"), ReconcilerError(text)))
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    run.end()
    content += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [
        secret for secret in (SETUP_CODE, *PRIVATE_KEY.splitlines()[1:2]) if secret.encode() in content
    ] == []
    record = read_record_of_only_run(journal)
    assert record.calls[0].parameters == "Name=pump-1"
    assert record.steps[0].error == "rejected code (sensitive), key (sensitive) and line (sensitive)"


def test_only_its_owner_can_read_the_journal(tmp_path):
    journal = open_journal(tmp_path)
    journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "").end()
    journal.path.chmod(0o644)
    run = journal.begin(make_group_plan("a"), THIS_PROCESS, "apply", "")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    run.end()
    assert modes == {f"journal.sqlite3{suffix}": 0o600 for suffix in ("", "-wal", "-shm")}


def test_a_response_is_committed_with_the_next_call_of_its_step(tmp_path):
    path = tmp_path / "journal.sqlite3"
    connection = open_for_writing(path)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    writer = JournalWriter(connection, path)
    for number in range(20):
        writer.write(f"PRAGMA application_id = {2 * number}", ())
        writer.write(f"PRAGMA application_id = {2 * number + 1}", (), wait=False)
    writer.close()
    # One for each call and one for the last response; a pause of this process may add some.
    assert 20 <= statements.count("COMMIT") < 30
