"""The context of an operation: the transaction, the caller, the time, the settings.

Invariant: a context belongs to one request. Operations get everything through it and keep no state.
"""

from reconciler.frozen_classes import frozen
from reconciler.registry.errors import ApiError
from reconciler.registry.http import RegistrySettings
from reconciler.registry.page_tokens import TokenSigner
from reconciler.registry.store import Transaction


@frozen
class Context:
    """The context of one request.

    `scope` is the number that identifies the account and Region in every table. `now` is in seconds since the epoch and does not
    change during the request. `invalid_code` is the error code that the operation's model has for an invalid request. `signer`
    signs page tokens; its secret is also the key of the keyed hashes that operations store instead of secrets.
    """

    tx: Transaction
    service: str
    operation: str
    scope: int
    account: str
    region: str
    now: float
    settings: RegistrySettings
    invalid_code: str
    signer: TokenSigner

    def build_arn(self, resource: str) -> str:
        """Return the ARN of a resource of this service, as in `build_arn("thing/pump-7")`."""
        return f"arn:{find_partition(self.region)}:{_ARN_SERVICES[self.service]}:{self.region}:{self.account}:{resource}"

    def invalid(self, message: str) -> ApiError:
        """Return the error for an invalid request (400)."""
        return ApiError(self.invalid_code, message)


_ARN_SERVICES = {
    "cloudtrail": "cloudtrail",
    "iot": "iot",
    "iot-managed-integrations": "iotmanagedintegrations",
    "ssm": "ssm",
    "secretsmanager": "secretsmanager",
    "kinesis": "kinesis",
    "firehose": "firehose",
    "lambda": "lambda",
}


def find_partition(region: str) -> str:
    """Return the ARN partition of a Region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
