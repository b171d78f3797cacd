"""Calls that a caller without some permissions sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import AwsError


def deny(call: Call, is_denied: Callable[[ApiCall], bool]) -> Call:
    """Return `call` for a caller who has no permission for the denied requests."""

    def send(request: ApiCall) -> Mapping[str, Any]:
        if is_denied(request):
            raise AwsError(
                service=request.service,
                operation=request.operation,
                code="AccessDeniedException",
                message="no permission",
                status=403,
            )
        return call(request)

    return send
