"""A registry behind a network that is slow, throttled or broken."""

import pytest

from reconciler.registry import HttpRequest
from reconciler.registry.conditions import Conditions
from reconciler.registry.faults import FaultRule, Faults
from reconciler.registry.throttling import RateLimiter
from tests.support.conditioned_registry import ConditionedRegistry

IOT = "https://iot.eu-west-1.amazonaws.com"
MANAGED = "https://api.eu-west-1.iotmanagedintegrations.amazonaws.com"


@pytest.fixture
def under(registry, clock):
    """The registry under conditions; waiting moves the tests' clock."""
    return lambda **conditions: ConditionedRegistry(registry, Conditions(**conditions), clock.advance)


def ask(registry, method, path, base=IOT):
    answer = registry.handle(HttpRequest(method, base + path, {}, b""))
    return answer.status, answer.headers.get("x-amzn-ErrorType")


def test_without_conditions_nothing_is_different(under):
    registry = under()

    assert [ask(registry, "POST", "/things/a"), ask(registry, "GET", "/things/a")] == [(200, None)] * 2


def test_every_answer_waits_for_its_latency_even_one_that_no_operation_gives(under, clock):
    begun = clock()
    registry = under(latency=lambda: 0.25)
    for path in ("/things", "/no/such/path"):
        ask(registry, "GET", path)

    assert clock() - begun == 0.5


@pytest.mark.parametrize(
    ("kind", "answer", "done"),
    [
        ("throttle", (400, "ThrottlingException"), False),
        ("error_before", (500, "InternalFailureException"), False),
        ("error_after", (500, "InternalFailureException"), True),
        ("reset_before", "lost", False),
        ("reset_after", "lost", True),
        ("delay", (200, None), True),
    ],
)
def test_a_fault_is_answered_and_the_thing_made_or_not(under, registry, kind, answer, done):
    faulty = under(faults=Faults([FaultRule("CreateThing", kind, seconds=2.0 if kind == "delay" else 0.0)]))
    try:
        found = ask(faulty, "POST", "/things/a")
    except ConnectionResetError:
        found = "lost"

    assert (found, ask(registry, "GET", "/things/a")[0] == 200) == (answer, done)


def test_a_call_over_its_rate_is_refused_as_each_service_does_it_and_is_not_done(under, registry, clock):
    limits = RateLimiter(lambda service, operation: ((service, operation, 1.0),), clock)
    limited = under(limiter=limits)
    asked = [("POST", "/things/a", IOT), ("POST", "/things/b", IOT)]
    managed = [("GET", "/managed-things", MANAGED)] * 2

    found = [ask(limited, *one) for one in (*asked, *managed)]

    assert found == [(200, None), (400, "ThrottlingException"), (200, None), (429, "ThrottlingException")]
    assert ask(registry, "GET", "/things/b")[0] == 404


def test_an_operation_that_is_not_served_uses_up_no_rate(under, clock):
    limited = under(limiter=RateLimiter(lambda service, operation: ((service, operation, 1.0),), clock))

    assert {ask(limited, "GET", "/jobs") for _ in range(5)} == {(404, "UnknownOperationException")}
