"""Certificate providers: the operations that create, describe, list, update and delete them.

They are stored and described; no function is called, as only fleet provisioning over MQTT uses them.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.paging import Pager
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType

CERTIFICATE_PROVIDERS = NamedResourceType(
    "certificate provider", "certificateprovider", "certificateProviderName"
)
MAX_CERTIFICATE_PROVIDERS = 1

_ACCOUNT_PART = 4
"""The position of the account in an ARN, after the Region."""

_PAGER = Pager("nextToken", "nextToken", "maxResults", url_safe=False)


@operation("iot", "CreateCertificateProvider")
def create_certificate_provider(context: Context, params: Params) -> Output | None:
    """Create a certificate provider. Repeating the call succeeds only with the same client token.

    Raises ResourceAlreadyExists (409), LimitExceeded (410) for a second provider, InvalidRequest for a function in another
    account or Region and for invalid tags.
    """
    _check_function(context, params)
    provider = CERTIFICATE_PROVIDERS.create(context, params)
    if len(CERTIFICATE_PROVIDERS.read_all(context)) > MAX_CERTIFICATE_PROVIDERS:
        raise ApiError("LimitExceededException", "An account can have one certificate provider.")
    return _identify(provider)


@operation("iot", "DescribeCertificateProvider")
def describe_certificate_provider(context: Context, params: Params) -> Output | None:
    """Return everything about a certificate provider except its tags. Raises ResourceNotFound."""
    provider = CERTIFICATE_PROVIDERS.require(context, params)
    return provider.describe("certificateProviderName", "certificateProviderArn")


@operation("iot", "ListCertificateProviders")
def list_certificate_providers(context: Context, params: Params) -> Output | None:
    """Return the certificate provider, if there is one. Raises InvalidRequest for any `nextToken`."""
    return CERTIFICATE_PROVIDERS.list_page(context, params, "certificateProviders", _identify, pager=_PAGER)


@operation("iot", "UpdateCertificateProvider")
def update_certificate_provider(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay.

    Raises ResourceNotFound, InvalidRequest for a function in another account or Region.
    """
    _check_function(context, params)
    provider = CERTIFICATE_PROVIDERS.require(context, params)
    changes = CERTIFICATE_PROVIDERS.select_changes(params)
    return _identify(CERTIFICATE_PROVIDERS.update(context, provider, changes))


@operation("iot", "DeleteCertificateProvider")
def delete_certificate_provider(context: Context, params: Params) -> Output | None:
    """Delete a certificate provider. Raises ResourceNotFound."""
    if CERTIFICATE_PROVIDERS.delete(context, params) is None:
        raise not_found(f"The certificate provider {params['certificateProviderName']} does not exist.")
    return None


def _check_function(context: Context, params: Params) -> None:
    """Raise InvalidRequest for a function in another Region, with AWS's text, or in another account."""
    arn = params.get("lambdaFunctionArn", "")
    parts = arn.split(":")
    if len(parts) <= _ACCOUNT_PART:
        return
    region, account = parts[_ACCOUNT_PART - 1 : _ACCOUNT_PART + 1]
    if region != context.region:
        raise context.invalid(f"{arn} does not contain expected region, {context.region}")
    if account != context.account:
        raise context.invalid(f"{arn} does not contain expected account, {context.account}")


def _identify(provider: NamedResource) -> Output:
    return {"certificateProviderName": provider.name, "certificateProviderArn": provider.arn}
