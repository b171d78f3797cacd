"""API calls: requests to AWS, complete before anything is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.errors import UnknownValueError
from reconciler.model.output_file import SavedMember
from reconciler.model.secret import Secret

Responses: TypeAlias = Mapping[Address, Mapping[str, Any]]
"""Address of a step → the members of all responses that this run has received for its calls."""


class Deferred(ABC):
    """A parameter whose value is known only while the plan runs."""

    @abstractmethod
    def resolve(self, responses: Responses) -> Any:
        """Return the value to send. Raises UnknownValueError if it depends on a response that is missing."""


@frozen
class Ref(Deferred):
    """A value that AWS assigns, such as an ID: a member of the responses to `address`'s step.

    `field` is the path of the member, with dots.
    """

    address: Address
    field: str

    def resolve(self, responses: Responses) -> Any:
        """Return the member."""
        value: Any = responses.get(self.address, {})
        for name in self.field.split("."):
            if name not in value:
                raise UnknownValueError(f"{self.field} of {self.address}")
            value = value[name]
        return value

    def __str__(self) -> str:
        return f"(known after apply: {self.field} of {self.address})"


@frozen
class Wait:
    """A condition that a call waits for: a member of its response gets one of some values.

    - `path`: the dotted path of the member, such as a status;
    - `until`: the values that end the wait;
    - `failures`: the values that end it with an error;
    - `reason_path`: the dotted path of the member that explains a failure;
    - `advice`: what the user has to do if the wait fails or takes too long.
    """

    path: str
    until: AbstractSet[str]
    failures: AbstractSet[str]
    reason_path: str
    advice: str


@frozen
class ApiCall:
    """One request to AWS.

    `service` and `operation` are the API's names (`iot`, `CreateThing`). A value in `params` may be a `Secret` or a
    `Deferred`. Three sets of error codes define what an error means for this call:

    - `ignored_errors`: nothing is left to do (for example, to detach a policy that is not attached), so the call counts as
      successful;
    - `retried_errors`: AWS is still processing an earlier call of this step (for example, it detaches asynchronously), so
      the call is repeated with growing pauses;
    - `repeat_until`: the purpose of the call is to wait for AWS (for example, for a slow deletion), so it is repeated until
      AWS returns one of these errors.

    A call with a `wait` is repeated until its response is the one that it waits for.

    `timeout_seconds` limits all these repetitions; None means the default.
    `output_files` are the members of the response that are written to files before anything else uses the response.
    `region` is the Region of the request, or empty for that of the target.
    `secret_member` is the member of the response, as a dotted path, that is secret and that the step's next call saves.
    `max_items` stops a listing after this number of items; its response then still has a token for the next page.

    If the response is lost, the call may or may not have taken effect. An `idempotent` call is then sent again: sent twice,
    it has the same effect and response as sent once. A call with a `verification` is sent again only if reading shows that
    it did not take effect. For a call with neither, the HTTP method decides: if it is idempotent, the request is sent again;
    if not, the step fails.
    """

    service: str
    operation: str
    params: Mapping[str, Any] = field(factory=dict)
    ignored_errors: AbstractSet[str] = frozenset()
    retried_errors: AbstractSet[str] = frozenset()
    repeat_until: AbstractSet[str] = frozenset()
    region: str = ""
    wait: Wait | None = None
    max_items: int | None = None
    timeout_seconds: float | None = None
    output_files: tuple[SavedMember, ...] = ()
    secret_member: str = ""
    # Calls are equal even if a lost response to one of them would be handled differently.
    idempotent: bool = field(default=False, eq=False)
    verification: Verification | None = field(default=None, eq=False)

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


VerificationReads: TypeAlias = Generator[ApiCall, Mapping[str, Any], Mapping[str, Any] | None]
"""A generator that yields calls that only read, one after the other, and receives their responses.

It returns the relevant members of the lost response, or None if the call did not take effect.
"""


class Verification(ABC):
    """A way to find out, by reading, whether a call with a lost response took effect."""

    @abstractmethod
    def verify(self, sent: ApiCall) -> VerificationReads:
        """Read what the call changes; `sent` is the call with the parameters that were sent.

        Raises LookupError if the call took effect only in part; its text names the resource that the user has to check.
        """


Call: TypeAlias = Callable[[ApiCall], Mapping[str, Any]]
"""Sends one call and returns AWS's response, with all pages of a listing joined. Raises AwsError and TargetError."""

Batch: TypeAlias = Sequence[ApiCall]
"""Calls that may be sent concurrently."""


def get_by_path(members: Mapping[str, Any], path: str) -> Any:
    """Return the member with a dotted path, or None."""
    value: Any = members
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def resolve(value: Any, responses: Responses) -> Any:
    """Return a parameter's value as it is sent, with each `Secret` revealed and each `Deferred` resolved."""
    match value:
        case Secret():
            return value.reveal()
        case Deferred():
            return resolve(value.resolve(responses), responses)
        case Mapping():
            return {key: resolve(item, responses) for key, item in value.items()}
        case list() | tuple():
            return [resolve(item, responses) for item in value]
        case _:
            return value
