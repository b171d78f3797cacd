"""Outputs for programs: each follows its published schema."""

from __future__ import annotations

import datetime
import io
import json
import re
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve
from hypothesis import given

from reconciler.cli.options import FORMATS
from reconciler.engine.plan.drift import Drift, DriftedField, DriftedResource, find_drift
from reconciler.model.address import Address
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Applied, Canceled, Failed, Result, Skipped, Started, Waiting
from reconciler.model.plan import Step
from reconciler.model.run import History, RunCall, RunRecord, RunStep
from reconciler.render.html.page import render_html_page
from reconciler.render.json.drift_file import render_drift_json, render_drift_jsonl
from reconciler.render.json.events import EventWriter
from reconciler.render.json.history_file import history_to_json
from reconciler.render.json.plan_file import parse_plan_file, render_plan_json, seal_document
from reconciler.render.json.plan_lines import render_plan_jsonl
from reconciler.render.json.schemas import OUTPUTS, build_output_schema
from reconciler.render.markdown import render_plan_markdown
from reconciler.render.text.drift import render_drift_text
from reconciler.render.text.plan import render_plan_text
from reconciler.render.views.drift import build_drift_view
from reconciler.render.views.plan import build_plan_view
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import converge, plan_state
from tests.support.examples import examples
from tests.support.registry_client import TARGET, Cloud
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    FULL_PLAN,
    HOSTILE_TEXT,
    MANAGED_THING_CREATION,
    ROTATION,
    UPDATE,
    make_sample_plan,
    make_thing_creation,
)
from tests.support.sample_runs import make_sample_run

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
RUN = make_sample_run("ws", "embedded", NOON)
VALIDATORS = {name: jsonschema.Draft202012Validator(build_output_schema(name)) for name in OUTPUTS}


def is_valid(output: str, text: str) -> bool:
    """Return true if the text follows the schema of an output, such as `plan-line`.

    Otherwise, raise an error that names the violation.
    """
    VALIDATORS[output].validate(json.loads(text))
    return True


def edit_file(old: str, new: str) -> None:
    path = Path("desired_state.toml")
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_schema_is_valid(output):
    jsonschema.Draft202012Validator.check_schema(build_output_schema(output))


@pytest.mark.parametrize("plan", [FULL_PLAN, make_sample_plan()])
def test_a_plan_follows_its_schema(plan):
    assert is_valid("plan", "".join(render_plan_json(plan)))
    assert all(is_valid("plan-line", line) for line in render_plan_jsonl(plan))


def test_runs_follow_their_schemas_while_running_and_when_ended():
    running = evolve(
        RUN, ended_at=None, status="running", counts={"planned": 1}, call_count=1, unanswered_call_count=1
    )
    call = RunCall(
        number=1,
        address="things.a",
        service="iot",
        operation="CreateThing",
        parameters="a",
        status="in flight",
        started_at=NOON,
    )
    record = RunRecord(
        running, (RunStep("things.a", "create", "started"),), (call, evolve(call, ended_at=NOON))
    )
    assert is_valid("history", json.dumps(history_to_json(History((running, RUN)))))
    assert is_valid("history", json.dumps(history_to_json(History())))
    assert is_valid("run", json.dumps(history_to_json(record)))


@pytest.mark.parametrize("member", ["run", "steps", "calls"])
def test_a_schema_rejects_a_run_without_a_member(member):
    document = json.loads(json.dumps(history_to_json(RunRecord(RUN))))
    del document[member]
    assert [error.message for error in VALIDATORS["run"].iter_errors(document)] == [
        f"{member!r} is a required property"
    ]


@pytest.mark.parametrize("member", ["digest", "changes", "format", "seal"])
def test_a_schema_rejects_a_plan_without_a_member(member):
    document = json.loads("".join(render_plan_json(FULL_PLAN)))
    del document[member]
    assert [error.message for error in VALIDATORS["plan"].iter_errors(document)] == [
        f"{member!r} is a required property"
    ]


@examples(10)
@given(before=desired_states(), after=desired_states())
def test_any_plan_and_drift_follow_their_schemas_and_a_plan_is_parsed_back(cloud, before, after):
    converge(before, cloud.reset())
    plan = plan_state(after, cloud)
    text = "".join(render_plan_json(plan))
    assert is_valid("plan", text)
    document = parse_plan_file(text.encode())
    # The seal is computed again, so a wrong one in the document has no effect.
    with_other_seal = evolve(document, seal="0" * 64)
    assert "".join(seal_document(with_other_seal)) == text
    assert all(is_valid("plan-line", line) for line in render_plan_jsonl(plan))
    drift = find_drift(after, target=TARGET, call=cloud.call, progress=lambda *_: None)
    for last_run in (None, RUN):
        assert is_valid("drift", "".join(render_drift_json(drift, last_run)))
        assert all(is_valid("drift-line", line) for line in render_drift_jsonl(drift, last_run))


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud) -> Cloud:
    """Return an empty registry. All tests share one, because creating a registry takes long."""
    return module_cloud.reset()


def test_the_lines_of_a_plan_are_a_summary_its_changes_and_its_notes():
    records = [json.loads(line) for line in render_plan_jsonl(FULL_PLAN)]
    assert [(line["type"], line.get("address")) for line in records] == [
        ("plan", None),
        ("change", "certificates.pump-7"),
        ("change", "things.pump-3"),
        ("change", "things.pump-7"),
        ("change", "things.pump-8"),
        ("change", "managed_things.pump-8"),
        ("note", "certificates.pump-9"),
        ("note", "things.pump-99"),
    ]
    assert (records[0]["changes"], records[0]["notes"]) == (5, 2)


THROTTLED = AwsError(
    service="iot",
    operation="UpdateThing",
    code="ThrottlingException",
    message="slow down, canary",  # `canary` is a secret of MANAGED_THING_CREATION
    request_id="r-2",
)
OUTCOMES = [
    Started(UPDATE.change),
    Waiting(UPDATE.change, 1.25),
    Failed(UPDATE.change, THROTTLED, 0),
    Skipped(DELETION.change, UPDATE.address),
    Applied(CREATION.change, 0.25, ("r-1",)),
    Canceled(ROTATION.change),
    Canceled(MANAGED_THING_CREATION.change),
]


def test_an_apply_writes_an_event_for_every_outcome():
    seconds = iter([1.0, 2.5])  # the times at which the update starts and fails
    stream = io.StringIO()
    plan = make_sample_plan(CREATION, UPDATE, DELETION, ROTATION, MANAGED_THING_CREATION)
    with EventWriter(plan, stream, clock=lambda: next(seconds), now=lambda: NOON) as events:
        for outcome in OUTCOMES:
            events.on_outcome(outcome)
        events.end(Result(plan, tuple(OUTCOMES[2:]), 3.0))
    texts = stream.getvalue().splitlines()
    assert all(is_valid("event", line) for line in texts)
    records = [json.loads(line) for line in texts]
    assert {line["time"] for line in records} == {"2026-11-22T12:00:00.000+00:00"}
    assert [(line["event"], line.get("address"), line.get("seconds")) for line in records] == [
        ("run", None, None),
        ("started", "things.pump-7", None),
        ("waiting", "things.pump-7", 1.25),
        ("failed", "things.pump-7", 1.5),
        ("skipped", "things.pump-3", None),
        ("applied", "things.pump-8", 0.25),
        ("canceled", "certificates.pump-7", None),
        ("canceled", "managed_things.pump-8", None),
        ("end", None, 3.0),
    ]
    assert records[3]["error"] == {
        "message": "slow down, (sensitive)",
        "code": "ThrottlingException",
        "request_id": "r-2",
        "next_step": "run apply again, or lower the rate in [workspace.quotas]: AWS is throttling requests",
    }
    assert (
        records[4]["blocked_by"],
        records[5]["calls"],
        records[5]["request_ids"],
        records[5]["completed_calls"],
    ) == (
        "things.pump-7",
        ["iot:CreateThing"],
        ["r-1"],
        1,
    )
    assert (records[-1]["ok"], records[-1]["counts"]) == (
        False,
        {"applied": 1, "failed": 1, "skipped": 1, "canceled": 2},
    )


def test_an_apply_writes_only_events_to_stdout(run_in_starter):
    code, out, err = run_in_starter("apply", "--yes", "--format", "jsonl")
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, all(is_valid("event", line) for line in out.splitlines())) == (0, True)
    started = [event for event in events if event["event"] == "started"]
    applied = [event for event in events if event["event"] == "applied"]
    assert sorted(event["address"] for event in applied) == sorted(event["address"] for event in started)
    assert all(event["request_ids"] for event in applied)
    assert err.startswith("Plan for greenhouse\n")
    _, second_out, _ = run_in_starter("apply", "--format", "jsonl")
    assert [json.loads(line)["event"] for line in second_out.splitlines()] == ["run", "end"]


def test_drift_exits_with_2_in_every_format_and_with_0_for_no_drift(run_in_starter):
    run_in_starter("apply", "--yes")
    exit_codes = {run_in_starter("drift", "--format", output_format)[0] for output_format in FORMATS}
    assert exit_codes == {0}
    edit_file('site = "bergen"', 'site = "trondheim"')
    exit_codes = {run_in_starter("drift", "--format", output_format)[0] for output_format in FORMATS}
    assert exit_codes == {2}
    code, out, err = run_in_starter("drift")
    assert (code, err) == (2, "")
    assert out.splitlines()[3:] == [
        "Things",
        "  ~ changed    things.pump-2  desired_state.toml:36",
        "             ~ attributes.site  trondheim → bergen",
        "",
        "Fields: desired → live.",
        "",
        "Drift: ~ 1 changed; 5 resources match the file",
    ]
    assert out.splitlines()[1].endswith("; the file has changed since")


def test_a_command_of_githubs_old_runners_is_escaped_in_json():
    # Old runners execute `##[COMMAND]` wherever it appears in a log.
    step = evolve(UPDATE, calls=(evolve(UPDATE.calls[0], params={"thingName": "##[add-mask]x"}),))
    (_, line) = render_plan_jsonl(make_sample_plan(step))
    assert ("##[" in line, json.loads(line)["calls"][0]["params"]) == (False, {"thingName": "##[add-mask]x"})


def test_every_format_in_full_shows_thousands_of_changes_but_markdown_counts_most_of_them():
    count = 3_000
    plan = make_sample_plan(
        *[Step(make_thing_creation(f"pump-{number}"), CREATION.calls) for number in range(count)]
    )
    view = build_plan_view(plan)
    texts = {
        "text": "\n".join(line.plain for line in render_plan_text(view, 100, full=True)),
        "json": "".join(render_plan_json(plan)),
        "jsonl": "".join(render_plan_jsonl(plan)),
        "html": "".join(render_html_page(view, full=True)),
    }
    address_counts = {
        output_format: len(set(re.findall(r"things\.pump-\d+", text)))
        for output_format, text in texts.items()
    }
    assert address_counts == dict.fromkeys(texts, count)
    comment = render_plan_markdown(view, full=True)
    shown_count = len(re.findall(r"things\.pump-\d+", comment))
    assert (shown_count > 500, comment.splitlines()[-1]) == (
        True,
        f"**… and {count - shown_count:,} more**: {count - shown_count:,} to create",
    )


DRIFT = Drift(
    workspace="greenhouse",
    target=TARGET,
    file_digest="0" * 64,
    items=(
        DriftedResource("missing", Address("things", "pump-1"), origin="desired_state.toml:9"),
        DriftedResource(
            "changed",
            Address("things", "pump-2"),
            (
                DriftedField("attributes.site", HOSTILE_TEXT, "oslo"),
                DriftedField("code", "canary", "canary", sensitive=True),
            ),
            owner="greenhouse",
        ),
        DriftedResource("extra", Address("things", HOSTILE_TEXT), owner="greenhouse"),
        DriftedResource("unmanaged", Address("certificates", "c"), owner="other"),
    ),
    unchanged=7,
    unlisted=(HOSTILE_TEXT,),
)


def test_drift_is_escaped_in_text_and_html():
    view = build_drift_view(DRIFT, RUN)
    escaped = r'<script>alert("1")</script> [bold red]x[/] \x1b[31m\u202ered'
    assert [line.plain for line in render_drift_text(view, 100)] == [
        "Drift of greenhouse",
        "embedded · 123456789012 · eu-west-1 · last applied 2026-11-22 12:00 UTC by ada@ci",
        "",
        "Device certificates",
        "  ? unmanaged  certificates.c  owned by workspace other",
        "",
        "Things",
        "  - missing    things.pump-1  desired_state.toml:9",
        "  ~ changed    things.pump-2",
        r'             ~ attributes.site  "<script>alert(\"1\")</script> [bold red]x[/] \x1b[31m\u202ered"',
        "                              → oslo",
        "             ~ code             (sensitive) → (sensitive)",
        f"  + extra      things.{escaped}",
        "",
        "Fields: desired → live.",
        f"  ! cannot list {escaped}",
        "",
        (
            "Drift: - 1 missing, ~ 1 changed, + 1 managed but not in the file, ? 1 in the file but not managed; "
            "7 resources match the file"
        ),
    ]
    page = "".join(render_html_page(view))
    assert [word for word in ("<script", "canary", "\x1b", "\u202e") if word in page] == []
    assert "things.pump-2" in page
