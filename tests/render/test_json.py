"""What machines read: each output is what its published schema says, and says what happened."""

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
from reconciler.model.outcome import Applied, Canceled, Failed, Result, Skipped, Started
from reconciler.model.plan import Step
from reconciler.model.run import History, ProcessIdentity, Run, RunCall, RunRecord, RunStep
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
from tests.support.desired_states import converge, desired_states, plan_of
from tests.support.examples import examples
from tests.support.registry_client import TARGET, Cloud
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    EVERYTHING,
    HOSTILE,
    MANAGED,
    ROTATION,
    UPDATE,
    plan,
    thing,
)

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
RUN = Run(
    "r1",
    "ws",
    "embedded",
    ProcessIdentity("ada", "ci", 1),
    "apply",
    "0" * 64,
    "1" * 64,
    NOON,
    NOON,
    "applied",
)
VALIDATORS = {name: jsonschema.Draft202012Validator(build_output_schema(name)) for name in OUTPUTS}


def valid(output: str, text: str) -> bool:
    VALIDATORS[output].validate(json.loads(text))
    return True


def change(old: str, new: str) -> None:
    path = Path("desired_state.toml")
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_schema_is_one(output):
    jsonschema.Draft202012Validator.check_schema(build_output_schema(output))


@pytest.mark.parametrize("made", [EVERYTHING, plan()])
def test_a_plan_is_as_its_schema_says(made):
    assert valid("plan", "".join(render_plan_json(made)))
    assert all(valid("plan-line", line) for line in render_plan_jsonl(made))


def test_runs_are_as_their_schemas_say_ended_or_not():
    going = evolve(
        RUN, ended_at=None, status="running", counts={"planned": 1}, call_count=1, unanswered_call_count=1
    )
    call = RunCall(1, "things.a", "iot", "CreateThing", "a", "in flight", NOON)
    record = RunRecord(
        going, (RunStep("things.a", "create", "started"),), (call, evolve(call, ended_at=NOON))
    )
    assert valid("history", json.dumps(history_to_json(History((going, RUN)))))
    assert valid("history", json.dumps(history_to_json(History())))
    assert valid("run", json.dumps(history_to_json(record)))


@pytest.mark.parametrize("broken", ["run", "steps", "calls"])
def test_a_schema_refuses_a_run_that_lacks_something(broken):
    told = json.loads(json.dumps(history_to_json(RunRecord(RUN))))
    del told[broken]
    assert [error.message for error in VALIDATORS["run"].iter_errors(told)] == [
        f"{broken!r} is a required property"
    ]


@pytest.mark.parametrize("broken", ["digest", "changes", "format", "seal"])
def test_a_schema_refuses_a_plan_that_lacks_something(broken):
    document = json.loads("".join(render_plan_json(EVERYTHING)))
    del document[broken]
    assert [error.message for error in VALIDATORS["plan"].iter_errors(document)] == [
        f"{broken!r} is a required property"
    ]


@examples(10)
@given(before=desired_states(), after=desired_states())
def test_any_plan_and_any_drift_is_as_its_schema_says_and_reads_back(cloud, before, after):
    converge(before, cloud.empty())
    made = plan_of(after, cloud)
    text = "".join(render_plan_json(made))
    assert valid("plan", text)
    document = parse_plan_file(text.encode())
    assert "".join(seal_document(evolve(document, seal="0" * 64))) == text
    assert all(valid("plan-line", line) for line in render_plan_jsonl(made))
    found = find_drift(after, target=TARGET, call=cloud.call, progress=lambda *_: None)
    for last in (None, RUN):
        assert valid("drift", render_drift_json(found, last))
        assert all(valid("drift-line", line) for line in render_drift_jsonl(found, last))


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def test_a_plan_as_lines_is_its_head_and_then_each_change():
    found = [json.loads(line) for line in render_plan_jsonl(EVERYTHING)]
    assert [(line["type"], line.get("address")) for line in found] == [
        ("plan", None),
        ("change", "certificates.pump-7"),
        ("change", "things.pump-3"),
        ("change", "things.pump-7"),
        ("change", "things.pump-8"),
        ("change", "managed_things.pump-8"),
        ("note", "certificates.pump-9"),
        ("note", "things.pump-99"),
    ]
    assert (found[0]["changes"], found[0]["notes"]) == (5, 2)


def test_a_run_is_told_event_by_event_as_it_happens():
    seconds = iter([1.0, 2.5])
    stream = io.StringIO()
    made = plan(CREATION, UPDATE, DELETION, ROTATION, MANAGED)
    error = AwsError(
        service="iot",
        operation="UpdateThing",
        code="ThrottlingException",
        message="slow down, canary",
        request_id="r-2",
    )
    outcomes = [
        Started(UPDATE.change),
        Failed(UPDATE.change, error, 0),
        Skipped(DELETION.change, UPDATE.address),
        Applied(CREATION.change, 0.25, ("r-1",)),
        Canceled(ROTATION.change),
        Canceled(MANAGED.change),
    ]
    with EventWriter(made, stream, clock=lambda: next(seconds), now=lambda: NOON) as events:
        for outcome in outcomes:
            events.on_outcome(outcome)
        events.end(Result(made, tuple(outcomes[1:]), 3.0))
    told = stream.getvalue().splitlines()
    assert all(valid("event", line) for line in told)
    found = [json.loads(line) for line in told]
    assert {line["time"] for line in found} == {"2026-11-22T12:00:00.000+00:00"}
    assert [(line["event"], line.get("address"), line.get("seconds")) for line in found] == [
        ("run", None, None),
        ("started", "things.pump-7", None),
        ("failed", "things.pump-7", 1.5),
        ("skipped", "things.pump-3", None),
        ("applied", "things.pump-8", 0.25),
        ("cancelled", "certificates.pump-7", None),
        ("cancelled", "managed_things.pump-8", None),
        ("end", None, 3.0),
    ]
    assert found[2]["error"] == {
        "message": "slow down, (sensitive)",
        "code": "ThrottlingException",
        "request_id": "r-2",
        "next_step": "AWS asks for a slower pace; apply again, or lower the rate in [workspace.quotas]",
    }
    assert (
        found[3]["blocked_by"],
        found[4]["calls"],
        found[4]["request_ids"],
        found[4]["completed_calls"],
    ) == (
        "things.pump-7",
        ["iot:CreateThing"],
        ["r-1"],
        1,
    )
    assert (found[-1]["ok"], found[-1]["counts"]) == (
        False,
        {"applied": 1, "failed": 1, "skipped": 1, "cancelled": 2},
    )


def test_an_apply_as_events_writes_nothing_else_to_stdout(fleet):
    code, out, err = fleet("apply", "--yes", "--format", "jsonl")
    told = [json.loads(line) for line in out.splitlines()]
    assert (code, all(valid("event", line) for line in out.splitlines())) == (0, True)
    assert sorted(line["address"] for line in told if line["event"] == "applied") == sorted(
        line["address"] for line in told if line["event"] == "started"
    )
    assert all(line["request_ids"] for line in told if line["event"] == "applied")
    assert err.startswith("Plan for greenhouse\n")
    again = fleet("apply", "--format", "jsonl")
    assert [json.loads(line)["event"] for line in again[1].splitlines()] == ["run", "end"]


def test_drift_is_exit_code_2_in_every_format_and_none_is_0(fleet):
    fleet("apply", "--yes")
    assert [fleet("drift", "--format", form)[0] for form in FORMATS] == [0] * 5
    change('site = "bergen"', 'site = "trondheim"')
    assert [fleet("drift", "--format", form)[0] for form in FORMATS] == [2] * 5
    code, out, err = fleet("drift")
    assert (code, err) == (2, "")
    assert out.splitlines()[3:] == [
        "Things",
        "  ~ changed    things.pump-2  desired_state.toml:36",
        "             ~ attributes.site  trondheim → bergen",
        "",
        "Attributes: the file's value → the registry's.",
        "",
        "Drift  ~ 1 changed there  5 resources are as the file says",
    ]
    assert out.splitlines()[1].endswith("; the file has changed since then")


def test_a_text_that_githubs_old_runners_would_obey_is_spelt_in_json():
    step = evolve(UPDATE, calls=(evolve(UPDATE.calls[0], params={"thingName": "##[add-mask]x"}),))
    (_, line) = render_plan_jsonl(plan(step))
    assert ("##[" in line, json.loads(line)["calls"][0]["params"]) == (False, {"thingName": "##[add-mask]x"})


def test_ten_thousand_changes_are_told_in_every_format():
    count = 10_000
    made = plan(*[Step(thing(f"pump-{number}"), CREATION.calls) for number in range(count)])
    view = build_plan_view(made)
    told = {
        "text": "\n".join(line.plain for line in render_plan_text(view, 100)),
        "json": "".join(render_plan_json(made)),
        "jsonl": "".join(render_plan_jsonl(made)),
        "html": render_html_page(view),
    }
    found = {form: len(set(re.findall(r"things\.pump-\d+", page))) for form, page in told.items()}
    assert found == dict.fromkeys(told, count)
    comment = render_plan_markdown(view)
    shown = len(re.findall(r"things\.pump-\d+", comment))
    assert (shown > 500, comment.splitlines()[-1]) == (
        True,
        f"**… and {count - shown:,} more**: {count - shown:,} to create",
    )


DRIFTED = Drift(
    "greenhouse",
    TARGET,
    "0" * 64,
    (
        DriftedResource("missing", Address("things", "pump-1"), origin="desired_state.toml:9"),
        DriftedResource(
            "changed",
            Address("things", "pump-2"),
            (
                DriftedField("attributes.site", HOSTILE, "oslo"),
                DriftedField("code", "canary", "canary", sensitive=True),
            ),
            owner="greenhouse",
        ),
        DriftedResource("extra", Address("things", HOSTILE), owner="greenhouse"),
        DriftedResource("unmanaged", Address("certificates", "c"), owner="other"),
    ),
    7,
    (HOSTILE,),
)


def test_drift_reads_alike_as_text_and_as_a_page_and_nothing_in_it_acts():
    view = build_drift_view(DRIFTED, RUN)
    spelt = r'<script>alert("1")</script> [bold red]x[/] \x1b[31m\u202ered'
    assert [line.plain for line in render_drift_text(view, 100)] == [
        "Drift of greenhouse",
        "embedded · 123456789012 · eu-west-1 · last applied 2026-11-22 12:00 UTC by ada@ci",
        "",
        "Device certificates",
        "  ? unmanaged  certificates.c  it is the workspace other's",
        "",
        "Things",
        "  - missing    things.pump-1  desired_state.toml:9",
        "  ~ changed    things.pump-2",
        r'             ~ attributes.site  "<script>alert(\"1\")</script> [bold red]x[/] \x1b[31m\u202ered"',
        "                              → oslo",
        "             ~ code             (sensitive) → (sensitive)",
        f"  + extra      things.{spelt}",
        "",
        "Attributes: the file's value → the registry's.",
        f"  ! could not be looked at: {spelt}",
        "",
        (
            "Drift  - 1 missing there  ~ 1 changed there  + 1 this workspace's and not in the file  "
            "? 1 there without this workspace's mark  7 resources are as the file says"
        ),
    ]
    page = render_html_page(view)
    assert [word for word in ("<script", "canary", "\x1b", "\u202e") if word in page] == []
    assert "things.pump-2" in page
