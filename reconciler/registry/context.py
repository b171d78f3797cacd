"""What an operation is handed besides its parameters: the transaction, who asks, what time it is, how to page.

Law: a context lives for one request. Operations get everything through it and keep nothing.
"""

from attrs import frozen

from reconciler.registry.errors import ApiError
from reconciler.registry.http import RegistrySettings
from reconciler.registry.page_tokens import TokenSigner
from reconciler.registry.store import Transaction


@frozen
class Context:
    """One request's surroundings.

    `scope` is the number of the account and Region in every table. `now` is seconds since the epoch, the same
    throughout the request. `invalid_code` is the code that this operation's model has for a bad request.
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

    def arn(self, resource: str) -> str:
        """Build the ARN of a resource of this service, as in `arn("thing/pump-7")`."""
        return f"arn:{partition(self.region)}:{ARN_SERVICE[self.service]}:{self.region}:{self.account}:{resource}"

    def invalid(self, message: str) -> ApiError:
        """Answer that the request cannot be what was meant (400)."""
        return ApiError(self.invalid_code, message)


ARN_SERVICE = {"iot": "iot", "iot-managed-integrations": "iotmanagedintegrations"}


def partition(region: str) -> str:
    """Give the ARN partition that a Region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
