"""ARNs of IAM roles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.model.diagnostic import ValueProblem
from reconciler.model.text import quote

ROLE_ARN_PATTERN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\x21-\x7e]+")

ROLE_PROPAGATION_SECONDS = 20.0
"""Seconds for which a creation is retried, because AWS may not know the role yet.

Users report that AWS rejects a role for seconds after it was created: it "cannot be assumed by AWS IoT".
"""


def check_role_arn(field: str, arn: str | None) -> Iterator[ValueProblem]:
    """Yield a warning if a text is not the ARN of an IAM role.

    AWS documents only its length, so whether AWS rejects every other text is UNCONFIRMED.
    """
    if arn is not None and not ROLE_ARN_PATTERN.fullmatch(arn):
        yield ValueProblem(
            "not-a-role-arn",
            f"{quote(arn)} is not the ARN of an IAM role",
            "an ARN such as 'arn:aws:iam::123456789012:role/NAME'",
            path=(field,),
            severity="warning",
        )
