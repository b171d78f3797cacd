"""`Registry.handle`: one HTTP request in, one transaction, one HTTP response out.

Law: nothing that stands in a request raises out of here. What AWS would refuse is answered as AWS would; a fault of ours
is answered as AWS's internal error, its traceback goes to the log, and nothing of it was committed.
"""

import logging
import os
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path

from attrs import Factory, frozen

from reconciler.registry import catalog
from reconciler.registry.addressing import (
    CredentialScope,
    RequestTarget,
    parse_credential_scope,
    parse_target,
    resolve_service,
)
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, CommittedError
from reconciler.registry.http import HttpRequest, HttpResponse, RegistrySettings
from reconciler.registry.page_tokens import TokenSigner
from reconciler.registry.store import Store, StoreBusyError
from reconciler.registry.wire.faults import UNKNOWN_OPERATION, error_response
from reconciler.registry.wire.payload import MalformedError
from reconciler.registry.wire.service import Service, WireOperation, service

_log = logging.getLogger(__name__)

_NO_CONTENT = 204

Answer = tuple[int, dict[str, str], bytes]


@frozen
class RoutedRequest:
    """A request, recognised: whom it comes from, and the operation that it is for.

    `wire` is None, and `refused` says why, where there is no such operation or it is not served here.
    """

    request: HttpRequest
    headers: Mapping[str, str]
    caller: CredentialScope
    service: Service
    wire: WireOperation | None = None
    labels: Mapping[str, str] = Factory(dict)
    target: RequestTarget | None = None
    refused: ApiError | None = None


class Registry:
    """AWS IoT's registry over one SQLite database, for many threads, and for other processes on the same file.

    `path` is a file, whose folder is made, or `":memory:"`. Raises `store.StoreError` when it cannot be used.
    """

    def __init__(self, path: str | Path, settings: RegistrySettings = RegistrySettings()) -> None:  # noqa: B008  (a frozen value)
        self.settings = settings
        self._store = Store(path, catalog.schemas())
        self._signer = TokenSigner(self._store.secret("page tokens"))
        self._served = catalog.served_operations()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request. Safe to call from many threads at once."""
        return self.perform(self.route(request))

    def route(self, request: HttpRequest) -> RoutedRequest:
        """Find out whom a request comes from and what it is for; nothing is done yet."""
        headers = {_text(name).lower(): _text(value) for name, value in request.headers.items()}
        caller = parse_credential_scope(headers.get("authorization"), self.settings)
        try:
            target = parse_target(request.url)
        except MalformedError as error:
            refused = ApiError("InvalidRequestException", str(error))
            return RoutedRequest(request, headers, caller, service(caller.service or "iot"), refused=refused)
        meant = service(resolve_service(caller, request.method, target, request.url))
        found = meant.routes.find(request.method, target.segments)
        if found is None:
            refused = _unknown(meant, f"No operation has the path of this {request.method} request.")
            return RoutedRequest(request, headers, caller, meant, refused=refused)
        wire, labels = found
        if (meant.name, wire.name) not in self._served:
            refused = _unknown(meant, f"The operation {wire.name} is not served by the embedded registry.")
            return RoutedRequest(request, headers, caller, meant, refused=refused)
        return RoutedRequest(request, headers, caller, meant, wire, labels, target)

    def perform(self, asked: RoutedRequest) -> HttpResponse:
        """Do what is asked, and answer it."""
        if asked.refused is not None:
            return self.refuse(asked, asked.refused)
        return self._response(*self._answer(asked))

    def refuse(self, asked: RoutedRequest, error: ApiError) -> HttpResponse:
        """Answer with an error, and do nothing."""
        return self._response(*error_response(asked.service, error))

    def reset(self) -> None:
        """Forget everything that was registered, of every account and Region."""
        self._store.empty()

    def check_integrity(self) -> list[str]:
        """What is wrong with the database; nothing where it is sound and can be written to."""
        return self._store.check_integrity()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _answer(self, asked: RoutedRequest) -> Answer:
        wire, meant = asked.wire, asked.service
        assert wire is not None
        try:
            return self._perform(wire, _params(asked, wire), asked.caller)
        except ApiError as error:
            return error_response(meant, error)
        except MalformedError as error:
            return error_response(meant, ApiError(wire.invalid_code, str(error)))
        except StoreBusyError as error:
            return error_response(meant, ApiError("ServiceUnavailableException", str(error)))
        except Exception:  # noqa: BLE001  (whatever is wrong with us, the client gets an answer)
            _log.exception("%s %s failed", meant.name, wire.name)
            return error_response(meant, ApiError(wire.fault_code, "An unexpected error has occurred."))

    def _response(self, status: int, headers: dict[str, str], body: bytes) -> HttpResponse:
        headers["Date"] = _date(int(self.settings.clock()))
        headers["x-amzn-RequestId"] = _request_id()
        if status != _NO_CONTENT:
            headers["Content-Length"] = str(len(body))
        return HttpResponse(status, headers, body)

    def _perform(self, wire: WireOperation, params: catalog.Params, caller: CredentialScope) -> Answer:
        operation = self._served[wire.service, wire.name]
        scope = self._store.scope(caller.account, caller.region)
        writes = (not wire.reads_only) if operation.writes is None else operation.writes
        with self._store.write() if writes else self._store.read() as transaction:
            context = Context(
                transaction,
                wire.service,
                wire.name,
                scope,
                caller.account,
                caller.region,
                self.settings.clock(),
                self.settings,
                wire.invalid_code,
                self._signer,
            )
            try:
                output = operation.function(context, params) or {}
                # Written while the transaction is open: an output that cannot be written is not committed either.
                return wire.serializer.serialize(output)
            except CommittedError as error:
                # Raised below, outside the transaction: an exception inside it would roll back what must stay.
                committed_error = error
        raise committed_error


def _params(asked: RoutedRequest, wire: WireOperation) -> catalog.Params:
    assert asked.target is not None
    params, problems = wire.parser.parse(asked.labels, asked.target.query, asked.headers, asked.request.body)
    if problems.found:
        raise ApiError(wire.invalid_code, problems.text())
    return params


def _unknown(meant: Service, message: str) -> ApiError:
    _log.info("%s: %s", meant.name, message)
    return ApiError(UNKNOWN_OPERATION, message)


def _text(value: str | bytes) -> str:
    """Take a header as it comes; some HTTP libraries hand over bytes. What is not valid text is replaced."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """Give a moment as HTTP writes it (RFC 9110, 5.6.7)."""
    return formatdate(second, usegmt=True)


def _request_id() -> str:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
