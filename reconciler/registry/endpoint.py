"""`Registry.handle`: one HTTP request in, one transaction, one HTTP response out.

An operation that reads in pieces has one transaction for each piece.

Invariant: `handle` raises no exception. A request that AWS would reject gets AWS's error. If the database cannot be used, because
another process locks it for too long, its disk is full or fails, or it is closed, the response is ServiceUnavailableException with
the reason, and the reason is logged once until a request writes again. After any other exception, the response is AWS's internal
error, and the traceback is logged. Nothing that a failed operation wrote is committed.
"""

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from reconciler.frozen_classes import field, frozen
from reconciler.registry import catalog
from reconciler.registry.addressing import (
    CredentialScope,
    RequestTarget,
    find_caller,
    parse_target,
    resolve_service,
)
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, CommittedError
from reconciler.registry.http import HttpRequest, HttpResponse, RegistrySettings, generate_request_id
from reconciler.registry.page_tokens import TokenSigner
from reconciler.registry.store import Store, StoreDiskError, StoreError, Transaction
from reconciler.registry.trail import Trail, find_write_sender
from reconciler.registry.wire.faults import UNKNOWN_OPERATION, build_error_response
from reconciler.registry.wire.payload import MalformedError
from reconciler.registry.wire.service import Service, WireOperation, load_service

_log = logging.getLogger(__name__)

_NO_CONTENT = 204

Result = TypeVar("Result")
ResponseParts = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


@frozen
class RoutedRequest:
    """A request with its caller and the operation that it is for.

    Header names are in lower case. `operation` and `target` are None when the URL is not valid, no operation has its path, or
    the operation is not served; `rejection` is then the error to return. `labels` are the values in the URL's path, by the
    label's name.
    """

    request: HttpRequest
    headers: Mapping[str, str]
    caller: CredentialScope
    service: Service
    operation: WireOperation | None = None
    labels: Mapping[str, str] = field(factory=dict)
    target: RequestTarget | None = None
    rejection: ApiError | None = None


class Registry:
    """AWS IoT's registry in one SQLite database.

    Thread-safe, and safe with other processes on the same file.

    `path` is a file, whose folder is created, or `":memory:"`. Raises `store.StoreError` when it cannot be used.
    """

    def __init__(self, path: str | Path, settings: RegistrySettings = RegistrySettings()) -> None:  # noqa: B008  (a frozen value)
        self.settings = settings
        self._store = Store(path, catalog.load_schemas())
        self._trail = Trail(settings)
        self._signer = TokenSigner(self._store.find_or_create_secret("page tokens"))
        self._served = catalog.load_served_operations()
        # Why the database could not be used, until a request writes to it again.
        self._store_problem: str | None = None
        self._store_problem_lock = threading.Lock()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Thread-safe."""
        return run_at_once(self.perform_in_pieces(self.route(request)))

    def route(self, request: HttpRequest) -> RoutedRequest:
        """Find the caller and the operation of a request, or why it is rejected; nothing is performed yet."""
        headers = {_to_text(name).lower(): _to_text(value) for name, value in request.headers.items()}
        caller = find_caller(headers, request.url, self.settings)
        try:
            target = parse_target(request.url)
        except MalformedError as error:
            rejection = ApiError("InvalidRequestException", str(error))
            default_service = load_service(caller.service or "iot")
            return RoutedRequest(request, headers, caller, default_service, rejection=rejection)
        target_service = load_service(resolve_service(caller, request, target, headers))
        route = target_service.find_operation(request.method, target.segments, headers, request.body)
        if route is None:
            rejection = _build_unknown_operation_error(
                target_service, f"No operation has the path of this {request.method} request."
            )
            return RoutedRequest(request, headers, caller, target_service, rejection=rejection)
        operation, labels = route
        if (target_service.name, operation.name) not in self._served:
            rejection = _build_unknown_operation_error(
                target_service, f"The operation {operation.name} is not served by the embedded registry."
            )
            return RoutedRequest(request, headers, caller, target_service, rejection=rejection)
        return RoutedRequest(request, headers, caller, target_service, operation, labels, target)

    def perform_in_pieces(self, routed: RoutedRequest) -> Generator[None, None, HttpResponse]:
        """Perform a request, unless routing rejected it, and return the response; yield between two pieces."""
        if routed.rejection is not None:
            return self.reject(routed, routed.rejection)
        request_id = generate_request_id()
        parts = yield from self._perform_operation(routed, request_id)
        return self._to_response(*parts, request_id)

    def reject(self, routed: RoutedRequest, error: ApiError) -> HttpResponse:
        """Return an error response for a request without performing it."""
        return self._to_response(*build_error_response(routed.service, error), generate_request_id())

    def writes(self, operation: WireOperation) -> bool:
        """Return whether an operation may change the registry, although its HTTP method may be GET."""
        writes = self._served[operation.service, operation.name].writes
        return (not operation.is_get) if writes is None else writes

    def reset(self) -> None:
        """Delete everything that is registered, in every account and Region."""
        self._store.delete_all()

    def check_integrity(self) -> list[str]:
        """Return the problems of the database: damage, or why it cannot be read or written."""
        return self._store.check_integrity()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _perform_operation(
        self, routed: RoutedRequest, request_id: str
    ) -> Generator[None, None, ResponseParts]:
        """Run the operation of a request, and convert every exception to an error response."""
        operation = routed.operation
        assert operation is not None
        try:
            start = self._served[operation.service, operation.name].start
            if start is None:
                response = self._run_in_transaction(routed, operation, request_id)
            else:
                response = yield from self._run_in_pieces(routed, operation, start)
        except ApiError as error:
            return build_error_response(routed.service, error)
        except MalformedError as error:
            return build_error_response(routed.service, ApiError(operation.invalid_code, str(error)))
        except StoreError as error:
            self._log_store_problem(str(error))
            status, headers, body = build_error_response(
                routed.service, ApiError("ServiceUnavailableException", str(error))
            )
            if isinstance(error, StoreDiskError):
                headers["x-registry-disk-problem"] = "true"  # which no retry solves
            return status, headers, body
        except Exception:  # noqa: BLE001  (every request gets a response)
            _log.exception("%s %s failed", routed.service.name, operation.name)
            fault = ApiError(operation.fault_code, "An unexpected error has occurred.")
            return build_error_response(routed.service, fault)
        if self.writes(operation):
            self._store_problem = None
        return response

    def _log_store_problem(self, problem: str) -> None:
        """Log why the database cannot be used, unless it was logged already and no request has written since."""
        with self._store_problem_lock:
            is_new, self._store_problem = problem != self._store_problem, problem
        if is_new:
            _log.error("%s; requests fail with ServiceUnavailableException until this is resolved", problem)

    def _to_response(
        self, status: int, headers: dict[str, str], body: bytes, request_id: str
    ) -> HttpResponse:
        headers["Date"] = _format_date(int(self.settings.clock()))
        headers.setdefault("x-amzn-RequestId", request_id)
        if status != _NO_CONTENT:
            headers["Content-Length"] = str(len(body))
        return HttpResponse(status, headers, body)

    def _run_in_transaction(
        self, routed: RoutedRequest, operation: WireOperation, request_id: str
    ) -> ResponseParts:
        params = _parse_params(routed, operation)
        served = self._served[operation.service, operation.name]
        scope = self._find_scope(routed)
        writes = self.writes(operation)
        with self._store.write() if writes else self._store.read() as transaction:
            context = self._build_context(transaction, scope, routed, operation)
            try:
                output = served.function(context, params) or {}
            except CommittedError as error:
                # Raised below, outside the transaction: an exception inside it would roll back what must stay.
                committed_error = error
            else:
                # Inside the transaction, so that nothing is committed if the output cannot be serialized.
                response = operation.serializer.serialize(output)
                if writes and self.settings.has_trail:
                    sender = find_write_sender(routed.headers, routed.request.source_ip, request_id)
                    self._trail.record(context, sender, params, output, response[2])
                return response
        raise committed_error

    def _run_in_pieces(
        self,
        routed: RoutedRequest,
        operation: WireOperation,
        start: Callable[[Context, catalog.Params], catalog.Pieces],
    ) -> Generator[None, None, ResponseParts]:
        """Run an operation that reads in pieces, each in its own transaction; yield between two of them."""
        params = _parse_params(routed, operation)
        scope = self._find_scope(routed)
        pieces: catalog.Pieces | None = None
        while True:
            with self._store.read() as transaction:
                context = self._build_context(transaction, scope, routed, operation)
                try:
                    if pieces is None:
                        pieces = start(context, params)
                        next(pieces)
                    else:
                        pieces.send(context)
                except StopIteration as end:
                    return operation.serializer.serialize(end.value or {})
            yield

    def _find_scope(self, routed: RoutedRequest) -> int:
        return self._store.find_or_create_scope(routed.caller.account, routed.caller.region)

    def _build_context(
        self, transaction: Transaction, scope: int, routed: RoutedRequest, operation: WireOperation
    ) -> Context:
        return Context(
            tx=transaction,
            service=operation.service,
            operation=operation.name,
            scope=scope,
            account=routed.caller.account,
            region=routed.caller.region,
            now=self.settings.clock(),
            settings=self.settings,
            invalid_code=operation.invalid_code,
            signer=self._signer,
        )


def run_at_once(pieces: Generator[None, None, Result]) -> Result:
    """Run all pieces one after another, and return the result."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: Result = end.value
            return result


def _parse_params(routed: RoutedRequest, operation: WireOperation) -> catalog.Params:
    assert routed.target is not None
    params, errors = operation.parser.parse(
        routed.labels, routed.target.query, routed.headers, routed.request.body
    )
    if errors.messages:
        raise ApiError(operation.invalid_code, errors.format_message())
    return params


def _build_unknown_operation_error(target_service: Service, message: str) -> ApiError:
    _log.info("%s: %s", target_service.name, message)
    return ApiError(UNKNOWN_OPERATION, message)


def _to_text(value: str | bytes) -> str:
    """Return a header as text, since some HTTP libraries pass bytes; invalid characters are replaced."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=1)
def _format_date(second: int) -> str:
    """Format a time as HTTP does (RFC 9110, 5.6.7)."""
    return formatdate(second, usegmt=True)
