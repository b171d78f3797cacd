"""A store of objects in an S3 bucket, for the runs of a team."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.model.errors import TEAM_JOURNAL_ADVICE, JournalError
from reconciler.model.settings import Settings

SCHEME = "s3://"


@frozen
class S3Store:
    """The objects of a bucket whose keys begin with a prefix; `client` is boto3's."""

    client: Any
    bucket: str
    prefix: str

    @property
    def name(self) -> str:
        """The URL of the prefix."""
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys, without the store's prefix, that begin with another one. Raises JournalError."""
        with _convert_errors(self.name):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"].removeprefix(self.prefix)

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        """Return an object, or the first bytes of it.

        Raises JournalError, and FileNotFoundError if there is none.
        """
        with _convert_errors(self.name):
            options = {} if max_bytes is None else {"Range": f"bytes=0-{max_bytes - 1}"}
            try:
                response = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key, **options)
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError(errno.ENOENT, "no such object", f"{self.name}/{key}") from None
            content: bytes = response["Body"].read()
            return content

    def write(self, key: str, content: bytes) -> None:
        """Write an object. Raises JournalError."""
        with _convert_errors(self.name):
            content_type = "application/gzip" if key.endswith(".gz") else "application/jsonl"
            self.client.put_object(
                Bucket=self.bucket, Key=self.prefix + key, Body=content, ContentType=content_type
            )

    def delete(self, key: str) -> None:
        """Delete an object, if there is one. Raises JournalError."""
        with _convert_errors(self.name):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)


@contextmanager
def _convert_errors(name: str) -> Iterator[None]:
    """Convert boto3's errors to JournalError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (
        BotoCoreError,
        ClientError,
        ValueError,
    ) as error:  # ValueError: an endpoint that is not a valid URL
        raise JournalError(name, f"cannot be used: {error}", TEAM_JOURNAL_ADVICE) from error


def open_s3_store(url: str, settings: Settings, environ: Mapping[str, str]) -> S3Store:
    """Return the store at `s3://BUCKET/PREFIX`, with the credentials of the workspace.

    A workspace on the embedded registry has no credentials, so boto3 finds them. Raises JournalError.
    """
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    with _convert_errors(url):
        client = create_s3_client(settings, environ)
    return S3Store(client, bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")


def create_s3_client(settings: Settings, environ: Mapping[str, str]) -> Any:
    """Return boto3's client for S3 with the credentials of the workspace, its profile and its role.

    A workspace on the embedded registry has no credentials, so boto3 finds them.
    """
    import boto3

    from reconciler.aws.rates import RateLimiter
    from reconciler.aws.session import create_core_session, create_remote_session
    from reconciler.model.quota import Quotas

    if settings.target == "aws":
        session = create_remote_session(settings, Quotas({}, {}), environ, RateLimiter())
    else:
        session = boto3.Session(region_name=settings.region, botocore_session=create_core_session())
    return session.client("s3")
