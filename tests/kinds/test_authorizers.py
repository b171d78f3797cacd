"""Authorizers: found by name, deactivated before they are deleted."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.authorizers import Authorizer
from reconciler.model.change import Replace
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("authorizer/a")
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:check"
KEY = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""
SIGNED = Authorizer(FUNCTION, "token", {"k": KEY})
UNSIGNED = Authorizer(FUNCTION, signing_disabled=True)
MEMBERS = {
    "authorizerFunctionArn": FUNCTION,
    "tokenKeyName": "token",
    "tokenSigningPublicKeys": {"k": KEY},
    "status": "ACTIVE",
    "enableCachingForHttp": False,
}


def make_live(spec: Authorizer) -> Live:
    return Live("a", spec, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS})


def make_authorizer(spec: Authorizer):
    return make_resource("authorizers", "a", spec)


DEACTIVATE = make_iot_call(
    "UpdateAuthorizer", authorizerName="a", status="INACTIVE", ignored_errors=NOT_FOUND
)
DELETE = make_iot_call("DeleteAuthorizer", authorizerName="a", ignored_errors=NOT_FOUND)


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_authorizer(SIGNED)) == [
        make_iot_call(
            "CreateAuthorizer",
            authorizerName="a",
            **MEMBERS,
            signingDisabled=False,
            tags=make_tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_an_authorizer_is_read_from_its_description_and_its_tags():
    responses = {
        "ListAuthorizers": {"authorizers": [{"authorizerName": "a", "authorizerArn": ARN}]},
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "DescribeAuthorizer": {
            "authorizerDescription": {
                **MEMBERS,
                "authorizerName": "a",
                "authorizerArn": ARN,
                "signingDisabled": False,
            }
        },
    }
    assert read_kind("authorizers", responses) == (
        [make_live(SIGNED)],
        ["ListAuthorizers", "ListTagsForResource", "DescribeAuthorizer"],
    )


def test_an_update_sends_every_field_that_aws_changes_in_place():
    after = make_authorizer(evolve(SIGNED, enable_caching_for_http=True))
    assert list_calls(make_change(after, make_live(SIGNED))) == [
        make_iot_call("UpdateAuthorizer", authorizerName="a", **{**MEMBERS, "enableCachingForHttp": True})
    ]


def test_a_deletion_deactivates_an_active_authorizer_first():
    assert list_delete_calls("authorizers", make_live(SIGNED)) == [DEACTIVATE, DELETE]
    assert list_delete_calls("authorizers", make_live(evolve(SIGNED, status="INACTIVE"))) == [DELETE]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SIGNED, UNSIGNED),
        (evolve(UNSIGNED, token_key_name="token"), UNSIGNED),
        (evolve(UNSIGNED, token_signing_public_keys={"k": KEY}), UNSIGNED),
    ],
    ids=["signing", "token key", "public keys"],
)
def test_an_authorizer_is_replaced_if_no_update_can_remove_a_value(before, after):
    change = make_change(make_authorizer(after), make_live(before))
    assert isinstance(change, Replace)
    assert list_calls(change)[:2] == [DEACTIVATE, DELETE]


def test_signing_without_a_token_key_and_public_keys_is_a_problem():
    expected = "missing: clients have to sign their tokens; expected a value, or signing_disabled = true"
    assert list_problems(make_authorizer(Authorizer(FUNCTION))) == [
        f"token_key_name: {expected}",
        f"token_signing_public_keys: {expected}",
    ]
    change = make_change(make_authorizer(evolve(SIGNED, token_key_name=None)), make_live(SIGNED))
    assert list_plan_errors(change) == [
        "cannot replace: clients have to sign their tokens, which needs token_key_name; set them"
    ]


def test_a_function_and_keys_that_are_not_valid_are_problems():
    spec = Authorizer("check", "token", {"empty": "", "text": "k"})
    expected = "expected a public key in PEM; RSA keys with at least 2,048 bits"
    assert list_problems(make_authorizer(spec)) == [
        (
            "authorizer_function_arn: 'check' is not the ARN of a Lambda function; expected an ARN such as "
            "'arn:aws:lambda:eu-west-1:123456789012:function:NAME'"
        ),
        f"token_signing_public_keys.empty: empty; {expected}",
        f"token_signing_public_keys.text: not a public key in PEM; {expected}",
    ]
    assert list_problems(make_authorizer(SIGNED)) == []
