"""The default authorizer: AWS neither deletes nor deactivates it, so plans change the default first."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.account_default_authorizer import DefaultAuthorizer
from reconciler.kinds.authorizers import Authorizer
from reconciler.kinds.domain_configurations import DomainConfiguration
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import list_problems
from tests.support.registry_client import Cloud

UNSIGNED = Authorizer("arn:aws:lambda:eu-west-1:123456789012:function:check", signing_disabled=True)
A, B = (make_resource("authorizers", name, UNSIGNED) for name in ("a", "b"))
INACTIVE_A = replace(A, spec=evolve(UNSIGNED, status="INACTIVE"))
SIGNED_A = replace(A, spec=Authorizer(UNSIGNED.authorizer_function_arn, "token", {"k": "KEY"}))
MARKER = "reconciler:account-default_authorizer"
ADVICE = (
    "it is the default authorizer of this account and Region; "
    "set another in [account.default_authorizer], or none by leaving out `authorizer` there"
)


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    return module_cloud.reset()


def make_default(name: str | None):
    return make_resource("account.default_authorizer", "default_authorizer", DefaultAuthorizer(name))


def read_default(cloud: Cloud) -> str | None:
    try:
        response = cloud.iot.describe_default_authorizer()
    except cloud.iot.exceptions.ResourceNotFoundException:
        return None
    return response["authorizerDescription"]["authorizerName"]


def list_steps(plan) -> list[tuple[str, list[str]]]:
    return [
        (str(step.address), [call.operation for call in step.calls])
        for step in plan.steps
        if step.address.kind != "thing_groups"
    ]


def test_another_default_is_set_after_the_old_one_is_cleared(cloud):
    converge(make_state(A, B, make_default("a")), cloud)
    plan = converge(make_state(A, B, make_default("b")), cloud)
    assert list_steps(plan) == [
        ("account.default_authorizer", ["ClearDefaultAuthorizer", "SetDefaultAuthorizer"])
    ]
    assert read_default(cloud) == "b"


def test_a_section_without_an_authorizer_clears_the_default(cloud):
    converge(make_state(A, make_default("a")), cloud)
    desired = make_state(A, make_default(None))
    assert list_steps(converge(desired, cloud)) == [
        ("account.default_authorizer", ["ClearDefaultAuthorizer"])
    ]
    assert read_default(cloud) is None
    assert plan_state(desired, cloud).steps == ()


def test_a_removed_section_leaves_the_default_in_aws(cloud):
    converge(make_state(A, make_default("a")), cloud)
    plan = converge(make_state(A), cloud)
    assert list_steps(plan) == [("account.default_authorizer", ["DeleteThingGroup"])]
    assert read_default(cloud) == "a"


@pytest.mark.parametrize("destroy", [False, True])
def test_the_default_is_cleared_if_its_authorizer_is_deleted_with_it(cloud, destroy):
    desired = make_state(A, make_default("a"))
    converge(desired, cloud)
    plan = converge(desired if destroy else make_state(), cloud, destroy=destroy)
    assert list_steps(plan) == [
        ("account.default_authorizer", ["ClearDefaultAuthorizer", "DeleteThingGroup"]),
        ("authorizers.a", ["UpdateAuthorizer", "DeleteAuthorizer"]),
    ]
    assert read_default(cloud) is None


@pytest.mark.parametrize(
    ("remaining", "reason"),
    [
        ([], f"authorizers.a: cannot delete: {ADVICE}"),
        ([INACTIVE_A], f"authorizers.a: cannot deactivate: {ADVICE} (<memory>:1)"),
        (
            [SIGNED_A],
            (
                "authorizers.a: cannot replace: it is the default authorizer of this account and Region; "
                "declare the new one under another name, and set that in [account.default_authorizer] (<memory>:1)"
            ),
        ),
    ],
)
def test_the_authorizer_of_an_unmanaged_default_is_neither_deleted_nor_deactivated(cloud, remaining, reason):
    converge(make_state(A, B), cloud)
    cloud.iot.set_default_authorizer(authorizerName="a")
    assert get_rejection_reasons(make_state(B, *remaining), cloud) == [reason]


@pytest.mark.parametrize("remaining", [[], [INACTIVE_A], [SIGNED_A]])
def test_the_default_changes_before_the_old_authorizer_does(cloud, remaining):
    converge(make_state(A, B, make_default("a")), cloud)
    desired = make_state(B, make_default("b"), *remaining)
    assert [address for address, _ in list_steps(converge(desired, cloud))] == [
        "account.default_authorizer",
        "authorizers.a",
    ]
    assert plan_state(desired, cloud).steps == ()


def test_an_authorizer_is_activated_before_it_becomes_the_default(cloud):
    converge(make_state(INACTIVE_A, B, make_default("b")), cloud)
    plan = converge(make_state(A, B, make_default("a")), cloud)
    assert [address for address, _ in list_steps(plan)] == ["authorizers.a", "account.default_authorizer"]


def test_an_inactive_authorizer_of_the_file_cannot_be_the_default():
    assert list_problems(make_default("a"), INACTIVE_A) == [
        'authorizer: authorizers.a is INACTIVE, so it cannot be the default; expected an authorizer with status = "ACTIVE"'
    ]


def test_one_error_names_all_users_of_a_replaced_authorizer_with_the_setting_among_them(cloud):
    certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/a"
    domain = make_resource(
        "domain_configurations",
        "d",
        DomainConfiguration("iot.example.com", (certificate,), authorizer="a"),
    )
    converge(make_state(A, domain, make_default("a")), cloud)
    assert get_rejection_reasons(make_state(SIGNED_A, domain, make_default("a")), cloud) == [
        (
            "authorizers.a: cannot replace: still used after this plan by account.default_authorizer, "
            "domain_configurations.d; remove that reference first, or declare the new one under another name and refer to "
            "that (<memory>:1)"
        )
    ]
