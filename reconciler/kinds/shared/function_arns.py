"""ARNs of Lambda functions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.model.diagnostic import ValueProblem
from reconciler.model.text import quote

_FUNCTION_ARN_PATTERN = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?", re.ASCII
)


def check_function_arn(arn: str | None, *path: str) -> Iterator[ValueProblem]:
    """Yield a warning if a text is not the ARN of a Lambda function.

    AWS documents only its length, so whether AWS rejects every other text is UNCONFIRMED.
    """
    if arn is not None and not _FUNCTION_ARN_PATTERN.fullmatch(arn):
        yield ValueProblem(
            "not-a-function-arn",
            f"{quote(arn)} is not the ARN of a Lambda function",
            "an ARN such as 'arn:aws:lambda:eu-west-1:123456789012:function:NAME'",
            path=path,
            severity="warning",
        )
