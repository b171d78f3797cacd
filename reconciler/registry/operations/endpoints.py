"""DescribeEndpoint: plausible addresses, at which nothing answers. They are the same on every call, as AWS's are."""

import hashlib
from collections.abc import Mapping

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context

# The part of the address that depends on the endpoint's type; the untyped legacy address is iot:Data's.
_HOSTS: Mapping[str, str] = {
    "iot:Data": "{prefix}.iot.{region}.amazonaws.com",
    "iot:Data-ATS": "{prefix}-ats.iot.{region}.amazonaws.com",
    "iot:CredentialProvider": "{prefix}.credentials.iot.{region}.amazonaws.com",
    "iot:Jobs": "{prefix}.jobs.iot.{region}.amazonaws.com",
    "iot:DeviceAdvisor": "{prefix}.deviceadvisor.iot.{region}.amazonaws.com",
    "iot:Data-Beta": "{prefix}.data-beta.iot.{region}.amazonaws.com",
}
_PREFIX_LENGTH = 13


@operation("iot", "DescribeEndpoint")
def describe_endpoint(context: Context, params: Params) -> Output | None:
    """Give the address of one type of endpoint. Raises InvalidRequest for an unknown type."""
    host = _HOSTS.get(params.get("endpointType", "iot:Data"))
    if host is None:
        raise context.invalid(f"Endpoint type {params['endpointType']} not recognized.")
    owner = hashlib.sha256(f"{context.account}/{context.region}".encode()).hexdigest()
    return {"endpointAddress": host.format(prefix=f"a{owner[:_PREFIX_LENGTH]}", region=context.region)}
