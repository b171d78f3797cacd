"""A call is sent until it has a final response."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.calls.send import CATCH_UP_SECONDS, generate_growing_pauses, send
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref, Wait
from reconciler.model.errors import (
    AwsError,
    MissingSecretError,
    ReconcilerError,
    TargetError,
    UnknownValueError,
    WaitError,
)
from reconciler.model.secret import Secret
from reconciler.render.views.next_step import suggest_next_step

RESPONSE = {"found": True}
NOT_FOUND, BUSY, DENIED = "NotFound", "Busy", "Denied"
THING_A = Address("things", "a")


class ScriptedAws:
    """AWS with scripted responses, error codes and exceptions; the last of them is repeated forever."""

    def __init__(self, *responses):
        self.responses = list(responses)
        self.calls: list[ApiCall] = []
        self.pauses: list[float] = []

    def __call__(self, call):
        self.calls.append(call)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(response, Exception):
            raise response
        if isinstance(response, str):
            raise AwsError(service=call.service, operation=call.operation, code=response, message="m")
        return response

    def send(self, known_responses=None, params=None, **options):
        call = ApiCall("iot", "Read", params or {}, **options)
        return send(self, call, known_responses or {}, self.pauses.append)


def test_send_returns_the_response():
    aws = ScriptedAws(RESPONSE)
    assert (aws.send(), len(aws.calls), aws.pauses) == (RESPONSE, 1, [])


def test_send_resolves_all_parameters():
    aws = ScriptedAws(RESPONSE)
    aws.send({THING_A: {"Id": "7"}}, {"name": Ref(THING_A, "Id"), "code": Secret("env A", "90001")})
    assert aws.calls == [ApiCall("iot", "Read", {"name": "7", "code": "90001"})]


def test_a_reference_may_be_to_a_member_of_a_structure():
    aws = ScriptedAws(RESPONSE)
    aws.send({THING_A: {"thing": {"arn": "x"}}}, {"arn": Ref(THING_A, "thing.arn")})
    assert aws.calls == [ApiCall("iot", "Read", {"arn": "x"})]


@pytest.mark.parametrize(
    ("params", "error"),
    [({"name": Ref(THING_A, "Id")}, UnknownValueError), ({"code": Secret("env A")}, MissingSecretError)],
)
def test_a_call_with_an_unknown_value_is_not_sent(params, error):
    aws = ScriptedAws(RESPONSE)
    with pytest.raises(error):
        aws.send(params=params)
    assert aws.calls == []


def test_an_ignored_error_returns_an_empty_response():
    aws = ScriptedAws(NOT_FOUND)
    assert (aws.send(ignored_errors={NOT_FOUND}), len(aws.calls), aws.pauses) == ({}, 1, [])


def test_an_error_that_the_call_neither_ignores_nor_retries_is_raised_at_once():
    aws = ScriptedAws(DENIED)
    with pytest.raises(AwsError, match=r"^iot:Read failed with Denied: m$"):
        aws.send(ignored_errors={NOT_FOUND}, retried_errors={BUSY})
    assert (len(aws.calls), aws.pauses) == (1, [])


def test_the_error_of_an_unreachable_target_is_raised_at_once():
    aws = ScriptedAws(TargetError("no route"))
    with pytest.raises(TargetError, match=r"^no route$"):
        aws.send(ignored_errors={NOT_FOUND}, retried_errors={BUSY}, repeat_until={NOT_FOUND})
    assert len(aws.calls) == 1


@given(st.integers(0, 20))
def test_a_call_is_repeated_while_it_fails_with_a_retried_error(times):
    aws = ScriptedAws(*[BUSY] * times, RESPONSE)
    assert aws.send(retried_errors={BUSY}) == RESPONSE
    assert (len(aws.calls), len(aws.pauses)) == (times + 1, times)


def test_other_errors_are_ignored_or_raised_as_usual_while_waiting():
    assert ScriptedAws(BUSY, NOT_FOUND).send(retried_errors={BUSY}, ignored_errors={NOT_FOUND}) == {}
    with pytest.raises(AwsError, match=r"^iot:Read failed with Denied: m$"):
        ScriptedAws(BUSY, DENIED).send(retried_errors={BUSY}, ignored_errors={NOT_FOUND})


def test_a_retried_error_is_raised_after_the_timeout():
    aws = ScriptedAws(BUSY)
    with pytest.raises(AwsError, match=r"^iot:Read failed with Busy: m$"):
        aws.send(retried_errors={BUSY})
    assert sum(aws.pauses) >= CATCH_UP_SECONDS


@given(st.integers(0, 20))
def test_a_read_is_repeated_until_it_returns_the_expected_error(times):
    aws = ScriptedAws(*[RESPONSE] * times, NOT_FOUND)
    assert aws.send(repeat_until={NOT_FOUND}) == {}
    assert (len(aws.calls), len(aws.pauses)) == (times + 1, times)


def test_a_repeated_read_that_times_out_raises_an_error_that_advises_a_new_plan():
    aws = ScriptedAws(RESPONSE)
    with pytest.raises(ReconcilerError) as caught:
        aws.send(repeat_until={NOT_FOUND})
    assert str(caught.value) == "iot:Read still finds the resource after 300 s; plan again to continue"
    assert sum(aws.pauses) >= CATCH_UP_SECONDS


WAIT = Wait("job.status", {"READY"}, {"FAILED"}, "job.reason", "look at the job")


def test_a_read_is_repeated_until_its_response_has_the_expected_value():
    ready = {"job": {"status": "READY"}}
    aws = ScriptedAws({}, {"job": {"status": "RUNNING"}}, ready)
    assert aws.send(wait=WAIT) == ready
    assert (len(aws.calls), len(aws.pauses)) == (3, 2)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"status": "FAILED", "reason": "No space."}, "AWS reports FAILED: No space"),
        ({"status": "FAILED"}, "AWS reports FAILED: AWS gives no reason"),
        ({"status": "RUNNING"}, "AWS still reports RUNNING after 300 s"),
    ],
)
def test_a_wait_that_fails_or_takes_too_long_raises_an_error_with_advice(job, message):
    with pytest.raises(WaitError) as caught:
        ScriptedAws({"job": job}).send(wait=WAIT)
    assert (str(caught.value), caught.value.advice) == (message, "look at the job")
    next_step = "look at the job; then run apply again; completed steps are not repeated"
    assert suggest_next_step(caught.value) == next_step


def test_a_call_can_have_its_own_timeout():
    aws = ScriptedAws(BUSY)
    with pytest.raises(AwsError):
        aws.send(retried_errors={BUSY}, timeout_seconds=20)
    assert 20 <= sum(aws.pauses) < 25


def test_a_repeated_read_also_repeats_after_a_retried_error():
    aws = ScriptedAws(RESPONSE, BUSY, RESPONSE, NOT_FOUND)
    assert aws.send(repeat_until={NOT_FOUND}, retried_errors={BUSY}) == {}
    assert len(aws.pauses) == 3


@given(st.floats(0, 1000))
def test_pauses_grow_from_50_ms_to_5_s_and_end_with_the_timeout(timeout_seconds):
    pauses = list(generate_growing_pauses(timeout_seconds))
    longest_pauses = [min(0.05 * 2**number, 5.0) for number in range(len(pauses))]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, longest_pauses, strict=True))
    # With a timeout of 0 seconds there are no pauses. Their sum, 0, is not less than 0, but less than 1e-9.
    assert sum(pauses[:-1]) < max(timeout_seconds, 1e-9)
    assert sum(pauses) >= timeout_seconds


def test_growing_pauses_have_random_jitter():
    assert [*generate_growing_pauses()] != [*generate_growing_pauses()]
    assert len({round(later - earlier, 9) for earlier, later in pairwise(generate_growing_pauses())}) > 1
