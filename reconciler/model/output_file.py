"""Files that an apply writes: values that AWS returns only once."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class OutputFile:
    """A file that the desired state names for a value that AWS will issue.

    `name` is the path in the desired state, `path` the resolved one; `content` is the content of the existing file, or
    None. An existing file is never overwritten.
    """

    name: str
    path: str = field(eq=False)
    content: str | None = field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        return self.name


@frozen
class SavedMember:
    """A member of a response, as a dotted path, and the file that it is written to.

    If it is `secret`, only the file's owner can read the file.
    """

    member: str
    file: OutputFile
    secret: bool = False
