"""Error → response: status, `x-amzn-ErrorType`, and a JSON body with the error's members.

In the json protocol, the body also has the error's code, as `__type`. In the query protocol, the body is XML.

Invariant: the status comes from the service model. If the model lacks the error, the status is the one that AWS documents for
errors common to all services (`_COMMON_STATUS`), or else 400.
"""

import json
from collections.abc import Mapping
from typing import Any

from reconciler.registry.errors import ApiError
from reconciler.registry.wire.query_xml import format_xml_error
from reconciler.registry.wire.serialize import find_content_type
from reconciler.registry.wire.service import JSON_SERVICES, QUERY_SERVICES, Service

# The error for an operation that is not served here and for a path that no operation has: AWS's common error "The action
# or operation requested is invalid". Clients never retry it and never take it for a missing resource.
UNKNOWN_OPERATION = "UnknownOperationException"

_COMMON_STATUS = {UNKNOWN_OPERATION: 404, "InternalFailure": 500, "ServiceUnavailableException": 503}
_DEFAULT_STATUS = 400


def build_error_response(service: Service, error: ApiError) -> tuple[int, dict[str, str], bytes]:
    """Return the status, headers and body of an error."""
    error_format = service.find_error_format(error.code)
    document: Mapping[str, Any]
    if error_format is None:
        status = _COMMON_STATUS.get(error.code, _DEFAULT_STATUS)
        document = {"message": error.message}
    else:
        status = error_format.status
        member = error_format.message_member
        document = error_format.write({**({member: error.message} if member else {}), **error.members})
        # The json protocol has a message even if the error's shape has no member for it.
        document = document if member else {"message": error.message, **document}
    if service.name in QUERY_SERVICES:
        return format_xml_error(service.model, status, error.code, error.message)
    if service.name in JSON_SERVICES:
        document = {"__type": error.code, **document}
    headers = {"Content-Type": find_content_type(service.model), "x-amzn-ErrorType": error.code}
    return status, headers, json.dumps(document, separators=(",", ":")).encode()
