"""The identity of a caller, which clients read to find out which account they use."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context, find_partition


@operation("sts", "GetCallerIdentity", writes=False)
def get_caller_identity(context: Context, _params: Params) -> Output | None:
    """Return the account of the credential, as its root user."""
    return {
        "Arn": f"arn:{find_partition(context.region)}:iam::{context.account}:root",
        "UserId": context.account,
        "Account": context.account,
    }
