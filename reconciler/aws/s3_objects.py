"""Read the objects in S3 that a desired state refers to, with the credentials of its workspace."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.aws.s3_store import SCHEME, create_s3_client
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.errors import TargetError
from reconciler.model.s3_object import UNREADABLE_OBJECT, S3Object
from reconciler.model.settings import Settings

_NO_VERSION = "null"
"""The version ID of an object that was written while its bucket had no versions (S3 user guide, "Versioning")."""

_ADVICE: Mapping[str, str] = {
    "AccessDenied": "allow s3:GetObject on it: `reconciler permissions` prints the policy",
    "NoSuchBucket": "correct the name of the bucket",
    "NoSuchKey": "correct the key, or upload the object",
}


@contextmanager
def open_s3_object(
    environ: Mapping[str, str], settings: Settings, url: str, max_bytes: int
) -> Iterator[S3Object]:
    """Open an object as a temporary file that is deleted afterwards. Raises InvalidValueError."""
    with tempfile.TemporaryFile() as file:
        version = _download(file, environ, settings, url, max_bytes)
        file.seek(0)
        yield S3Object(file, version)


def _download(file: Any, environ: Mapping[str, str], settings: Settings, url: str, max_bytes: int) -> str:
    """Write an object to a file, and return its version. One request, so that both belong together."""
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    try:
        response = create_s3_client(settings, environ).get_object(Bucket=bucket, Key=key)
        if response["ContentLength"] > max_bytes:
            raise _build_error(url, "the object is too large", f"at most {max_bytes >> 20:,} MiB")
        shutil.copyfileobj(response["Body"], file)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise _build_error(url, str(error), _ADVICE.get(code)) from None
    except (
        BotoCoreError,
        TargetError,
        ValueError,
    ) as error:  # ValueError: an endpoint that is not a valid URL
        raise _build_error(url, str(error)) from None
    version = response.get("VersionId", _NO_VERSION)
    return str(response["ETag"].strip('"') if version == _NO_VERSION else version)


def _build_error(url: str, problem: str, expected: str | None = None) -> InvalidValueError:
    advice = f"; {expected}" if expected else ""
    return InvalidValueError(ValueProblem(UNREADABLE_OBJECT, f"cannot read {url}: {problem}{advice}"))
