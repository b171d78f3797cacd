"""The exceptions that an operation raises instead of returning an output.

    ApiError             an AWS error: its code, its message, and the other members of its shape
    │                    raised by operations and by the wire layer, turned into HTTP only by `wire.faults`
    └── CommittedError   an AWS error that keeps what the operation has written

The HTTP status is not here: it comes from the service model or, for errors that the model lacks, from `wire.faults`.
"""

from typing import Any


class ApiError(Exception):
    """An AWS error, such as `ApiError("ResourceNotFoundException", "Thing x does not exist.")`."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.members = members


class CommittedError(ApiError):
    """An AWS error that does not undo what its operation has written."""


def not_found(message: str, **members: Any) -> ApiError:
    """Return the error for a resource that does not exist (404 in both services)."""
    return ApiError("ResourceNotFoundException", message, **members)


def already_exists(message: str, *, resource_id: str, resource_arn: str) -> ApiError:
    """Return `iot`'s error (409) for creating a resource that exists, with its ID and ARN."""
    return ApiError(
        "ResourceAlreadyExistsException", message, resourceId=resource_id, resourceArn=resource_arn
    )


def version_conflict(resource: str, expected: int, actual: int) -> ApiError:
    """Return `iot`'s error (409) for an `expectedVersion` that is not the current version.

    `resource` is a noun with a name, such as "thing pump-7".
    """
    return ApiError(
        "VersionConflictException",
        f"The {resource} has version {actual}, which is not the expected version {expected}.",
    )
