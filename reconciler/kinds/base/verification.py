"""How to tell whether a call was done whose answer was lost: by looking at what it would have left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from reconciler.model.call import ApiCall, Looking, Proof

_MISSING = frozenset({"ResourceNotFoundException"})
_EXPECTED = "expectedVersion"


def _pairs(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(given.items())


@frozen
class FieldsMatch(Proof):
    """One question shows it. `same` says where its answer has what the request had: dotted path to dotted path.

    A request with `expectedVersion` was done if the version is the next one by now: AWS counts every change.
    """

    question: ApiCall
    same: tuple[tuple[str, str], ...] = field(converter=_pairs)

    def look(self, sent: ApiCall) -> Looking:
        """Ask, and compare."""
        answer = yield evolve(self.question, tolerates=_MISSING)
        if not answer:
            return None
        expected = sent.params.get(_EXPECTED)
        if expected is not None and answer.get("version") != expected + 1:
            return None
        is_there = all(_is_in(_at(sent.params, ours), _at(answer, theirs)) for ours, theirs in self.same)
        return answer if is_there else None


@frozen
class CertificateRegistered(Proof):
    """A certificate is its id, whoever registered it; it has to have the status that was asked for."""

    identity: str

    def look(self, sent: ApiCall) -> Looking:
        """Ask for the certificate by its id."""
        question = {"certificateId": self.identity}
        answer = yield ApiCall("iot", "DescribeCertificate", question, tolerates=_MISSING)
        found: Mapping[str, Any] = answer.get("certificateDescription", {})
        return found if found.get("status", "") == sent.params["status"] else None


def verify_thing(name: str) -> FieldsMatch:
    """A thing that was changed."""
    question = ApiCall("iot", "DescribeThing", {"thingName": name})
    return FieldsMatch(question, {"attributePayload.attributes": "attributes"})


def verify_thing_group(name: str) -> FieldsMatch:
    """A thing group that was created or changed, static or dynamic."""
    question = ApiCall("iot", "DescribeThingGroup", {"thingGroupName": name})
    return FieldsMatch(
        question,
        {
            "thingGroupProperties.thingGroupDescription": "thingGroupProperties.thingGroupDescription",
            "thingGroupProperties.attributePayload.attributes": "thingGroupProperties.attributePayload.attributes",
            "queryString": "queryString",
        },
    )


_UNSAID = object()


def _at(whole: Mapping[str, Any], path: str) -> Any:
    value: Any = whole
    for part in path.split("."):
        value = value.get(part, _UNSAID) if isinstance(value, Mapping) else _UNSAID
    return value


def _is_in(asked: Any, told: Any) -> bool:
    """Whether what was asked for, if it was, is told; JSON whatever its white space, and emptiness may be left out."""
    if asked is _UNSAID:
        return True
    if not asked:
        return told is _UNSAID or not told
    match asked, told:
        case Mapping(), Mapping():
            return all(_is_in(value, told.get(key, _UNSAID)) for key, value in asked.items())
        case str(), str():
            return asked == told or (asked.lstrip()[:1] == "{" and _meant(asked) == _meant(told))
        case _:
            return bool(asked == told)


def _meant(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
