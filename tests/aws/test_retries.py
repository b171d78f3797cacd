"""Retries: which calls are sent again, for how long, and when the circuit opens."""

from __future__ import annotations

import random
import socket
from contextlib import nullcontext
from itertools import pairwise

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.caller import Caller
from reconciler.aws.retries import (
    CONNECT_SECONDS,
    DEFAULT_TIMEOUT_SECONDS,
    NO_BOTOCORE_RETRIES,
    CallFailedError,
    CallFailure,
    Circuit,
    Retries,
    classify_failure,
)
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, NoConnectionError, ServiceUnavailableError, TargetError
from reconciler.registry.store import StoreDiskError
from tests.support.direct_client import EMPTY_POLICY
from tests.support.fault_injection import Fault, FaultyCloud, SingleFault, VirtualTime

URL = "https://iot.eu-west-1.amazonaws.com"


def make_client_error(status: int, code: str, operation: str = "Make") -> ClientError:
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)


DISK_PROBLEM = make_client_error(503, "ServiceUnavailableException")
DISK_PROBLEM.response["ResponseMetadata"]["HTTPHeaders"] = {"x-registry-disk-problem": "true"}


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (make_client_error(400, "ThrottlingException"), CallFailure.THROTTLED),
        (make_client_error(429, "ThrottlingException"), CallFailure.THROTTLED),
        (make_client_error(429, "Whatever"), CallFailure.THROTTLED),
        (make_client_error(400, "TooManyRequestsException"), CallFailure.THROTTLED),
        (make_client_error(503, "SlowDown"), CallFailure.THROTTLED),
        (make_client_error(400, "LimitExceededException", "DescribeStreamSummary"), CallFailure.THROTTLED),
        (make_client_error(500, "InternalFailureException"), CallFailure.LOST),
        (make_client_error(503, "ServiceUnavailableException"), CallFailure.LOST),
        (make_client_error(408, "RequestTimeout"), CallFailure.UNSENT),
        (ReadTimeoutError(endpoint_url=URL), CallFailure.LOST),
        (ConnectionClosedError(endpoint_url=URL), CallFailure.LOST),
        (ConnectTimeoutError(endpoint_url=URL), CallFailure.UNSENT),
        (EndpointConnectionError(endpoint_url=URL), CallFailure.UNSENT),
        (make_client_error(410, "LimitExceededException"), None),
        (make_client_error(409, "ConflictException"), None),
        (make_client_error(403, "AccessDenied"), None),
        (SSLError(endpoint_url=URL, error="self-signed"), None),
        (NoCredentialsError(), None),
        (DISK_PROBLEM, None),
    ],
)
def test_each_error_is_classified_as_throttled_unsent_lost_or_final(error, failure):
    assert classify_failure(error) is failure


THROTTLED, DOWN, LOST = (
    make_client_error(400, "ThrottlingException"),
    EndpointConnectionError(endpoint_url=URL),
    ReadTimeoutError(endpoint_url=URL),
)


class FailingCall:
    """A function that raises each error once and then responds.

    If it `is_permanent`, it raises the first error forever.
    """

    def __init__(self, *errors: Exception, is_permanent: bool = False) -> None:
        self.errors, self.is_permanent = list(errors), is_permanent
        self.attempts = 0

    def __call__(self) -> str:
        self.attempts += 1
        if not self.errors:
            return "response"
        raise self.errors[0] if self.is_permanent else self.errors.pop(0)


def choose_longest_pause(_minimum: float, maximum: float) -> float:
    return maximum


def run_with_retries(call, time=None, *, reads=False, idempotent=False, circuit=None):
    """Send a call with retries; every pause is as long as possible and takes virtual time."""
    time = time or VirtualTime()
    circuit = circuit or Circuit("iot", time.clock)
    retries = Retries(time.clock, time.pause, choose_longest_pause)
    return retries.run(call, circuit, reads=reads, idempotent=idempotent)


@pytest.mark.parametrize("error", [THROTTLED, DOWN], ids=["throttled", "never sent"])
def test_a_call_that_was_throttled_or_never_sent_is_retried(error):
    call = FailingCall(error, error)
    assert (run_with_retries(call), call.attempts) == ("response", 3)


@pytest.mark.parametrize(
    ("properties", "attempts"), [({}, 1), ({"reads": True}, 2), ({"idempotent": True}, 2)], ids=str
)
def test_a_call_with_a_lost_response_is_retried_only_if_that_is_harmless(properties, attempts):
    call = FailingCall(LOST)
    with nullcontext() if properties else pytest.raises(CallFailedError):
        run_with_retries(call, **properties)
    assert call.attempts == attempts


@pytest.mark.parametrize(("reads", "is_unknown"), [(True, False), (False, True)])
def test_after_a_lost_response_the_outcome_of_a_write_is_unknown_and_of_a_read_is_not(reads, is_unknown):
    with pytest.raises(CallFailedError) as failed:
        run_with_retries(FailingCall(LOST, *[THROTTLED] * 99), reads=reads, idempotent=True)
    assert failed.value.outcome_unknown is is_unknown
    with pytest.raises(ServiceUnavailableError) as unavailable:
        run_with_retries(FailingCall(LOST, is_permanent=True), reads=reads, idempotent=True)
    assert unavailable.value.outcome_unknown is is_unknown


def test_the_outcome_is_known_if_aws_rejects_the_call_after_a_lost_response():
    with pytest.raises(CallFailedError) as caught:
        run_with_retries(
            FailingCall(LOST, make_client_error(404, "ResourceNotFoundException")), idempotent=True
        )
    assert caught.value.outcome_unknown is False


@given(st.integers(0, 2**32))
def test_pauses_are_random_up_to_a_maximum_that_doubles_up_to_ten_seconds(seed):
    time, pauses, bounds = VirtualTime(), [], []

    def random_pause(minimum, maximum):
        bounds.append((minimum, maximum))
        return random.Random(seed + len(bounds)).uniform(minimum, maximum)

    def pause(seconds):
        pauses.append(seconds)
        time.pause(seconds)

    with pytest.raises(CallFailedError):
        Retries(time.clock, pause, random_pause).run(
            FailingCall(THROTTLED, is_permanent=True), Circuit("iot", time.clock), reads=True, idempotent=True
        )
    assert {minimum for minimum, _ in bounds} == {0}
    assert [maximum for _, maximum in bounds] == [min(10.0, 0.1 * 2**n) for n in range(len(bounds))]
    assert sum(pauses) <= DEFAULT_TIMEOUT_SECONDS
    assert all(maximum <= next_maximum for (_, maximum), (_, next_maximum) in pairwise(bounds))


def test_the_circuit_opens_after_repeated_failures_and_closes_after_a_response():
    time = VirtualTime()
    circuit = Circuit("iot", time.clock)
    call = FailingCall(DOWN, is_permanent=True)
    with pytest.raises(ServiceUnavailableError) as caught:
        run_with_retries(call, time, circuit=circuit)
    assert str(caught.value) == (
        f"iot: failed {call.attempts} times in a row ({DOWN}), so it is not called for now; "
        "run again when it has recovered: completed steps are detected, and the rest is planned again"
    )
    assert call.attempts >= Circuit.MAX_FAILURES
    attempts_before = call.attempts
    with pytest.raises(ServiceUnavailableError):
        run_with_retries(call, time, circuit=circuit)
    assert call.attempts == attempts_before
    time.pause(Circuit.OPEN_SECONDS)
    call.errors = []
    assert run_with_retries(call, time, circuit=circuit) == "response"  # this call may try
    assert run_with_retries(call, time, circuit=circuit) == "response"  # the circuit is closed


def test_only_one_call_probes_an_open_circuit():
    time = VirtualTime()
    circuit = Circuit("iot", time.clock)
    for _ in range(Circuit.MAX_FAILURES):
        time.pause(2.0)  # the failures must cover at least `Circuit.MIN_SPAN_SECONDS`
        circuit.record_failure("why")
    time.pause(Circuit.OPEN_SECONDS)
    circuit.check()
    with pytest.raises(ServiceUnavailableError):
        circuit.check()
    circuit.record_response()
    circuit.check()


@pytest.mark.parametrize("gap", [0.0, DEFAULT_TIMEOUT_SECONDS + 1])
def test_failures_at_one_moment_or_with_long_gaps_do_not_open_the_circuit(gap):
    time = VirtualTime()
    circuit = Circuit("iot", time.clock)
    for _ in range(5 * Circuit.MAX_FAILURES):
        circuit.record_failure("why")
        time.pause(gap)
    circuit.check()


def test_throttling_does_not_open_the_circuit():
    time = VirtualTime()
    circuit = Circuit("iot", time.clock)
    for _ in range(5):
        with pytest.raises(CallFailedError):
            run_with_retries(FailingCall(THROTTLED, is_permanent=True), time, circuit=circuit)
    circuit.check()


@pytest.fixture(scope="module")
def cloud() -> FaultyCloud:
    return FaultyCloud()


CREATE = ApiCall("iot", "CreatePolicy", {"policyName": "p", "policyDocument": EMPTY_POLICY})


@pytest.mark.parametrize(
    ("fault", "error_class"), [(Fault.FAIL_AFTER, AwsError), (Fault.TIMEOUT_AFTER, TargetError)]
)
def test_a_creation_whose_response_is_lost_is_sent_once_and_its_outcome_is_unknown(cloud, fault, error_class):
    cloud.stop_faults().reset()
    cloud.sent_requests.clear()
    cloud.faults = SingleFault("POST", "/policies/p", fault)
    with pytest.raises(error_class) as caught:
        cloud.call(CREATE)
    assert (caught.value.outcome_unknown, len(cloud.sent_requests)) == (True, 1)


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.REFUSE])
def test_a_creation_is_retried_if_throttled_or_if_the_connection_is_refused(cloud, fault):
    cloud.stop_faults().reset()
    cloud.faults = SingleFault("POST", "/policies/p", fault)
    assert cloud.call(CREATE)["policyName"] == "p"
    assert cloud.faults.occurrences == 1


OUTSIDE_READS = [
    ApiCall("lambda", "GetFunctionConfiguration", {"FunctionName": "check"}),
    ApiCall("kinesis", "DescribeStreamSummary", {"StreamName": "events"}),
    ApiCall("firehose", "DescribeDeliveryStream", {"DeliveryStreamName": "events"}),
]


@pytest.mark.parametrize("call", OUTSIDE_READS, ids=str)
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
def test_a_read_in_another_service_is_repeated_after_a_fault(cloud, call, fault):
    cloud.stop_faults().reset()
    cloud.faults = SingleFault("GET" if call.service == "lambda" else "POST", f"//{call.service}.", fault)
    assert cloud.call(call)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert cloud.faults.occurrences == 1


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
def test_a_fault_of_the_second_page_does_not_send_the_first_again(cloud, fault):
    cloud.stop_faults().reset()
    for number in range(300):
        cloud.iot.create_thing(thingName=f"t{number:03}")
    cloud.sent_requests.clear()
    cloud.faults = SingleFault("GET", "nextToken", fault)
    response = cloud.call(ApiCall("iot", "ListThings"))
    assert [item["thingName"] for item in response["things"]] == [f"t{number:03}" for number in range(300)]
    first_page_requests = [path for _, path in cloud.sent_requests if "nextToken" not in path]
    assert (cloud.faults.occurrences, len(first_page_requests)) == (1, 1)


@pytest.mark.parametrize("error", [DOWN, ConnectTimeoutError(endpoint_url=URL)])
def test_an_endpoint_that_is_not_awss_is_reported_within_a_second_if_nothing_listens(error):
    time = VirtualTime()
    circuit = Circuit("iot", time.clock, "http://127.0.0.1:4714")
    call = FailingCall(error, is_permanent=True)
    attempts = []
    for _ in range(2):  # the second call is not sent
        with pytest.raises(
            NoConnectionError, match=r"cannot connect to http://127\.0\.0\.1:4714; is it running"
        ):
            run_with_retries(call, time, circuit=circuit)
        attempts.append(call.attempts)
    assert (attempts, time.clock() <= CONNECT_SECONDS) == ([3, 3], True)
    time.pause(CONNECT_SECONDS)
    assert run_with_retries(FailingCall(), time, circuit=circuit) == "response"


@pytest.mark.parametrize(
    "error", [EndpointConnectionError(endpoint_url=URL), ConnectTimeoutError(endpoint_url=URL)]
)
def test_a_service_that_a_plan_can_do_without_is_not_waited_for(error):
    time = VirtualTime()
    circuit = Circuit("iam", time.clock, is_optional=True)
    with pytest.raises(CallFailedError):
        run_with_retries(FailingCall(error, is_permanent=True), time, reads=True, circuit=circuit)
    assert time.clock() <= CONNECT_SECONDS


def test_a_server_that_has_only_closed_connections_is_reported_within_a_second():
    time = VirtualTime()
    circuit = Circuit("iot", time.clock, "http://127.0.0.1:4714")
    closed = ConnectionClosedError(endpoint_url=URL)
    with pytest.raises(CallFailedError):
        run_with_retries(FailingCall(closed, is_permanent=True), time, reads=True, circuit=circuit)
    assert time.clock() <= CONNECT_SECONDS
    run_with_retries(FailingCall(), time, circuit=circuit)
    # After the first response, a closed connection is a fault that may pass.
    assert run_with_retries(FailingCall(*[closed] * 6), time, reads=True, circuit=circuit) == "response"


def test_a_server_that_restarts_is_not_reported():
    time = VirtualTime()
    circuit = Circuit("iot", time.clock, "http://127.0.0.1:4714")
    assert run_with_retries(FailingCall(DOWN, DOWN), time, circuit=circuit) == "response"


def test_a_call_to_a_closed_port_fails_with_its_url():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    client = boto3.client(
        "iot",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries=dict(NO_BOTOCORE_RETRIES)),
    )
    with pytest.raises(NoConnectionError, match=f"cannot connect to {url}; is it running"):
        Caller({"iot": client})(ApiCall("iot", "ListThings"))


def test_a_full_disk_of_the_embedded_registry_is_reported_at_once(cloud, monkeypatch):
    def fail(*_):
        raise StoreDiskError("there is no space left on the disk of /tmp/registry.sqlite3")

    cloud.stop_faults().reset()
    cloud.sent_requests.clear()
    monkeypatch.setattr(cloud.registry, "_run_in_transaction", fail)
    with pytest.raises(AwsError) as caught:
        cloud.call(CREATE)
    error = caught.value
    assert (error.code, error.outcome_unknown, len(cloud.sent_requests)) == (
        "ServiceUnavailableException",
        False,
        1,
    )
    assert error.message == "there is no space left on the disk of /tmp/registry.sqlite3"
