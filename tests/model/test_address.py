"""Addresses, their text and their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address

_KINDS = st.text(min_size=1).filter(lambda text: "." not in text)
_ADDRESSES = st.builds(Address, _KINDS, st.text(min_size=1))


@given(_ADDRESSES)
def test_an_address_is_parsed_from_its_text(address):
    assert Address.parse(str(address)) == address


def test_a_name_may_contain_dots():
    assert Address.parse("things.pump.7.a") == Address("things", "pump.7.a")


@given(st.lists(_ADDRESSES))
def test_addresses_sort_by_kind_then_name(addresses):
    assert sorted(addresses) == sorted(addresses, key=lambda address: (address.kind, address.name))


@pytest.mark.parametrize("text", ["", "things", ".", "things.", ".pump"])
def test_an_invalid_address_is_rejected_with_an_example(text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole text is compared)
        Address.parse(text)
    assert str(caught.value) == f"{text!r} is not a valid address; expected kind.name, such as things.pump-7"
