"""A plan's steps run in the order that the graph allows, and what became of each is told as it happens."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.apply.executor import apply_plan
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.change import Create
from reconciler.model.errors import AwsError, ServiceUnavailableError, TargetError
from reconciler.model.outcome import Applied, Canceled, Failed, Skipped, Started
from reconciler.model.plan import Estimate, Plan, Step, Target
from reconciler.model.resource import Resource

TARGET = Target("embedded", "eu-west-1", "123456789012")
NO = AwsError(service="iot", operation="Make", code="Denied", message="no")


def at(name: str) -> Address:
    return Address("thing_groups", name)


def change(name: str) -> Create:
    return Create(Resource(at(name), None))


def plan(waits: Mapping[str, str], **calls: int) -> Plan:
    """Steps by name with the names that each waits for, one letter each; one call a step where nothing else is said."""
    steps = tuple(
        Step(
            change(name),
            tuple(ApiCall("iot", "Make", {"name": name, "n": n}) for n in range(calls.get(name, 1))),
            frozenset(map(at, before)),
        )
        for name, before in waits.items()
    )
    return Plan("ws", TARGET, steps, "0" * 64, Estimate({}, 0.0))


def answering(**errors: Exception):
    """A registry that refuses what it is told to refuse: by name, or by name and number of the call (`a1`)."""

    def call(request):
        name, number = request.params["name"], request.params["n"]
        for key in (name, f"{name}{number}"):
            if key in errors:
                raise errors[key]
        return {"Id": f"{name}{number}", "ResponseMetadata": {"RequestId": f"r-{name}{number}"}}

    return call


def run(steps_plan, call=None, **options):
    """All outcomes, times aside."""
    options.setdefault("stop", threading.Event())
    outcomes = apply_plan(steps_plan, call or answering(), **{"workers": 1, **options})
    return [evolve(outcome, seconds=0.0) if isinstance(outcome, Applied) else outcome for outcome in outcomes]


def applied(name, *request_ids):
    return Applied(change(name), 0.0, request_ids or (f"r-{name}0",))


def ended(outcomes):
    return [outcome for outcome in outcomes if not isinstance(outcome, Started)]


def started(outcomes):
    return "".join(outcome.change.address.name for outcome in outcomes if isinstance(outcome, Started))


def test_every_step_is_started_and_applied_with_the_request_ids_of_its_calls():
    assert run(plan({"a": "", "b": "a"}, a=2)) == [
        Started(change("a")),
        applied("a", "r-a0", "r-a1"),
        Started(change("b")),
        applied("b"),
    ]


def test_a_plan_without_steps_has_no_outcomes():
    assert run(plan({})) == []


def test_a_step_without_calls_is_applied():
    assert run(plan({"a": ""}, a=0)) == [Started(change("a")), Applied(change("a"), 0.0)]


def test_a_failed_step_reports_the_error_and_its_completed_calls():
    outcomes = run(plan({"a": ""}, a=4), answering(a2=NO))
    assert outcomes == [Started(change("a")), Failed(change("a"), NO, completed_calls=2)]


def test_a_failed_step_skips_all_its_dependents_and_nothing_else():
    steps_plan = plan({"a": "", "b": "a", "c": "b", "d": "", "e": "d", "f": "ce"})
    assert ended(run(steps_plan, answering(a=NO))) == [
        Failed(change("a"), NO),
        Skipped(change("b"), blocked_by=at("a")),
        Skipped(change("c"), blocked_by=at("a")),
        Skipped(change("f"), blocked_by=at("a")),
        applied("d"),
        applied("e"),
    ]


def test_a_step_that_two_failures_block_is_skipped_once():
    steps_plan = plan({"a": "", "b": "", "c": "ab", "d": "c"})
    assert ended(run(steps_plan, answering(a=NO, b=NO))) == [
        Failed(change("a"), NO),
        Skipped(change("c"), blocked_by=at("a")),
        Skipped(change("d"), blocked_by=at("a")),
        Failed(change("b"), NO),
    ]


def test_the_step_with_the_longest_path_after_it_runs_first():
    steps_plan = plan({"a": "", "b": "", "c": "", "x": "b", "y": "x", "z": "c"})
    assert started(run(steps_plan)) == "bcxayz"


def test_steps_with_equal_paths_run_in_the_order_of_the_plan():
    assert started(run(plan({"c": "", "a": "", "b": ""}))) == "cab"


@given(st.data())
def test_no_step_starts_before_its_dependencies_are_applied_and_each_ends_once(data):
    names = "abcdefgh"[: data.draw(st.integers(0, 8))]
    waits = {
        name: "".join(data.draw(st.sets(st.sampled_from(names[:n])))) if n else ""
        for n, name in enumerate(names)
    }
    failing = data.draw(st.sets(st.sampled_from(names))) if names else set()
    steps_plan = plan(waits)
    done: set[Address] = set()
    finals: list[Address] = []
    for outcome in run(
        steps_plan, answering(**dict.fromkeys(failing, NO)), workers=data.draw(st.integers(1, 4))
    ):
        address = outcome.change.address
        if isinstance(outcome, Started):
            assert {at(before) for before in waits[address.name]} <= done
            continue
        finals.append(address)
        if isinstance(outcome, Applied):
            done.add(address)
    assert sorted(finals) == sorted(map(at, names))
    doomed = set(failing)
    for name in names:
        doomed |= {name} if doomed & set(waits[name]) else set()
    assert done == {at(name) for name in names if name not in doomed}


def test_as_many_steps_run_at_once_as_there_are_workers():
    together = threading.Barrier(3, timeout=10)

    def call(request):
        together.wait()
        return {}

    outcomes = run(plan({"a": "", "b": "", "c": ""}), call, workers=3)
    assert [outcome.status for outcome in outcomes] == ["started"] * 3 + ["applied"] * 3


def test_stopping_finishes_running_steps_and_cancels_the_rest():
    stop = threading.Event()

    def call(request):
        if request.params["name"] == "b":
            stop.set()
        return answering()(request)

    steps_plan = plan({"a": "", "b": "", "c": "a", "d": "", "e": "b"}, b=2)
    outcomes = run(steps_plan, call, stop=stop, workers=1)
    assert outcomes == [
        Started(change("a")),
        applied("a"),
        Started(change("b")),
        applied("b", "r-b0", "r-b1"),
        Canceled(change("c")),
        Canceled(change("d")),
        Canceled(change("e")),
    ]


def test_stopping_still_reports_the_dependents_of_a_failure_as_skipped():
    stop = threading.Event()

    def call(request):
        stop.set()
        raise NO

    assert ended(run(plan({"a": "", "b": "a", "c": ""}), call, stop=stop)) == [
        Failed(change("a"), NO),
        Skipped(change("b"), blocked_by=at("a")),
        Canceled(change("c")),
    ]


def test_stopping_before_the_start_sends_nothing():
    stop = threading.Event()
    stop.set()
    request = []
    outcomes = run(plan({"a": "", "b": "a"}), request.append, stop=stop)
    assert (outcomes, request) == ([Canceled(change("a")), Canceled(change("b"))], [])


@pytest.mark.parametrize("error", [NO, TargetError("no route")])
def test_a_reconciler_error_is_reported_unchanged(error):
    assert ended(run(plan({"a": ""}), answering(a=error))) == [Failed(change("a"), error)]


def test_an_internal_error_in_one_step_fails_it_and_leaves_the_others_running():
    fault = ZeroDivisionError("division by zero")
    (failed, *rest) = ended(run(plan({"a": "", "b": "a", "c": ""}), answering(a=fault)))
    assert (failed.change, failed.completed_calls, str(failed.error), failed.error.__cause__) == (
        change("a"),
        0,
        "internal error: ZeroDivisionError: division by zero",
        fault,
    )
    assert rest == [Skipped(change("b"), blocked_by=at("a")), applied("c")]


def test_later_steps_know_an_id_that_aws_assigned():
    request = []

    def call(call):
        request.append(call.params["name"])
        return {"Id": f"id of {call.params['name']}"}

    first = Step(change("a"), (ApiCall("iot", "Make", {"name": "a"}),))
    second = Step(change("b"), (ApiCall("iot", "Make", {"name": Ref(at("a"), "Id")}),), frozenset({at("a")}))
    run(Plan("ws", TARGET, (first, second), "", Estimate({}, 0.0)), call)
    assert request == ["a", "id of a"]


def test_waiting_for_aws_to_catch_up_uses_the_given_pause():
    pauses, refusals = [], [NO, NO]

    def call(request):
        if refusals:
            raise refusals.pop()
        return {}

    step = Step(change("a"), (ApiCall("iot", "Make", {}, retried_errors={"Denied"}),))
    steps_plan = Plan("ws", TARGET, (step,), "", Estimate({}, 0.0))
    assert [outcome.status for outcome in run(steps_plan, call, pause=pauses.append)] == [
        "started",
        "applied",
    ]
    assert len(pauses) == 2


def test_stopping_interrupts_a_wait_for_aws_to_catch_up():
    stop = threading.Event()
    step = Step(change("a"), (ApiCall("iot", "Make", {"name": "a", "n": 0}, retried_errors={"Denied"}),))
    steps_plan = Plan("ws", TARGET, (step,), "0" * 64, Estimate({}, 0.0))

    def busy(_asked):
        stop.set()
        raise NO

    (outcome,) = ended(run(steps_plan, busy, stop=stop))
    assert str(outcome.error) == "stopped while waiting for AWS to catch up; apply again to continue"


def test_an_unavailable_service_ends_the_run_and_cancels_the_rest():
    stop = threading.Event()
    down = ServiceUnavailableError("iot is left alone for now")
    steps_plan = plan({"a": "", "b": "a", "c": "", "d": ""})
    assert ended(run(steps_plan, answering(a=down), stop=stop)) == [
        Failed(change("a"), down, 0),
        Skipped(change("b"), at("a")),
        Canceled(change("c")),
        Canceled(change("d")),
    ]
    assert stop.is_set()
