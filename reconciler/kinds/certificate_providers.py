"""Certificate providers: Lambda functions that sign certificates in fleet provisioning.

Source: AWS IoT API reference, CreateCertificateProvider and related operations; developer guide, "Self-managed certificate signing
using AWS IoT Core certificate provider" (one provider per account; the function must be in its account and Region). UNCONFIRMED:
whether each Region has a limit of its own, as is assumed, and what makes AWS reject a deletion with DeleteConflictException.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import CERTIFICATE_PROVIDERS
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.function_arns import check_function_arn, find_place_error
from reconciler.model.change import Change, Create, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Resource

_FUNCTION = "lambda_function_arn"


@frozen
class CertificateProvider:
    """`[certificate_providers.*]`."""

    lambda_function_arn: str = member(
        "The ARN of the Lambda function that signs.",
        api="CreateCertificateProvider.lambdaFunctionArn",
        outside="function",
    )
    account_default_for_operations: tuple[str, ...] = member(
        "The operations for which the function signs; AWS has only one.",
        api="CreateCertificateProvider.accountDefaultForOperations",
        default=("CreateCertificateFromCsr",),
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateCertificateProvider.tags", factory=dict)


class CertificateProviders(PlainKind):
    """Certificate providers: found by name, owned by tag."""

    table = "certificate_providers"
    noun = "certificate provider"
    spec_class = CertificateProvider
    api = PlainApi(
        "CertificateProvider",
        name="certificateProviderName",
        arn="certificateProviderArn",
        listing=Listing(
            "ListCertificateProviders",
            "certificateProviders",
            "certificateProviderName",
            "certificateProviderArn",
        ),
        tokens=("CreateCertificateProvider.clientToken",),
    )
    account_limit = CERTIFICATE_PROVIDERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags and the function."""
        yield from super().check(resource, desired)
        yield from check_function_arn(resource.spec.lambda_function_arn, _FUNCTION)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject a second provider in the account, and a function in another account or Region."""
        yield from super().plan_errors(change, context)
        if isinstance(change, Create) or (isinstance(change, Update) and change.has_changed(_FUNCTION)):
            yield from find_place_error(change.resource.spec.lambda_function_arn, context.target)

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn that a new provider signs for all devices of the account."""
        if isinstance(change, Create):
            yield (
                "within minutes, the function signs the certificates of all devices that are provisioned with a signing request, "
                "in every fleet of this account and Region"
            )


KIND = CertificateProviders()
