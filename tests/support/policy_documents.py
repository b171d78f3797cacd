"""Policy documents that AWS accepts or rejects, and random ones that are close to both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

STATEMENT: Mapping[str, Any] = {
    "Effect": "Allow",
    "Action": "iot:Connect",
    "Resource": "arn:aws:iot:eu-west-1:123456789012:client/a",
}


def make_policy(statement: Any = STATEMENT, **members: Any) -> dict[str, Any]:
    """Return a policy with one statement and, in its place or in addition, other members."""
    return {"Version": "2012-10-17", "Statement": [statement], **members}


def _with(**members: Any) -> dict[str, Any]:
    """Return a policy whose statement has other members; None removes one."""
    changed = {**STATEMENT, **members}
    return make_policy({key: value for key, value in changed.items() if value is not None})


ACCEPTED: Mapping[str, dict[str, Any]] = {
    "a statement": make_policy(),
    "a statement that is not in an array": make_policy(Statement=STATEMENT),
    "the older version": make_policy(Version="2008-10-17"),
    "no version": {"Statement": [STATEMENT]},
    "an empty array of statements": make_policy(Statement=[]),
    "an ID and a Sid": {**_with(Sid="1"), "Id": "x"},
    "arrays of actions and resources": _with(
        Action=["iot:Publish", "iot:Rec*", "*"], Resource=["*", "arn:aws:iot:*:*:*"]
    ),
    "NotAction and NotResource": _with(Action=None, NotAction="iot:*", Resource=None, NotResource="*"),
    "a policy variable": _with(Resource="arn:aws:iot:eu-west-1:123456789012:topic/${iot:ClientId}"),
    "conditions": _with(
        Condition={
            "Bool": {"iot:Connection.Thing.IsAttached": [True]},
            "StringLikeIfExists": {"iot:ClientId": ["a", "b"]},
            "ForAnyValue:StringEquals": {"iot:Certificate.Subject.Organization.List": "x"},
            "NumericLessThanEquals": {"aws:EpochTime": 5},
            "Null": {"iot:ClientId": "false"},
        }
    ),
}

REJECTED: Mapping[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({}, ["the policy has no Statement; expected a statement, or an array of statements"]),
    "Actions": (
        _with(Actions="iot:Connect", Action=None),
        ["Statement[0].Actions: unknown key; did you mean 'Action'?"],
    ),
    "Actoin": (_with(Actoin="*", Action=None), ["Statement[0].Actoin: unknown key; did you mean 'Action'?"]),
    "allow": (
        _with(Effect="allow"),
        [
            "Statement[0].Effect: the string 'allow' is not a valid effect; expected one of 'Allow', 'Deny'; did you mean 'Allow'?"
        ],
    ),
    "Alow": (
        _with(Effect="Alow"),
        [
            "Statement[0].Effect: the string 'Alow' is not a valid effect; expected one of 'Allow', 'Deny'; did you mean 'Allow'?"
        ],
    ),
    "no Effect": (
        _with(Effect=None),
        ["Statement[0]: the statement has no Effect; expected one of 'Allow', 'Deny'"],
    ),
    "no Resource": (
        _with(Resource=None),
        ["Statement[0]: the statement has no Resource; expected Resource: an ARN, or *"],
    ),
    "an unknown version": (
        make_policy(Version="2012-10-18"),
        ["Version: the string '2012-10-18' is not a version of the policy language; expected '2012-10-17'"],
    ),
    "statement": (
        {"statement": [STATEMENT]},
        ["statement: unknown key; did you mean 'Statement'?"],
    ),
    "a statement that is text": (
        make_policy("Allow"),
        ["Statement[0]: got the string 'Allow'; expected a statement: a JSON object"],
    ),
    "statements that are text": (
        make_policy(Statement="*"),
        ["Statement: got the string '*'; expected a statement, or an array of statements"],
    ),
    "a Principal": (
        _with(Principal="*"),
        [
            "Statement[0].Principal: not allowed: a policy of AWS IoT applies to what it is attached to; expected no Principal"
        ],
    ),
    "Action and NotAction": (
        _with(NotAction="*"),
        ["Statement[0]: the statement has both Action and NotAction; expected one of them"],
    ),
    "an action without a service": (
        _with(Action=["Connect"]),
        ["Statement[0].Action[0]: 'Connect' is not valid here; expected an action such as iot:Connect, or *"],
    ),
    "no action in an array": (
        _with(Action=[]),
        ["Statement[0].Action: the array is empty; expected an action such as iot:Connect, or *"],
    ),
    "a number as an action": (
        _with(Action=5),
        [
            "Statement[0].Action: got the integer 5; expected an action such as iot:Connect, or *; or an array of these"
        ],
    ),
    "a Sid that is a number": (_with(Sid=5), ["Statement[0].Sid: got the integer 5; expected a string"]),
    "an unknown operator": (
        _with(Condition={"StringEqual": {"iot:ClientId": "a"}}),
        [
            (
                "Statement[0].Condition.StringEqual: not a condition operator; expected an operator such as StringEquals; "
                "did you mean 'StringEquals'?"
            )
        ],
    ),
    "an operator without a key": (
        _with(Condition={"Bool": "true"}),
        ["Statement[0].Condition.Bool: got the string 'true'; expected a JSON object of condition keys"],
    ),
    "a condition that is text": (
        _with(Condition="x"),
        ["Statement[0].Condition: got the string 'x'; expected a JSON object of operators"],
    ),
    "a value of a condition that is an object": (
        _with(Condition={"Bool": {"a": {}}}),
        ["Statement[0].Condition.Bool.a: got a table; expected a string, or an array of strings"],
    ),
}
"""By what is wrong: the document, and the problems that `validate` reports. AWS's reason is "Invalid policy syntax."."""

INVALID_RESOURCES = ("\\", "topic/a", "arn:aws:iot:eu-west-1", "arn:aws:iot:eu-west-1:123456789012:", "**")
"""Invalid resources. AWS's reason is "The following resources are invalid : …"."""

_KEYS = st.sampled_from(
    (
        "Version",
        "Id",
        "Statement",
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
        "Principal",
        "action",
        "Bool",
        "StringLike",
        "ForAllValues:Null",
        "NullIfExists",
    )
)
_TEXTS = st.sampled_from(
    (
        "2012-10-17",
        "2008-10-17",
        "Allow",
        "Deny",
        "iot:Connect",
        "iot:*",
        "*",
        "x",
        "",
        "arn:aws:iot:::client/a",
    )
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _TEXTS | st.none() | st.booleans() | st.integers(0, 9),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(_KEYS, values, max_size=3),
    max_leaves=6,
)


@st.composite
def almost_valid_policies(draw: st.DrawFn) -> dict[str, Any]:
    """Return an accepted policy, in which one or two members may be removed, added or changed."""
    policy: dict[str, Any] = draw(st.sampled_from([*ACCEPTED.values()]))
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    changed = [_change(draw, statement) for statement in statements]
    return _change(draw, {**policy, "Statement": draw(st.sampled_from([changed, *changed]))})


def _change(draw: st.DrawFn, table: dict[str, Any]) -> dict[str, Any]:
    removed = draw(st.sets(st.sampled_from(sorted(table)), max_size=1))
    added = draw(st.dictionaries(_KEYS, _VALUES, max_size=1))
    return {key: value for key, value in {**table, **added}.items() if key not in removed}
