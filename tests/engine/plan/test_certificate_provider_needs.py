"""Plans with certificate providers: an account has room for one, and its function must be there."""

from __future__ import annotations

from reconciler.kinds.certificate_providers import CertificateProvider
from tests.support.desired_states import converge, get_rejection_reasons, make_resource, make_state

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:sign"
SPEC = CertificateProvider(FUNCTION_ARN)


def make_provider(spec: CertificateProvider, name: str = "a"):
    return make_resource("certificate_providers", name, spec)


def test_a_function_in_another_region_rejects_the_plan(cloud):
    arn = "arn:aws:lambda:us-east-1:123456789012:function:sign"
    assert get_rejection_reasons(make_state(make_provider(CertificateProvider(arn))), cloud) == [
        (
            "certificate_providers.a: the function is in account 123456789012, Region us-east-1, but AWS requires one in account "
            "123456789012, Region eu-west-1; choose a function there (<memory>:1)"
        )
    ]


def test_a_provider_of_others_rejects_the_plan_for_another_one(cloud):
    cloud.iot.create_certificate_provider(
        certificateProviderName="other",
        lambdaFunctionArn=FUNCTION_ARN,
        accountDefaultForOperations=["CreateCertificateFromCsr"],
    )
    assert get_rejection_reasons(make_state(make_provider(SPEC)), cloud) == [
        (
            "certificate_providers.a: cannot create: there would be 2 certificate providers, with those that exist already, and AWS "
            "allows 1; delete some of them first (<memory>:1)"
        )
    ]


def test_a_provider_takes_the_place_of_a_removed_one(cloud):
    converge(make_state(make_provider(SPEC)), cloud)
    converge(make_state(make_provider(SPEC, "b")), cloud)
    assert cloud.read_content()["certificate_providers"].keys() == {"b"}
