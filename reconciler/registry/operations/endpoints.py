"""DescribeEndpoint: plausible addresses that nothing listens on; as in AWS, they never change."""

import hashlib
from collections.abc import Mapping

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context

# The address of each endpoint type; a request without a type gets that of iot:Data.
_HOSTS: Mapping[str, str] = {
    "iot:Data": "{prefix}.iot.{region}.amazonaws.com",
    "iot:Data-ATS": "{prefix}-ats.iot.{region}.amazonaws.com",
    "iot:CredentialProvider": "{prefix}.credentials.iot.{region}.amazonaws.com",
    "iot:Jobs": "{prefix}.jobs.iot.{region}.amazonaws.com",
    "iot:DeviceAdvisor": "{prefix}.deviceadvisor.iot.{region}.amazonaws.com",
    "iot:Data-Beta": "{prefix}.data-beta.iot.{region}.amazonaws.com",
}
# The number of digits after the `a` of a prefix.
_PREFIX_DIGITS = 13


@operation("iot", "DescribeEndpoint")
def describe_endpoint(context: Context, params: Params) -> Output | None:
    """Return the address of one type of endpoint. Raises InvalidRequest for an unknown type."""
    host = _HOSTS.get(params.get("endpointType", "iot:Data"))
    if host is None:
        raise context.invalid(f"Endpoint type {params['endpointType']} not recognized.")
    digest = hashlib.sha256(f"{context.account}/{context.region}".encode()).hexdigest()
    return {"endpointAddress": host.format(prefix=f"a{digest[:_PREFIX_DIGITS]}", region=context.region)}
