"""API calls and their deferred parameters."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Ref, resolve
from reconciler.model.errors import MissingSecretError, UnknownValueError
from reconciler.model.secret import Secret

PUMP = Address("managed_things", "pump")


def test_resolving_reveals_secrets_and_resolves_references_at_every_depth():
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


def test_resolving_does_not_change_the_parameters():
    params = {"a": {"b": [Ref(PUMP, "Id")]}}
    resolve(params, {PUMP: {"Id": "mt-1"}})
    assert params == {"a": {"b": [Ref(PUMP, "Id")]}}


@pytest.mark.parametrize("responses", [{}, {PUMP: {}}, {Address("things", "pump"): {"Id": "x"}}])
def test_a_reference_without_a_response_is_an_error(responses):
    with pytest.raises(UnknownValueError) as caught:
        resolve([Ref(PUMP, "Id")], responses)
    assert str(caught.value) == (
        "Id of managed_things.pump is unknown: the call that returns it was not made in this run"
    )


def test_an_unset_secret_is_an_error():
    with pytest.raises(
        MissingSecretError, match=r"^the secret from env A is not set; set it and run the command again$"
    ):
        resolve({"a": Secret("env A")}, {})


def test_a_reference_is_displayed_as_known_after_apply():
    assert str(Ref(PUMP, "Id")) == "(known after apply: Id of managed_things.pump)"


def test_a_call_is_displayed_as_service_and_operation():
    assert str(ApiCall("iot", "CreateThing", {"thingName": "a"})) == "iot:CreateThing"


def test_calls_with_equal_sets_of_error_codes_are_equal():
    call = ApiCall("iot", "DeleteThing", {}, ignored_errors=frozenset({"A", "B"}), retried_errors={"C"})
    assert call == ApiCall("iot", "DeleteThing", {}, ignored_errors={"B", "A"}, retried_errors={"C"})
