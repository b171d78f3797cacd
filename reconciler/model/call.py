"""One request to AWS, complete before anything is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from attrs import field, frozen

from reconciler.model.address import Address
from reconciler.model.errors import UnknownValueError
from reconciler.model.output_file import SavedMember
from reconciler.model.secret import Secret

Responses: TypeAlias = Mapping[Address, Mapping[str, Any]]
"""What AWS has answered so far in this run: the members of all answers, by address."""


class Deferred(ABC):
    """A parameter whose value is known only while the plan runs."""

    @abstractmethod
    def resolve(self, responses: Responses) -> Any:
        """The value to send. Raises UnknownValueError when what it needs was not answered."""


@frozen
class Ref(Deferred):
    """An id that only AWS can assign: member `field` of what was answered to `address`."""

    address: Address
    field: str

    def resolve(self, responses: Responses) -> Any:
        """The answered member."""
        try:
            return responses[self.address][self.field]
        except KeyError:
            raise UnknownValueError(f"{self.field} of {self.address}") from None

    def __str__(self) -> str:
        return f"(known after apply: {self.field} of {self.address})"


@cache
def _shared(codes: frozenset[str]) -> frozenset[str]:
    """One set in place of many that are equal: a plan has hundreds of thousands of calls, and few sets of codes."""
    return codes


def _codes(given: Iterable[str]) -> frozenset[str]:
    return _shared(frozenset(given))


@frozen
class ApiCall:
    """One request.

    `service` and `operation` are the API's names (`iot`, `CreateThing`). A value in `params` may be a `Secret` or a
    `Deferred`. Three sets of error codes say what an answer means here:

    - `tolerates`: the state we want is there already (detaching what is detached), so the call has succeeded;
    - `retries`: AWS has not yet caught up with an earlier call of this step (it detaches asynchronously), so the call is
      repeated with growing pauses;
    - `until`: the call is a question, repeated until AWS answers with one of these (a deletion that takes its time).

    `patience` is for how many seconds the latter two go on, where it is known how long AWS takes.
    `saves` are the parts of the answer that are written to files, before anything else is done with it.
    Two say what becomes of it when its answer is lost, so that nobody knows whether it was done. Where neither is said, a
    call that HTTP calls idempotent is repeated, and any other fails its step.

    - `repeatable`: sent twice it does no more than sent once, and is answered the same, so it is simply repeated;
    - `proof`: reading tells whether it was done; it is repeated only where it was not.

    `at_most` stops a listing after so many items; its answer then still has a token for the next page.
    """

    service: str
    operation: str
    params: Mapping[str, Any] = field(factory=dict)
    ignored_errors: frozenset[str] = field(default=frozenset(), converter=_codes)
    retried_errors: frozenset[str] = field(default=frozenset(), converter=_codes)
    repeat_until: frozenset[str] = field(default=frozenset(), converter=_codes)
    max_items: int | None = None
    timeout_seconds: float | None = None
    output_files: tuple[SavedMember, ...] = ()
    idempotent: bool = field(default=False, eq=False)  # two calls that ask the same are the same
    verification: Verification | None = field(default=None, eq=False)

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


VerificationReads: TypeAlias = Generator[ApiCall, Mapping[str, Any], Mapping[str, Any] | None]
"""Yields questions, one after the other, and is sent their answers. It returns what the lost answer said, as far as it
matters, or None where the call was not done."""


class Verification(ABC):
    """How reading tells whether a call was done whose answer was lost."""

    @abstractmethod
    def verify(self, sent: ApiCall) -> VerificationReads:
        """Look for what the call, complete as it was sent, would have done.

        Raises LookupError, with what was found, where only half of it is there.
        """


Call: TypeAlias = Callable[[ApiCall], Mapping[str, Any]]
"""Sends one call and returns AWS's answer; pages are joined into one answer. Raises AwsError."""

Batch: TypeAlias = Sequence[ApiCall]


def resolve(value: Any, responses: Responses) -> Any:
    """The value to send: secrets revealed, deferred parts looked up in `answers`."""
    match value:
        case Secret():
            return value.reveal()
        case Deferred():
            return value.resolve(responses)
        case Mapping():
            return {key: resolve(item, responses) for key, item in value.items()}
        case list() | tuple():
            return [resolve(item, responses) for item in value]
        case _:
            return value
