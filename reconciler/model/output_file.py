"""Files that a run writes: what AWS says once, kept where the file wants it."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class OutputFile:
    """A file that the desired state names for what AWS will issue.

    `name` is what the file says, `path` where that is; `content` is what is there already, None when nothing is. It is
    never overwritten.
    """

    name: str
    path: str = field(eq=False)
    content: str | None = field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        return self.name


@frozen
class SavedMember:
    """What of an answer goes into a file: `member` is a dotted path in the answer. A secret's file is its owner's alone."""

    member: str
    file: OutputFile
    secret: bool = False
