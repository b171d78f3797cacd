"""Plans, results and drifts are rendered change by change.

A plan then has the same bytes as one that is rendered at once. The memory that a format needs is measured with two fleets, of which one has four times the devices of the other.
"""

from __future__ import annotations

import gc
import io
import json
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

import attrs
import pytest
from attrs import evolve, frozen

from reconciler.engine.plan import record
from reconciler.engine.plan.drift import Drift, DriftedField, DriftedResource
from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, FieldChange, Update
from reconciler.model.document import Document
from reconciler.model.errors import AwsError
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.outcome import Applied, Failed, Result, Started
from reconciler.model.plan import LazySteps, Plan, Step
from reconciler.model.resource import Live
from reconciler.render.formats import render_for_machines, render_page
from reconciler.render.html.page import render_html_page
from reconciler.render.json import drift_file, plan_file
from reconciler.render.json.drift_file import render_drift_json, render_drift_jsonl
from reconciler.render.json.encode import encode_document, encode_json
from reconciler.render.json.events import EventWriter
from reconciler.render.json.plan_file import (
    PlanDocument,
    build_plan_document,
    parse_plan_file,
    render_plan_json,
)
from reconciler.render.json.plan_lines import render_record_jsonl
from reconciler.render.markdown import render_result_markdown
from reconciler.render.text.drift import render_drift_text
from reconciler.render.text.plan import render_plan_text
from reconciler.render.text.result import render_result_text
from reconciler.render.views import drift as drift_views
from reconciler.render.views import fields, format_value
from reconciler.render.views import plan as plan_views
from reconciler.render.views import result as result_views
from reconciler.render.views.drift import build_drift_view
from reconciler.render.views.plan import (
    NoteView,
    PlanView,
    build_plan_view,
    complete_plan_view,
    remove_requests,
)
from reconciler.render.views.result import build_result_view
from tests.support.sample_plans import FULL_PLAN, TARGET, make_resource_at_line, make_sample_plan


def complete_document(document: PlanDocument) -> PlanDocument:
    """Return a document whose changes and rows are all in memory."""
    return evolve(document, changes=tuple(document.changes), view=complete_plan_view(document.view))


def encode_at_once(document: PlanDocument) -> Iterator[str]:
    """Encode each member at once: a list of objects with a line for each, anything else as one line."""
    for name in attrs.fields_dict(PlanDocument):
        member = getattr(document, name)
        is_list = isinstance(member, tuple) and member
        items = ",\n".join(map(encode_json, member)) if is_list else ""
        yield f"{encode_json(name)}: " + (f"[\n{items}\n]" if is_list else encode_json(member))


@pytest.mark.parametrize("plan", [FULL_PLAN, make_sample_plan()])
def test_a_plan_written_in_pieces_has_the_bytes_of_the_whole_document(plan):
    text = "".join(render_plan_json(plan))
    document = evolve(complete_document(build_plan_document(plan)), seal=json.loads(text)["seal"])
    members = ",\n".join(encode_at_once(document))
    assert text == f"{{\n{members}\n}}\n"


def test_only_one_item_of_a_lazy_sequence_at_a_time_is_in_memory():
    """So the memory that a plan's JSON needs does not grow with the plan."""
    created: list[weakref.ref[NoteView]] = []

    def build_note(number: int) -> NoteView:
        note = NoteView("info", "·", "", str(number))
        created.append(weakref.ref(note))
        return note

    @frozen
    class Document:
        notes: LazySequence[int, NoteView]

    living_counts = [
        sum(reference() is not None for reference in created)
        for _ in encode_document(Document(LazySequence(build_note, range(50))))
    ]
    assert len(created) == 51  # the first one is also looked at before
    assert max(living_counts) == 1


DEVICES = 25
GROWTH = 4
CHANGES_PER_DEVICE = 4

MAX_BYTES_PER_CHANGE = 500
"""The places of the rows in groups, and counts of values that only one row has; a row itself has more than twice as many bytes."""


def make_changes(number: int) -> Iterator[Change]:
    """Make the changes of a device: three in groups, and one without a group."""
    name = f"SN{number:05}"
    live = Live(name, Thing(), version=1)
    serial = FieldChange("attributes.serial", None, f"k{number * 7919}")
    yield Create(make_resource_at_line("things", f"new-{name}", Thing(), 7), (serial,))
    yield Update(make_resource_at_line("things", f"old-{name}", Thing(), 8), live, (serial,))
    yield Delete(Address("things", name), live, (evolve(serial, before=serial.after, after=None),))
    before, after = (Document.from_value({"Action": f"iot:{text}"}) for text in (f"A{number}", f"B{number}"))
    policy = make_resource_at_line("policies", name, Policy(after), 9)
    yield Update(policy, Live(name, Policy(before)), (FieldChange("document", before, after),))


def make_step(change: Change) -> Step:
    return Step(change, (ApiCall("iot", "UpdateThing", {"thingName": change.address.name}),))


def make_fleet_plan(devices: int) -> Plan:
    changes = [change for number in range(devices) for change in make_changes(number)]
    return evolve(make_sample_plan(), steps=LazySteps(make_step, changes))


def make_fleet_result(devices: int) -> Result:
    """Make a result in which every second device has the same error, and each other device another."""
    plan = make_fleet_plan(devices)
    outcomes = [
        Applied(change, 0.1)
        if position % CHANGES_PER_DEVICE
        else Failed(change, make_error(position), completed_calls=0)
        for position, change in enumerate(plan.changes)
    ]
    return Result(plan, tuple(outcomes), 1.0)


def make_error(position: int) -> AwsError:
    return AwsError(
        service="iot",
        operation="UpdateThing",
        code="ConflictException",
        message="busy" if position % (2 * CHANGES_PER_DEVICE) else "busy " + "again " * position,
        status=409,
        request_id=f"r-{position}",
    )


def make_fleet_drift(devices: int) -> Drift:
    items = [
        DriftedResource(
            "changed",
            change.address,
            tuple(DriftedField(field.path, field.after, field.before) for field in change.fields),
            origin="desired_state.toml:7",
            owner="greenhouse",
        )
        for change in make_fleet_plan(devices).changes
    ]
    return Drift("greenhouse", TARGET, "0" * 64, tuple(items), unchanged=0)


Renderer: TypeAlias = Callable[[int], Iterator[object]]
"""A function that prepares a fleet of this number of devices, and returns its output in pieces, which are built when they are used."""


def render_plan(devices: int, render: Callable[..., Iterator[object]], **options: bool) -> Iterator[object]:
    plan = make_fleet_plan(devices)
    yield
    requests = options.pop("requests", False)
    yield from render(build_plan_view(plan, requests=requests), **options)


def render_plan_for_machines(devices: int, output_format: str) -> Iterator[object]:
    plan = make_fleet_plan(devices)
    yield
    yield from render_for_machines(plan, output_format)


def render_saved_plan(devices: int, render: Callable[[PlanDocument], Iterator[object]]) -> Iterator[object]:
    content = "".join(render_plan_json(make_fleet_plan(devices))).encode()
    yield
    yield from render(parse_plan_file(content))


def render_drift(devices: int, render: Callable[[Drift], Iterator[object]]) -> Iterator[object]:
    drift = make_fleet_drift(devices)
    yield
    yield from render(drift)


def render_result(devices: int, render: Callable[[Result], Iterator[object]]) -> Iterator[object]:
    result = make_fleet_result(devices)
    yield
    yield from render(result)


def write_events(result: Result) -> Iterator[object]:
    with EventWriter(result.plan, DroppingStream()) as events:
        for outcome in result.outcomes:
            events.on_outcome(Started(outcome.change))
            events.on_outcome(outcome)
            yield
        events.end(result)


class DroppingStream(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


RENDERERS: Mapping[str, Renderer] = {
    "plan as text": partial(render_plan, render=partial(render_plan_text, width=100)),
    "plan as text --full": partial(render_plan, render=partial(render_plan_text, width=100, full=True)),
    "plan as text --calls": partial(
        render_plan, render=partial(render_plan_text, width=100, full=True), requests=True
    ),
    "plan as json": partial(render_plan_for_machines, output_format="json"),
    "plan as jsonl": partial(render_plan_for_machines, output_format="jsonl"),
    **{
        f"plan as {name}{' --full' if full else ''}": partial(
            render_plan, render=partial(render_page, output_format=name, full=full)
        )
        for name in ("markdown", "html")
        for full in (False, True)
    },
    "saved plan as text": partial(
        render_saved_plan,
        render=lambda document: render_plan_text(remove_requests(document.view), 100, full=True),
    ),
    "saved plan as html": partial(
        render_saved_plan, render=lambda document: render_html_page(remove_requests(document.view))
    ),
    "saved plan as jsonl": partial(render_saved_plan, render=render_record_jsonl),
    "drift as json": partial(render_drift, render=render_drift_json),
    "drift as jsonl": partial(render_drift, render=render_drift_jsonl),
    **{
        f"drift as {name}{' --full' if full else ''}": partial(
            render_drift,
            render=lambda drift, name=name, full=full: render_page(build_drift_view(drift), name, full=full),
        )
        for name in ("markdown", "html")
        for full in (False, True)
    },
    **{
        f"drift as text{' --full' if full else ''}": partial(
            render_drift,
            render=lambda drift, full=full: render_drift_text(build_drift_view(drift), 100, full=full),
        )
        for full in (False, True)
    },
    "apply as text": partial(
        render_result, render=lambda result: render_result_text(build_result_view(result))
    ),
    "apply as markdown": partial(
        render_result, render=lambda result: iter([render_result_markdown(build_result_view(result))])
    ),
    "apply as html": partial(
        render_result, render=lambda result: render_html_page(build_result_view(result))
    ),
    "apply as jsonl": partial(render_result, render=write_events),
}


class LiveValues:
    """Counts the rows, records and steps that functions build, as long as something refers to them."""

    def __init__(self) -> None:
        self.maximum = 0
        self._references: dict[int, weakref.ref[object]] = {}

    def count_values_of(self, build: Callable[..., object]) -> Callable[..., object]:
        """Return a function like `build` whose values are counted."""

        def build_and_count(*arguments: object, **options: object) -> object:
            value = build(*arguments, **options)
            reference = weakref.ref(value, self._forget)
            self._references[id(reference)] = reference
            self.maximum = max(self.maximum, len(self._references))
            return value

        return build_and_count

    def _forget(self, reference: weakref.ref[object]) -> None:
        del self._references[id(reference)]


BUILDERS = (
    (sys.modules[__name__], "make_step"),
    (plan_views, "build_plan_row"),
    (plan_views, "_remove_requests"),
    (drift_views, "_build_row"),
    (result_views, "_build_failure"),
    (result_views, "build_outcome_view"),
    (record, "_to_change_record"),
    (plan_file, "_decode_change"),
    (plan_file, "_decode_row"),
    (drift_file, "to_resource_record"),
)
"""The functions whose values must not stay in memory."""


def count_live_values(monkeypatch: pytest.MonkeyPatch, renderer: Renderer, devices: int) -> int:
    """Return how many rows, records and steps are in memory at most while a fleet is rendered."""
    live_values = LiveValues()
    with monkeypatch.context() as patch:
        for module, name in BUILDERS:
            patch.setattr(module, name, live_values.count_values_of(getattr(module, name)))
        for _ in renderer(devices):
            pass
    return live_values.maximum


@pytest.mark.parametrize("renderer", RENDERERS.values(), ids=RENDERERS)
def test_no_format_has_more_rows_in_memory_for_a_larger_fleet(monkeypatch, renderer):
    small = count_live_values(monkeypatch, renderer, DEVICES)
    assert count_live_values(monkeypatch, renderer, GROWTH * DEVICES) == small


def render_complete_rows(view: PlanView) -> Iterator[object]:
    return render_plan_text(complete_plan_view(view), 100)


def test_rows_that_a_format_keeps_are_counted(monkeypatch):
    renderer = partial(render_plan, render=render_complete_rows)
    small = count_live_values(monkeypatch, renderer, DEVICES)
    assert count_live_values(monkeypatch, renderer, GROWTH * DEVICES) > 2 * small


def measure_peak(renderer: Renderer, devices: int) -> int:
    """Return the most bytes in use while the output of a fleet is rendered and not kept."""
    pieces = renderer(devices)
    next(pieces)  # the fleet itself is not counted
    gc.collect()
    tracemalloc.start()
    try:
        for _ in pieces:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure_bytes_per_change(monkeypatch: pytest.MonkeyPatch, renderer: Renderer) -> float:
    """Return by how many bytes the peak grows with each change, without caches, which have a maximum."""
    for module, name in ((fields, "_describe_new_text"), (format_value, "_format_long_text")):
        monkeypatch.setattr(module, name, getattr(module, name).__wrapped__)
    measure_peak(renderer, 2)  # imports
    small, large = (measure_peak(renderer, 4 * factor * DEVICES) for factor in (1, GROWTH))
    return (large - small) / (4 * (GROWTH - 1) * DEVICES * CHANGES_PER_DEVICE)


@pytest.mark.parametrize(
    "name", ["plan as text", "plan as markdown", "plan as json", "drift as text", "saved plan as text"]
)
def test_groups_need_little_memory_for_each_of_their_rows(monkeypatch, name):
    assert measure_bytes_per_change(monkeypatch, RENDERERS[name]) < MAX_BYTES_PER_CHANGE


def write_events_of_success(devices: int) -> Iterator[object]:
    plan = make_fleet_plan(devices)
    yield
    with EventWriter(plan, DroppingStream()) as events:
        for change in plan.changes:
            events.on_outcome(Started(change))
            yield
            events.on_outcome(Applied(change, 0.1))


def test_events_need_no_memory_for_steps_that_have_ended(monkeypatch):
    # Python keeps up to 2,000 deleted tuples, of 48 bytes each, for reuse; entries of dictionaries would need 180 bytes.
    assert measure_bytes_per_change(monkeypatch, write_events_of_success) < 60


def test_rows_that_a_format_keeps_take_more_memory(monkeypatch):
    renderer = partial(render_plan, render=render_complete_rows)
    assert measure_bytes_per_change(monkeypatch, renderer) > MAX_BYTES_PER_CHANGE
