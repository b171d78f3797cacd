"""Certificate providers: found by name; an account has at most one."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.certificate_providers import CertificateProvider
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
)

ARN = build_arn("certificateprovider/a")
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:sign"
SPEC = CertificateProvider(FUNCTION_ARN)
LIVE = Live("a", SPEC, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS)
OPERATIONS = ["CreateCertificateFromCsr"]


def make_provider(spec: CertificateProvider, name: str = "a"):
    return make_resource("certificate_providers", name, spec)


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_provider(SPEC)) == [
        make_iot_call(
            "CreateCertificateProvider",
            certificateProviderName="a",
            lambdaFunctionArn=FUNCTION_ARN,
            accountDefaultForOperations=OPERATIONS,
            tags=make_tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_another_function_is_an_update_in_place():
    after = make_provider(evolve(SPEC, lambda_function_arn=f"{FUNCTION_ARN}-2"))
    assert list_calls(make_change(after, LIVE)) == [
        make_iot_call(
            "UpdateCertificateProvider",
            certificateProviderName="a",
            lambdaFunctionArn=f"{FUNCTION_ARN}-2",
            accountDefaultForOperations=OPERATIONS,
        )
    ]


def test_a_text_that_is_not_the_arn_of_a_function_is_a_problem():
    assert list_problems(make_provider(CertificateProvider("sign"))) == [
        (
            "lambda_function_arn: 'sign' is not the ARN of a Lambda function; expected an ARN such as "
            "'arn:aws:lambda:eu-west-1:123456789012:function:NAME'"
        )
    ]
