"""Error → response: status, `x-amzn-ErrorType`, and a JSON body with the message and the members that the model has.

Law: the status is the service model's; only errors that no model has are listed here, with the statuses that AWS
documents as common to every service.
"""

import json
from collections.abc import Mapping
from typing import Any

from reconciler.registry.errors import ApiError
from reconciler.registry.wire.service import Service

# An operation that the model has but that is not served here, and a path that no operation has, answer the same: AWS's
# common error "The action or operation requested is invalid". It is never retried and never taken for a missing resource.
UNKNOWN_OPERATION = "UnknownOperationException"

_COMMON_STATUS = {UNKNOWN_OPERATION: 404, "ServiceUnavailableException": 503}
_DEFAULT_STATUS = 400


def error_response(service: Service, error: ApiError) -> tuple[int, dict[str, str], bytes]:
    """Give status, headers and body of an error."""
    known = service.error(error.code)
    document: Mapping[str, Any]
    if known is None:
        status = _COMMON_STATUS.get(error.code, _DEFAULT_STATUS)
        document = {"message": error.message}
    else:
        status, message_member, write = known
        document = write({message_member: error.message, **error.members})
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return status, headers, json.dumps(document, separators=(",", ":")).encode()
