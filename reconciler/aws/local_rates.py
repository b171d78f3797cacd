"""Rates for a registry on this machine: it has none of AWS's quotas, unless it shows that it was told to have them.

Law: nothing is held back until a call is throttled. From then on the buckets that this call draws from hold AWS's rate,
as they do from the start towards AWS.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from botocore.session import Session

from reconciler.aws.rates import TokenBucket
from reconciler.model.quotas import Bucket, Quotas

_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException"})


def limit_once_throttled(session: Session, quotas: Quotas) -> None:
    """Make requests of the session's future clients wait for those buckets of which a call has been throttled."""
    buckets: dict[Bucket, TokenBucket] = {}
    lock = threading.Lock()

    def drawn(event_name: str) -> tuple[Bucket, ...]:
        _, service, operation = event_name.split(".", 2)
        return quotas.buckets(service, operation)

    def wait(event_name: str, **_context: Any) -> None:
        if buckets:
            for bucket in drawn(event_name):
                if (tokens := buckets.get(bucket)) is not None:
                    tokens.take()

    def heed(event_name: str, parsed_response: Mapping[str, Any] | None, **_context: Any) -> None:
        code = (parsed_response or {}).get("Error", {}).get("Code")
        if code in _THROTTLED:
            with lock:
                for bucket in drawn(event_name):
                    buckets.setdefault(bucket, TokenBucket(bucket.rate))

    session.register("before-send", wait)
    session.register("response-received", heed)
