"""Where the rows of `for_each` come from, and what identifies them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from reconciler.frozen_classes import frozen

SourceForm: TypeAlias = Literal["file", "files", "query", "table", "s3"]


@frozen
class ManifestSource:
    """A source of rows.

    - `form`: a file, the files of a pattern, the query of a database, a table of Python, or an object in S3;
    - `name`: the path, the pattern, the table's name, or the URL;
    - `rows`: their number;
    - `digest`: the SHA-256 over the columns and the rows, in any order; the same for the same rows in another form;
    - `version`: the version ID of an object or, without versioning, its ETag; else empty.
    """

    form: SourceForm
    name: str
    rows: int
    digest: str
    version: str = ""
