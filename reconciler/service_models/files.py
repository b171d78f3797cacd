"""Read the JSON files of botocore's package without importing botocore."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import msgspec


@cache
def read_json_file(path: str) -> Any:
    """Return the content of a JSON file, which may be compressed, given its path without an extension.

    The content is shared: nothing may change it. Returns None without such a file.
    """
    if (file := Path(f"{path}.json")).is_file():
        return msgspec.json.decode(file.read_bytes())
    if (file := Path(f"{path}.json.gz")).is_file():
        return msgspec.json.decode(gzip.decompress(file.read_bytes()))
    return None
