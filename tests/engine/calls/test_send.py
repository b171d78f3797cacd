"""One call, sent until it is answered for good."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.calls.send import CATCH_UP_SECONDS, growing_pauses, send
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref
from reconciler.model.errors import (
    AwsError,
    MissingSecretError,
    ReconcilerError,
    TargetError,
    UnknownValueError,
)
from reconciler.model.secret import Secret

FOUND, GONE, BUSY, DENIED = {"found": True}, "NotFound", "Busy", "Denied"
A = Address("things", "a")


class Aws:
    """Answers in turn, the last for ever: a dict is an answer, a text an error's code, an exception itself."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked: list[ApiCall] = []
        self.pauses: list[float] = []

    def __call__(self, call):
        self.asked.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            raise AwsError(service=call.service, operation=call.operation, code=answer, message="m")
        return answer

    def send(self, answers=None, params=None, **codes):
        return send(self, ApiCall("iot", "Ask", params or {}, **codes), answers or {}, self.pauses.append)


def test_send_returns_the_response():
    aws = Aws(FOUND)
    assert (aws.send(), len(aws.asked), aws.pauses) == (FOUND, 1, [])


def test_send_resolves_all_parameters():
    aws = Aws(FOUND)
    aws.send({A: {"Id": "7"}}, {"name": Ref(A, "Id"), "code": Secret("env A", "90001")})
    assert aws.asked == [ApiCall("iot", "Ask", {"name": "7", "code": "90001"})]


@pytest.mark.parametrize(
    ("params", "error"),
    [({"name": Ref(A, "Id")}, UnknownValueError), ({"code": Secret("env A")}, MissingSecretError)],
)
def test_a_call_with_an_unknown_value_is_not_sent(params, error):
    aws = Aws(FOUND)
    with pytest.raises(error):
        aws.send(params=params)
    assert aws.asked == []


def test_an_ignored_error_returns_an_empty_response():
    aws = Aws(GONE)
    assert (aws.send(ignored_errors={GONE}), len(aws.asked), aws.pauses) == ({}, 1, [])


def test_an_error_that_the_call_does_not_mention_is_raised_at_once():
    aws = Aws(DENIED)
    with pytest.raises(AwsError, match=r"^iot:Ask failed with Denied: m$"):
        aws.send(ignored_errors={GONE}, retried_errors={BUSY})
    assert (len(aws.asked), aws.pauses) == (1, [])


def test_an_unreachable_target_is_raised_at_once():
    aws = Aws(TargetError("no route"))
    with pytest.raises(TargetError, match=r"^no route$"):
        aws.send(ignored_errors={GONE}, retried_errors={BUSY}, repeat_until={GONE})
    assert len(aws.asked) == 1


@given(st.integers(0, 20))
def test_a_retried_error_is_waited_for(times):
    aws = Aws(*[BUSY] * times, FOUND)
    assert aws.send(retried_errors={BUSY}) == FOUND
    assert (len(aws.asked), len(aws.pauses)) == (times + 1, times)


def test_other_errors_keep_their_meaning_while_waiting():
    assert Aws(BUSY, GONE).send(retried_errors={BUSY}, ignored_errors={GONE}) == {}
    with pytest.raises(AwsError, match=r"^iot:Ask failed with Denied: m$"):
        Aws(BUSY, DENIED).send(retried_errors={BUSY}, ignored_errors={GONE})


def test_a_retried_error_is_raised_after_the_timeout():
    aws = Aws(BUSY)
    with pytest.raises(AwsError, match=r"^iot:Ask failed with Busy: m$"):
        aws.send(retried_errors={BUSY})
    assert sum(aws.pauses) >= CATCH_UP_SECONDS


@given(st.integers(0, 20))
def test_a_read_is_repeated_until_it_returns_the_expected_error(times):
    aws = Aws(*[FOUND] * times, GONE)
    assert aws.send(repeat_until={GONE}) == {}
    assert (len(aws.asked), len(aws.pauses)) == (times + 1, times)


def test_a_repeated_read_times_out_with_the_next_step():
    aws = Aws(FOUND)
    with pytest.raises(ReconcilerError) as caught:
        aws.send(repeat_until={GONE})
    assert str(caught.value) == "iot:Ask still finds the resource after 300 s; plan again to continue"
    assert sum(aws.pauses) >= CATCH_UP_SECONDS


def test_a_call_can_have_its_own_timeout():
    aws = Aws(BUSY)
    with pytest.raises(AwsError):
        aws.send(retried_errors={BUSY}, timeout_seconds=20)
    assert 20 <= sum(aws.pauses) < 25


def test_a_repeated_read_also_waits_for_retried_errors():
    aws = Aws(FOUND, BUSY, FOUND, GONE)
    assert aws.send(repeat_until={GONE}, retried_errors={BUSY}) == {}
    assert len(aws.pauses) == 3


@given(st.floats(0, 1000))
def test_pauses_grow_from_50_ms_to_5_s_and_end_with_the_timeout(patience):
    pauses = list(growing_pauses(patience))
    most = [min(0.05 * 2**n, 5.0) for n in range(len(pauses))]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, most, strict=True))
    assert sum(pauses[:-1]) < max(patience, 1e-9)
    assert sum(pauses) >= patience


def test_pauses_have_jitter():
    assert [*growing_pauses()] != [*growing_pauses()]
    assert len({round(later - sooner, 9) for sooner, later in pairwise(growing_pauses())}) > 1
