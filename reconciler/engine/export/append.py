"""Tables for what is there and not in the file, put at the end of the file: nothing else of it is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BESIDE = "adopted.toml"
"""Where tables go when the desired state is a folder of files."""


def home(path: Path) -> Path:
    """The file that tables are put into."""
    return path / _BESIDE if path.is_dir() else path


@contextmanager
def appended(path: Path, text: str) -> Iterator[None]:
    """The file with the text at its end; as it was before, unless what is done with it comes to its end."""
    before = path.read_bytes() if path.exists() else None
    after = (before or b"").rstrip(b"\n") + (b"\n\n" if before else b"") + text.encode()
    path.write_bytes(after)
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
        raise
