"""Hypothesis strategies that draw a value for every field of a spec class, of its declared type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.kinds.base.schema import Member, get_members, get_types, is_spec_class
from reconciler.model.secret import Secret
from tests.support.desired_states import ROLE_ARN

_TEXTS = ("a", "b", "1", "5000")
_OTHER_TEXTS = (
    ",",
    "https://example.com/",
    "https://ingestion-1.a.sfdcnow.com/streams/a/a/event",
)
"""Texts for fields whose patterns accept none of `_TEXTS`."""
_NUMBERS = (1, 5, 300)


@cache
def specs(spec_class: type, service: str = "iot") -> st.SearchStrategy[Any]:
    """Return a strategy for the instances of a spec class whose fields refer to no resources.

    A field with a default has another value in some instances.
    """
    required, optional = {}, {}
    for attribute in attrs.fields(spec_class):
        member = get_members(spec_class)[attribute.name]
        values = _values(get_types(spec_class)[attribute.name], member, service)
        (required if member.required else optional)[attribute.name] = values
    fields = st.fixed_dictionaries(required, optional=optional)
    return fields.map(lambda values: spec_class(**values))


def _values(annotation: Any, member: Member, service: str) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        types = [part for part in arguments if part is not NoneType]
        return st.one_of([_values(part, member, service) for part in types])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(_values(arguments[0], member, service), min_size=1, max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(st.sampled_from(_TEXTS), _values(arguments[1], member, service), max_size=2)
    if is_spec_class(annotation):
        return specs(annotation, service)
    if annotation is bool:
        return st.booleans()
    if annotation is Secret:
        texts = [text for text in (*_TEXTS, "t" * 40) if _is_valid(member, text, service)]
        return st.sampled_from([Secret("env TOKEN", text) for text in texts])
    scalars = [value for value in _list_scalars(annotation, member) if _is_valid(member, value, service)]
    others = [text for text in _OTHER_TEXTS if annotation is str and _is_valid(member, text, service)]
    return st.sampled_from(scalars or others)


def _list_scalars(annotation: type, member: Member) -> tuple[Any, ...]:
    if annotation is str:
        return (ROLE_ARN, f"{ROLE_ARN}-2") if member.name.endswith("role_arn") else _TEXTS
    return tuple(annotation(number) for number in (*_NUMBERS, 0))


def _is_valid(member: Member, value: object, service: str) -> bool:
    assert member.api
    violations = ServiceModelConstraints().find_violations(service, member.api, value)
    return not any(True for _ in violations)
