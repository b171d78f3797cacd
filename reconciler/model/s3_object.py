"""An object in S3 that the desired state refers to."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, TypeAlias

from reconciler.frozen_classes import frozen

S3_SCHEME = "s3://"

UNREADABLE_OBJECT = "unreadable-object"
"""The code of the problem that an object cannot be read."""

S3_OBJECT_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
"""The bucket and the key (S3 user guide, "Bucket naming rules")."""


@frozen
class S3Object:
    """The content of an object.

    `version` is its version ID or, if the bucket has no versions, its ETag.
    """

    content: BinaryIO
    version: str


OpenS3Object: TypeAlias = Callable[[str, int], AbstractContextManager[S3Object]]
"""Opens the object at a URL, given its maximum number of bytes. Raises InvalidValueError if it cannot be read."""
