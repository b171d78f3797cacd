"""ARNs of Lambda functions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.model.diagnostic import ValueProblem
from reconciler.model.plan import Target
from reconciler.model.text import quote

_FUNCTION_ARN_PATTERN = r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?"


def check_function_arn(arn: str | None, *path: str) -> Iterator[ValueProblem]:
    """Yield a warning if a text is not the ARN of a Lambda function.

    AWS documents only its length, so whether AWS rejects every other text is UNCONFIRMED.
    """
    if arn is not None and not re.fullmatch(_FUNCTION_ARN_PATTERN, arn, re.ASCII):
        yield ValueProblem(
            "not-a-function-arn",
            f"{quote(arn)} is not the ARN of a Lambda function",
            "an ARN such as 'arn:aws:lambda:eu-west-1:123456789012:function:NAME'",
            path=path,
            severity="warning",
        )


def find_place_error(arn: str, target: Target) -> Iterator[str]:
    """Yield an error if a function is in another account or Region than the plan's."""
    if not re.fullmatch(_FUNCTION_ARN_PATTERN, arn, re.ASCII):
        return
    _, _, _, region, account, *_ = arn.split(":")
    if (region, account) != (target.region, target.account):
        yield (
            f"the function is in account {account}, Region {region}, but AWS requires one in account {target.account}, "
            f"Region {target.region}; choose a function there"
        )
