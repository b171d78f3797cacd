"""One request, complete: what is deferred in it and how that is resolved."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref, resolve
from reconciler.model.errors import MissingSecretError, UnknownValueError
from reconciler.model.secret import Secret

PUMP = Address("managed_things", "pump")


def test_resolving_reveals_secrets_and_looks_up_answers_at_every_depth():
    params = {
        "Identifier": Ref(PUMP, "Id"),
        "Tags": {"code": Secret("env A", "90001"), "plain": "x"},
        "List": [Ref(PUMP, "Id"), ("a", Secret("env B", "b")), 1, None, True],
    }
    assert resolve(params, {PUMP: {"Id": "mt-1", "Arn": "arn"}}) == {
        "Identifier": "mt-1",
        "Tags": {"code": "90001", "plain": "x"},
        "List": ["mt-1", ["a", "b"], 1, None, True],
    }


def test_resolving_leaves_the_parameters_as_they_were():
    params = {"a": {"b": [Ref(PUMP, "Id")]}}
    resolve(params, {PUMP: {"Id": "mt-1"}})
    assert params == {"a": {"b": [Ref(PUMP, "Id")]}}


@pytest.mark.parametrize("answers", [{}, {PUMP: {}}, {Address("things", "pump"): {"Id": "x"}}])
def test_what_was_not_answered_is_told(answers):
    with pytest.raises(UnknownValueError) as caught:
        resolve([Ref(PUMP, "Id")], answers)
    assert str(caught.value) == (
        "Id of managed_things.pump is unknown: the call that returns it was not made in this run"
    )


def test_a_secret_that_is_not_set_is_told():
    with pytest.raises(
        MissingSecretError, match=r"^the secret from env A is not set; set it and run the command again$"
    ):
        resolve({"a": Secret("env A")}, {})


def test_a_reference_says_when_it_will_be_known():
    assert str(Ref(PUMP, "Id")) == "(known after apply: Id of managed_things.pump)"


def test_a_call_is_told_as_service_and_operation():
    assert str(ApiCall("iot", "CreateThing", {"thingName": "a"})) == "iot:CreateThing"


def test_calls_are_equal_whatever_their_codes_were_written_as():
    one = ApiCall("iot", "DeleteThing", {}, ignored_errors=["A", "B"], retried_errors=("C",))
    assert one == ApiCall("iot", "DeleteThing", {}, ignored_errors={"B", "A"}, retried_errors={"C"})
