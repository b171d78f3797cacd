"""Resources of other AWS services that a file refers to: IAM roles, Lambda functions and streams.

A field declares with `member(outside=…)` which type of resource its text names, by ARN or by name. Permissions are derived from these
fields, and while planning, the resources that a change refers to for the first time must exist. A resource of another account,
partition or Region is not checked, because the caller cannot read it there, and neither is a text with substitution templates.

Source: API references of IAM (GetRole), Lambda (GetFunctionConfiguration), Kinesis Data Streams (DescribeStreamSummary) and Firehose
(DescribeDeliveryStream).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.schema import (
    Member,
    OutsideType,
    find_nested_classes,
    get_members,
    is_spec_class,
)
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Delete, Forget, Update
from reconciler.model.diagnostic import ValuePath
from reconciler.model.plan import Target
from reconciler.model.target_identity import is_local_endpoint
from reconciler.model.text import format_path, quote

TEMPLATE = "${"
"""The beginning of a substitution template."""

_NOT_FOUND_CODES = frozenset(
    {
        "NoSuchEntity",
        "ParameterValidation",
        "ResourceNotFoundException",
        "ValidationError",
        "ValidationException",
    }
)
"""The error codes for a name that nothing has, or that nothing can have."""


@frozen
class OutsideResourceType:
    """How a type of resource is named and read.

    `arn` is a pattern of its ARNs with the groups `name` and, for functions, `qualifier`; `arn_format` makes the ARN of a name after its
    partition, where fields may have names.
    """

    noun: str
    service: str
    operation: str
    name_param: str
    arn: str
    arn_format: str = ""

    def build_call(self, name: str, **params: str) -> ApiCall:
        """Return the call that reads a resource, and whose response is empty if there is none."""
        params = {self.name_param: name, **params}
        return ApiCall(self.service, self.operation, params, ignored_errors=_NOT_FOUND_CODES)


def _build_arn_pattern(service: str, resource: str) -> str:
    return rf"arn:aws[a-z-]*:{service}:[a-z0-9-]*:\d{{12}}:{resource}"


_STREAM_NAME = r"[\w.-]+"

OUTSIDE_TYPES: Mapping[OutsideType, OutsideResourceType] = {
    "role": OutsideResourceType(
        "IAM role",
        "iam",
        "GetRole",
        "RoleName",
        _build_arn_pattern("iam", r"role/(?:[\x21-\x7e]*/)?(?P<name>[\w+=,.@-]+)"),
    ),
    "function": OutsideResourceType(
        "Lambda function",
        "lambda",
        "GetFunctionConfiguration",
        "FunctionName",
        _build_arn_pattern("lambda", r"function:(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"),
    ),
    "kinesis_stream": OutsideResourceType(
        "Kinesis data stream",
        "kinesis",
        "DescribeStreamSummary",
        "StreamName",
        _build_arn_pattern("kinesis", rf"stream/(?P<name>{_STREAM_NAME})"),
        "kinesis:{place}:stream/{name}",
    ),
    "delivery_stream": OutsideResourceType(
        "Firehose delivery stream",
        "firehose",
        "DescribeDeliveryStream",
        "DeliveryStreamName",
        _build_arn_pattern("firehose", rf"deliverystream/(?P<name>{_STREAM_NAME})"),
        "firehose:{place}:deliverystream/{name}",
    ),
}

OUTSIDE_SERVICES = tuple(outside_type.service for outside_type in OUTSIDE_TYPES.values())
"""The services whose resources are only read. A plan does without them if they do not respond."""


@frozen
class OutsideText:
    """The text of a field that names a resource of another service, and the path of the field."""

    path: ValuePath = field(eq=False)
    type: OutsideType
    text: str


@frozen
class OutsideResource:
    """A resource of another service."""

    type: OutsideResourceType
    arn: str
    name: str
    qualifier: str = ""

    def is_in(self, target: Target) -> bool:
        """Return whether the resource is in the account and Region of a target; a role has no Region."""
        _, partition, _, region, account, _ = self.arn.split(":", 5)
        place = partition, region or target.region, account
        return place == (target.partition, target.region, target.account)

    @property
    def read_arns(self) -> set[str]:
        """The ARNs that a policy has to allow for the checks: a version or alias is read, and its function."""
        return {self.arn, self.arn.removesuffix(f":{self.qualifier}")} if self.qualifier else {self.arn}


# ── the fields ────────────────────────────────────────────────────────────────────────────────────

_members_by_class: dict[type, tuple[Member, ...]] = {}


def list_outside_members(spec_class: type) -> tuple[Member, ...]:
    """Return the fields that name resources of other services, in themselves or in their inner tables."""
    if spec_class not in _members_by_class:
        nested_classes = find_nested_classes(spec_class)
        _members_by_class[spec_class] = tuple(
            member
            for name, member in get_members(spec_class).items()
            if member.outside or any(list_outside_members(nested) for nested in nested_classes[name])
        )
    return _members_by_class[spec_class]


def iterate_outside_texts(spec: Any) -> Iterator[OutsideText]:
    """Yield the texts in a spec that name resources of other services."""
    for member in list_outside_members(type(spec)):
        yield from _iterate_value(getattr(spec, member.name), member, (member.name,))


def _iterate_value(value: Any, member: Member, path: ValuePath) -> Iterator[OutsideText]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _iterate_value(item, member, (*path, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _iterate_value(item, member, (*path, key))
    elif member.outside is None:
        if is_spec_class(type(value)):
            for item in iterate_outside_texts(value):
                yield OutsideText((*path, *item.path), item.type, item.text)
    elif isinstance(value, str):
        yield OutsideText(path, member.outside, value)


def find_outside_resource(outside_text: OutsideText, target: Target) -> OutsideResource | None:
    """Return the resource that a text names, or None if it has templates or is not an ARN or name of one."""
    text, outside_type = outside_text.text, OUTSIDE_TYPES[outside_text.type]
    if TEMPLATE in text:
        return None
    if outside_type.arn_format and re.fullmatch(_STREAM_NAME, text, re.ASCII):
        place = f"{target.region}:{target.account}"
        arn = f"arn:{target.partition}:{outside_type.arn_format.format(place=place, name=text)}"
        return OutsideResource(outside_type, arn, text)
    match = re.fullmatch(outside_type.arn, text, re.ASCII)
    if match is None:
        return None
    return OutsideResource(outside_type, text, match["name"], match.groupdict().get("qualifier") or "")


# ── the checks ────────────────────────────────────────────────────────────────────────────────────


def find_service_needs(change: Change, target: Target) -> Iterator[CheckedNeed]:
    """Yield the resources of other services that a change refers to for the first time.

    Those of a live resource are known. A field that matters only at creation is ignored by an update.
    """
    if isinstance(change, Delete | Forget):
        return
    spec = change.resource.spec
    is_update = isinstance(change, Update)
    known_texts = {*iterate_outside_texts(change.live.spec)} if isinstance(change, Update) else set()
    for outside_text in iterate_outside_texts(spec):
        first_member = get_members(type(spec))[str(outside_text.path[0])]
        if outside_text in known_texts or (is_update and first_member.on_change == "create_only"):
            continue
        resource = find_outside_resource(outside_text, target)
        if resource and resource.is_in(target):
            yield _build_need(outside_text, resource, target)


def _build_need(outside_text: OutsideText, resource: OutsideResource, target: Target) -> CheckedNeed:
    key = ("outside", outside_text.type, outside_text.text)
    advice = f"create it first, or correct the {'ARN' if outside_text.text == resource.arn else 'name'}"
    # A registry on this machine does not know the paths of roles.
    has_paths = not is_local_endpoint(target.endpoint)
    read = partial(_read_resource, resource, advice, has_paths=has_paths)
    return CheckedNeed(key, format_path(outside_text.path), read)


def _read_resource(resource: OutsideResource, advice: str, *, has_paths: bool) -> ProblemRead:
    """Return why there is no such resource, or None.

    GetRole finds a role by its name alone, without the path. If a function's version or alias is missing, the function is read, too.
    """
    noun = f"{resource.type.noun} {quote(resource.name)}"
    params = {"Qualifier": resource.qualifier} if resource.qualifier else {}
    (response,) = yield [resource.type.build_call(resource.name, **params)]
    if not response and resource.qualifier:
        (unqualified_response,) = yield [resource.type.build_call(resource.name)]
        if unqualified_response:
            return f"the {noun} has no version or alias {quote(resource.qualifier)}; {advice}"
    if not response:
        place = "account" if resource.type.service == "iam" else "account and Region"
        return f"there is no {noun} in this {place}; {advice}"
    role_arn = response.get("Role", {}).get("Arn", resource.arn)
    if role_arn != resource.arn and has_paths:
        return f"the {noun} has the ARN {quote(role_arn)}; correct the path"
    return None
