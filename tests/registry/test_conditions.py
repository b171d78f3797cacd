"""A registry reached through a slow, throttled or broken network."""

import pytest

from reconciler.registry import HttpRequest
from reconciler.registry.conditions import Conditions
from reconciler.registry.faults import FaultRule, Faults
from reconciler.registry.throttling import RateLimiter
from tests.support.conditioned_registry import ConditionedRegistry

IOT = "https://iot.eu-west-1.amazonaws.com"
MANAGED = "https://api.eu-west-1.iotmanagedintegrations.amazonaws.com"


@pytest.fixture
def with_conditions(registry, clock):
    """A function that returns the registry behind a network with conditions.

    Delays advance the test's clock.
    """
    return lambda **conditions: ConditionedRegistry(registry, Conditions(**conditions), clock.advance)


def send(registry, method, path, base_url=IOT):
    """Send a request, and return the response's status and its error code, which is None after a success."""
    response = registry.handle(HttpRequest(method, base_url + path, {}, b""))
    return response.status, response.headers.get("x-amzn-ErrorType")


def test_without_conditions_every_request_is_performed(with_conditions):
    registry = with_conditions()

    assert [
        send(registry, "POST", "/things/a"),
        send(registry, "GET", "/things/a"),
    ] == [(200, None)] * 2


def test_every_response_has_latency_even_if_the_request_names_no_operation(with_conditions, clock):
    start = clock()
    registry = with_conditions(latency=lambda: 0.25)
    for path in ("/things", "/no/such/path"):
        send(registry, "GET", path)

    assert clock() - start == 0.5


@pytest.mark.parametrize(
    ("kind", "expected", "is_performed"),
    [
        ("throttle", (400, "ThrottlingException"), False),
        ("error_before", (500, "InternalFailureException"), False),
        ("error_after", (500, "InternalFailureException"), True),
        ("reset_before", "lost", False),
        ("reset_after", "lost", True),
        ("delay", (200, None), True),
    ],
)
def test_a_fault_determines_the_response_and_whether_the_call_is_performed(
    with_conditions, registry, kind, expected, is_performed
):
    faulty = with_conditions(
        faults=Faults([FaultRule("CreateThing", kind, seconds=2.0 if kind == "delay" else 0.0)])
    )
    try:
        response = send(faulty, "POST", "/things/a")
    except ConnectionResetError:
        response = "lost"

    assert (response, send(registry, "GET", "/things/a")[0] == 200) == (expected, is_performed)


def test_a_call_over_its_rate_is_throttled_and_not_performed(with_conditions, registry, clock):
    limiter = RateLimiter(lambda service, operation: ((service, operation, 1.0),), clock)
    limited = with_conditions(limiter=limiter)
    iot_calls = [("POST", "/things/a", IOT), ("POST", "/things/b", IOT)]
    managed_calls = [("GET", "/managed-things", MANAGED)] * 2

    responses = [send(limited, *call) for call in (*iot_calls, *managed_calls)]

    assert responses == [(200, None), (400, "ThrottlingException"), (200, None), (429, "ThrottlingException")]
    assert send(registry, "GET", "/things/b")[0] == 404


def test_an_operation_that_is_not_served_consumes_no_rate(with_conditions, clock):
    limited = with_conditions(
        limiter=RateLimiter(lambda service, operation: ((service, operation, 1.0),), clock)
    )

    assert {send(limited, "GET", "/jobs") for _ in range(5)} == {(404, "UnknownOperationException")}
