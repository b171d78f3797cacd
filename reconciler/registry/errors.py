"""The exceptions with which an operation answers instead of a result.

    ApiError            an AWS error: code, message and the members that its shape has beside the message
    │                   raised by operations and by the wire layer, turned into HTTP by `wire.faults` alone
    └── PartialError    an AWS error after which what the operation had written stays

The HTTP status is not here: it comes from the service model.
"""

from typing import Any


class ApiError(Exception):
    """An answer that is an AWS error, such as `ApiError("ResourceNotFoundException", "Thing x does not exist.")`."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.members = members


class CommittedError(ApiError):
    """An AWS error that does not undo what its operation had done before."""


def not_found(message: str, **members: Any) -> ApiError:
    """Answer that what was named does not exist (404 in both services)."""
    return ApiError("ResourceNotFoundException", message, **members)


def already_exists(message: str, *, resource_id: str, resource_arn: str) -> ApiError:
    """Answer `iot`'s 409 for a second, different creation; it carries the id and ARN of what exists."""
    return ApiError(
        "ResourceAlreadyExistsException", message, resourceId=resource_id, resourceArn=resource_arn
    )


def version_conflict(noun: str, expected: int, actual: int) -> ApiError:
    """Answer `iot`'s 409 for an `expectedVersion` that is not the version in the registry."""
    return ApiError(
        "VersionConflictException",
        f"The {noun} has version {actual}, which is not the expected version {expected}.",
    )
