"""Files that an apply writes: certificates and private keys that AWS issues."""

from __future__ import annotations

from reconciler.frozen_classes import field, frozen


@frozen(slots=True)
class OutputFile:
    """A file that the desired state names for a certificate or key that AWS issues.

    `name` is the path in the desired state, `path` the resolved one; `content` is what the file contained when the desired
    state was loaded, or None if it did not exist. An existing file is never overwritten.
    """

    name: str
    path: str = field(eq=False)
    content: str | None = field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def is_written(self) -> bool:
        """Whether the file existed when the desired state was loaded."""
        return self.content is not None


@frozen
class KeyFile(OutputFile):
    """The file that the desired state names for a private key that AWS creates.

    The key itself is never kept. `exists` is whether the file existed when the desired state was loaded. `public_key` is then the SHA-256 of the key's public
    key, in hexadecimal, or None if the file has no private key. `certificate` is the file for the certificate if the desired
    state names none.
    """

    certificate: OutputFile | None = field(default=None, eq=False, kw_only=True)
    exists: bool = field(default=False, eq=False, kw_only=True)
    public_key: str | None = field(default=None, eq=False, kw_only=True)

    @property
    def is_written(self) -> bool:
        """Whether the file existed when the desired state was loaded."""
        return self.exists


@frozen
class SavedMember:
    """A member of a response, as a dotted path, and the file that it is written to.

    If it is `secret`, only the file's owner can read the file.
    """

    member: str
    file: OutputFile
    secret: bool = False
