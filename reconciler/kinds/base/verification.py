"""Verify calls whose responses were lost, by reading what each call would have changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.model.call import ApiCall, Verification, VerificationReads

_EXPECTED_VERSION = "expectedVersion"


def _to_pairs(paths: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(paths.items())


@frozen
class FieldsMatch(Verification):
    """Verification that the response of one read has the values of the request.

    `paths` maps dotted paths in the request to dotted paths in the response. AWS increments the version with every change,
    so a request with `expectedVersion` took effect only if the live version is the next one.
    """

    read_call: ApiCall
    paths: tuple[tuple[str, str], ...] = field(converter=_to_pairs)

    def verify(self, sent: ApiCall) -> VerificationReads:
        """Return the response of the read if it shows that the request took effect, else None."""
        response = yield evolve(self.read_call, ignored_errors=self.read_call.ignored_errors | NOT_FOUND)
        if not response:
            return None
        expected_version = sent.params.get(_EXPECTED_VERSION)
        if expected_version is not None and response.get("version") != expected_version + 1:
            return None
        matches = all(
            _has_requested_value(_get(sent.params, request_path), _get(response, response_path))
            for request_path, response_path in self.paths
        )
        return response if matches else None


@frozen
class CertificateRegistered(Verification):
    """Verification that a certificate with this ID is registered and has the requested status."""

    identity: str

    def verify(self, sent: ApiCall) -> VerificationReads:
        """Return the description of the certificate if it has the requested status, else None."""
        params = {"certificateId": self.identity}
        response = yield ApiCall("iot", "DescribeCertificate", params, ignored_errors=NOT_FOUND)
        certificate: Mapping[str, Any] = response.get("certificateDescription", {})
        return certificate if certificate.get("status", "") == sent.params["status"] else None


def build_thing_verification(name: str) -> FieldsMatch:
    """Return the verification of a call that changes the attributes of a thing."""
    read_call = ApiCall("iot", "DescribeThing", {"thingName": name})
    return FieldsMatch(read_call, {"attributePayload.attributes": "attributes"})


def build_thing_group_verification(name: str) -> FieldsMatch:
    """Return the verification of a call that creates or changes a thing group, static or dynamic."""
    read_call = ApiCall("iot", "DescribeThingGroup", {"thingGroupName": name})
    attributes = "thingGroupProperties.attributePayload.attributes"
    description = "thingGroupProperties.thingGroupDescription"
    return FieldsMatch(
        read_call, {description: description, attributes: attributes, "queryString": "queryString"}
    )


_MISSING = object()


def _get(members: Mapping[str, Any], path: str) -> Any:
    value: Any = members
    for name in path.split("."):
        value = value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING
    return value


def _has_requested_value(requested: Any, reported: Any) -> bool:
    """Return whether a reported value is the requested one.

    A value that was not requested matches anything. An empty value matches another empty one, and a value that
    the response leaves out. Two JSON objects in text form are compared as objects.
    """
    if requested is _MISSING:
        return True
    if not requested:
        return reported is _MISSING or not reported
    match requested, reported:
        case Mapping(), Mapping():
            return all(
                _has_requested_value(value, reported.get(key, _MISSING)) for key, value in requested.items()
            )
        case str(), str():
            return requested == reported or (
                _is_json_object(requested) and _parse(requested) == _parse(reported)
            )
        case _:
            return bool(requested == reported)


def _is_json_object(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
