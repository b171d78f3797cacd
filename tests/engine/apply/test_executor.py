"""A plan's steps run in the order their dependencies allow, and each outcome is yielded at once."""

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
from reconciler.model.errors import AwsError, ServiceUnavailableError, TargetError
from reconciler.model.outcome import Applied, Canceled, Failed, Skipped, Started
from reconciler.model.plan import Estimate, Plan, Step
from tests.support.journals import TARGET, build_address, make_group_creation

DENIED = AwsError(service="iot", operation="Make", code="Denied", message="no")


def make_plan(dependencies: Mapping[str, str], **call_counts: int) -> Plan:
    """Return a plan of steps with one-letter names.

    `dependencies` has, by the name of a step, the names of the steps that it depends on, joined to one string;
    `call_counts` has, by the name of a step, the number of its calls (default: one).
    """
    steps = tuple(
        Step(
            make_group_creation(name),
            tuple(
                ApiCall("iot", "Make", {"name": name, "number": number})
                for number in range(call_counts.get(name, 1))
            ),
            frozenset(map(build_address, dependency_names)),
        )
        for name, dependency_names in dependencies.items()
    )
    return Plan("ws", TARGET, steps, digest="0" * 64, estimate=Estimate({}, seconds=0.0))


def make_registry(**errors: Exception):
    """Return a registry that raises these errors.

    The keyword `a` is the error of all calls of the step `a`, and `a1` the error of its second call.
    """

    def call(request):
        name, number = request.params["name"], request.params["number"]
        for key in (name, f"{name}{number}"):
            if key in errors:
                raise errors[key]
        return {"Id": f"{name}{number}", "ResponseMetadata": {"RequestId": f"r-{name}{number}"}}

    return call


def run(plan, call=None, **options):
    """Return all outcomes, with their durations set to zero."""
    options.setdefault("stop", threading.Event())
    outcomes = apply_plan(plan, call or make_registry(), **{"workers": 1, **options})
    return [evolve(outcome, seconds=0.0) if isinstance(outcome, Applied) else outcome for outcome in outcomes]


def make_applied_outcome(name, *request_ids):
    """Return the outcome of an applied step; by default it has the request ID of one call."""
    return Applied(make_group_creation(name), 0.0, request_ids or (f"r-{name}0",))


def drop_started(outcomes):
    return [outcome for outcome in outcomes if not isinstance(outcome, Started)]


def join_started_names(outcomes):
    return "".join(outcome.change.address.name for outcome in outcomes if isinstance(outcome, Started))


def test_every_step_is_started_and_applied_with_the_request_ids_of_its_calls():
    assert run(make_plan({"a": "", "b": "a"}, a=2)) == [
        Started(make_group_creation("a")),
        make_applied_outcome("a", "r-a0", "r-a1"),
        Started(make_group_creation("b")),
        make_applied_outcome("b"),
    ]


def test_a_plan_without_steps_has_no_outcomes():
    assert run(make_plan({})) == []


def test_a_step_without_calls_is_applied():
    assert run(make_plan({"a": ""}, a=0)) == [
        Started(make_group_creation("a")),
        Applied(make_group_creation("a"), 0.0),
    ]


def test_a_failed_step_reports_the_error_and_its_completed_calls():
    outcomes = run(make_plan({"a": ""}, a=4), make_registry(a2=DENIED))
    assert outcomes == [
        Started(make_group_creation("a")),
        Failed(make_group_creation("a"), DENIED, completed_calls=2),
    ]


def test_a_failed_step_skips_all_its_dependents_and_nothing_else():
    plan = make_plan({"a": "", "b": "a", "c": "b", "d": "", "e": "d", "f": "ce"})
    assert drop_started(run(plan, make_registry(a=DENIED))) == [
        Failed(make_group_creation("a"), DENIED),
        Skipped(make_group_creation("b"), blocked_by=build_address("a")),
        Skipped(make_group_creation("c"), blocked_by=build_address("a")),
        Skipped(make_group_creation("f"), blocked_by=build_address("a")),
        make_applied_outcome("d"),
        make_applied_outcome("e"),
    ]


def test_a_step_that_two_failures_block_is_skipped_once():
    plan = make_plan({"a": "", "b": "", "c": "ab", "d": "c"})
    assert drop_started(run(plan, make_registry(a=DENIED, b=DENIED))) == [
        Failed(make_group_creation("a"), DENIED),
        Skipped(make_group_creation("c"), blocked_by=build_address("a")),
        Skipped(make_group_creation("d"), blocked_by=build_address("a")),
        Failed(make_group_creation("b"), DENIED),
    ]


def test_the_step_with_the_longest_chain_of_dependents_runs_first():
    plan = make_plan({"a": "", "b": "", "c": "", "x": "b", "y": "x", "z": "c"})
    assert join_started_names(run(plan)) == "bcxayz"


def test_steps_with_equally_long_chains_of_dependents_run_in_the_order_of_the_plan():
    assert join_started_names(run(make_plan({"c": "", "a": "", "b": ""}))) == "cab"


@given(st.data())
def test_no_step_starts_before_its_dependencies_are_applied_and_each_ends_once(data):
    names = "abcdefgh"[: data.draw(st.integers(0, 8))]
    dependencies = {
        name: "".join(data.draw(st.sets(st.sampled_from(names[:index])))) if index else ""
        for index, name in enumerate(names)
    }
    failing_names = data.draw(st.sets(st.sampled_from(names))) if names else set()
    plan = make_plan(dependencies)
    applied_addresses: set[Address] = set()
    final_addresses: list[Address] = []
    for outcome in run(
        plan, make_registry(**dict.fromkeys(failing_names, DENIED)), workers=data.draw(st.integers(1, 4))
    ):
        address = outcome.change.address
        if isinstance(outcome, Started):
            assert set(map(build_address, dependencies[address.name])) <= applied_addresses
            continue
        final_addresses.append(address)
        if isinstance(outcome, Applied):
            applied_addresses.add(address)
    assert sorted(final_addresses) == sorted(map(build_address, names))
    unapplied_names = set(failing_names)
    # A step depends only on steps before it, so one pass finds all steps that a failure blocks.
    for name in names:
        if unapplied_names & set(dependencies[name]):
            unapplied_names.add(name)
    assert applied_addresses == {build_address(name) for name in names if name not in unapplied_names}


def test_all_workers_run_steps_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)

    def call(request):
        barrier.wait()
        return {}

    outcomes = run(make_plan({"a": "", "b": "", "c": ""}), call, workers=3)
    assert [outcome.status for outcome in outcomes] == ["started"] * 3 + ["applied"] * 3


def test_stopping_finishes_running_steps_and_cancels_the_rest():
    stop = threading.Event()

    def call(request):
        if request.params["name"] == "b":
            stop.set()
        return make_registry()(request)

    plan = make_plan({"a": "", "b": "", "c": "a", "d": "", "e": "b"}, b=2)
    outcomes = run(plan, call, stop=stop, workers=1)
    assert outcomes == [
        Started(make_group_creation("a")),
        make_applied_outcome("a"),
        Started(make_group_creation("b")),
        make_applied_outcome("b", "r-b0", "r-b1"),
        Canceled(make_group_creation("c")),
        Canceled(make_group_creation("d")),
        Canceled(make_group_creation("e")),
    ]


def test_stopping_still_reports_the_dependents_of_a_failure_as_skipped():
    stop = threading.Event()

    def call(request):
        stop.set()
        raise DENIED

    assert drop_started(run(make_plan({"a": "", "b": "a", "c": ""}), call, stop=stop)) == [
        Failed(make_group_creation("a"), DENIED),
        Skipped(make_group_creation("b"), blocked_by=build_address("a")),
        Canceled(make_group_creation("c")),
    ]


def test_stopping_before_the_start_sends_nothing():
    stop = threading.Event()
    stop.set()
    requests = []
    outcomes = run(make_plan({"a": "", "b": "a"}), requests.append, stop=stop)
    assert (outcomes, requests) == (
        [Canceled(make_group_creation("a")), Canceled(make_group_creation("b"))],
        [],
    )


@pytest.mark.parametrize("error", [DENIED, TargetError("no route")])
def test_a_reconciler_error_is_reported_unchanged(error):
    assert drop_started(run(make_plan({"a": ""}), make_registry(a=error))) == [
        Failed(make_group_creation("a"), error)
    ]


def test_an_internal_error_fails_its_step_and_other_steps_still_run():
    error = ZeroDivisionError("division by zero")
    (failed_outcome, *rest) = drop_started(
        run(make_plan({"a": "", "b": "a", "c": ""}), make_registry(a=error))
    )
    assert (
        failed_outcome.change,
        failed_outcome.completed_calls,
        str(failed_outcome.error),
        failed_outcome.error.__cause__,
    ) == (
        make_group_creation("a"),
        0,
        "internal error: ZeroDivisionError: division by zero",
        error,
    )
    assert rest == [
        Skipped(make_group_creation("b"), blocked_by=build_address("a")),
        make_applied_outcome("c"),
    ]


def test_a_later_step_sends_the_id_that_aws_assigned_in_an_earlier_step():
    names = []

    def call(request):
        names.append(request.params["name"])
        return {"Id": f"id of {request.params['name']}"}

    first_step = Step(make_group_creation("a"), (ApiCall("iot", "Make", {"name": "a"}),))
    second_step = Step(
        make_group_creation("b"),
        (ApiCall("iot", "Make", {"name": Ref(build_address("a"), "Id")}),),
        frozenset({build_address("a")}),
    )
    run(Plan("ws", TARGET, (first_step, second_step), digest="", estimate=Estimate({}, seconds=0.0)), call)
    assert names == ["a", "id of a"]


def test_the_executor_calls_pause_while_it_waits_for_aws_to_catch_up():
    pauses, errors = [], [DENIED, DENIED]

    def call(request):
        if errors:
            raise errors.pop()
        return {}

    step = Step(make_group_creation("a"), (ApiCall("iot", "Make", {}, retried_errors={"Denied"}),))
    plan = Plan("ws", TARGET, (step,), digest="", estimate=Estimate({}, seconds=0.0))
    assert [outcome.status for outcome in run(plan, call, pause=pauses.append)] == [
        "started",
        "applied",
    ]
    assert len(pauses) == 2


def test_stopping_interrupts_a_wait_for_aws_to_catch_up():
    stop = threading.Event()
    step = Step(
        make_group_creation("a"),
        (ApiCall("iot", "Make", {"name": "a", "number": 0}, retried_errors={"Denied"}),),
    )
    plan = Plan("ws", TARGET, (step,), digest="0" * 64, estimate=Estimate({}, seconds=0.0))

    def deny(_request):
        stop.set()
        raise DENIED

    (outcome,) = drop_started(run(plan, deny, stop=stop))
    assert str(outcome.error) == "stopped while waiting for AWS to catch up; apply again to continue"


def test_an_unavailable_service_ends_the_run_and_cancels_the_rest():
    stop = threading.Event()
    unavailable = ServiceUnavailableError("iot is unavailable")
    plan = make_plan({"a": "", "b": "a", "c": "", "d": ""})
    assert drop_started(run(plan, make_registry(a=unavailable), stop=stop)) == [
        Failed(make_group_creation("a"), unavailable, 0),
        Skipped(make_group_creation("b"), build_address("a")),
        Canceled(make_group_creation("c")),
        Canceled(make_group_creation("d")),
    ]
    assert stop.is_set()
