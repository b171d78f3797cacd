"""Files and environment variables that the desired state refers to."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import glob
from io import BufferedReader
from pathlib import Path

from reconciler.engine.load.folder_tree import FolderTree
from reconciler.engine.load.nearby_files import suggest_file
from reconciler.frozen_classes import frozen
from reconciler.kinds.shared.x509 import compute_private_key_digest
from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.output_file import KeyFile, OutputFile
from reconciler.model.redaction import register_secret
from reconciler.model.secret import KeySecret, ReadSecrets, Secret, StoredSecret
from reconciler.model.text import describe_value, quote, quote_if_unsafe

MAX_INPUT_FILE_BYTES = 2**20

_MAX_TOTAL_BYTES = 2**30
"""The maximum size of all files that a TOML file refers to: each row of a manifest can name another large file."""

SECRET_FORMAT = '{ env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }'  # noqa: S105 (no secret, but how a TOML file refers to one)

SECRET_KEYS = frozenset({"env", "ssm", "secretsmanager"})
"""The keys of a table that can only refer to a secret; a text can be in a file, too."""

# Systems Manager, "Working with parameter versions": a version or a label may follow the name.
PARAMETER_NAME = r"(?:[A-Za-z0-9_.-]+|(?:/[A-Za-z0-9_.-]+)+)(?::[A-Za-z0-9_.-]+)?"
KEY_SECRET_NAME = r"[A-Za-z0-9/_+=.@!-]{1,512}"  # noqa: S105 (a pattern)
# API reference, CreateSecret; an ARN may name a secret of another Region or account.
SECRET_ID = r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+|" + KEY_SECRET_NAME


@frozen
class CopiedFolder:
    """A copy of a folder with the files of a desired state, on a machine that does not have these files."""

    copy: Path
    original: Path

    def find_original(self, folder: Path) -> Path:
        """Return the original path of a folder in the copy."""
        return self.original / folder.relative_to(self.copy)

    def find_copy(self, name: str) -> str:
        """Return where the copy has a file; only an absolute path differs from that of the original."""
        path = Path(os.path.normpath(name))
        is_copied = path.is_absolute() and path.is_relative_to(self.original)
        return str(self.copy / path.relative_to(self.original)) if is_copied else name


VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LoadContext:
    """The inputs that a TOML file may read: the files in its own folder tree, and the environment.

    `digests` has the SHA-256 of each file that was read, by the name that the TOML file gives it, and `names` also those that could
    not be read; secrets are left out, and their paths are in `secret_paths`. `query_digests` has the SHA-256 of the rows of queries, whose databases
    are in `database_names`, and `outside_digests` identifies manifests that are in no file. `stored_secrets` are the secrets that AWS stores, and `key_secrets` the names of
    those for private keys that AWS creates; `read_secrets` has what was read of them. If the folder is a copy, secrets are read in the `original_folder`, and files are written there:
    copies never contain these files. The methods raise InvalidValueError.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        original_folder: Path | None = None,
        read_secrets: ReadSecrets = ReadSecrets(),  # noqa: B008 (a frozen value)
    ) -> None:
        self._local = self if original_folder is None else LoadContext(original_folder, environ)
        self._read_secrets = read_secrets
        self._is_copy = original_folder is not None
        self._folder = os.path.realpath(folder)
        self._tree = FolderTree(folder)
        self._environ = environ
        self._bytes_left = _MAX_TOTAL_BYTES
        self.digests: dict[str, str] = {}
        self.query_digests: dict[str, str] = {}
        self.outside_digests: dict[str, str] = {}
        self.names: set[str] = set()
        self.database_names: set[str] = set()
        self.secret_paths: set[str] = set()
        self.stored_secrets: set[StoredSecret] = set()
        self.key_secrets: set[str] = set()

    def read_text(self, name: object) -> str:
        """Return the text of the file that `{ file = … }` refers to."""
        self.names.add(str(name))
        raw, text = self._read_utf8(name)
        self.digests[str(name)] = hashlib.sha256(raw).hexdigest()
        return text

    def resolve_path(self, name: object) -> str:
        """Return the path of a file in the folder tree, with every link followed."""
        return self._tree.resolve(_check_name(name))

    @contextmanager
    def open_file(self, name: str, max_bytes: int) -> Iterator[BufferedReader]:
        """Open a file that may be too large for the memory; it must not change meanwhile."""
        self.names.add(name)
        with self._open_stream(name) as file:
            status = os.fstat(file.fileno())
            if status.st_size > max_bytes:
                raise _build_too_large_error(name, max_bytes)
            self.digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            yield file
            _check_unchanged(name, file, status)

    @contextmanager
    def open_database(self, name: str) -> Iterator[Path]:
        """Return the path of a database; its file must not change while it is open.

        A query's rows identify it, not its bytes, so `digests` does not have it.
        """
        self.database_names.add(name)
        with self._open_stream(name) as file:
            status = os.fstat(file.fileno())
            yield Path(self._tree.resolve(name))
            _check_unchanged(name, file, status)

    def find_files(self, pattern: str) -> tuple[str, ...]:
        """Return the names of the files that a pattern with `*`, `?` and `[…]` matches, in sorted order."""
        expected = "a pattern of paths in that folder, such as batches/*.csv"
        if "\0" in pattern or "**" in pattern or "://" in pattern:
            raise _build_error("invalid-path", f"{quote(pattern)} is not a valid pattern", expected)
        if os.path.isabs(pattern) or ".." in pattern.split("/"):  # noqa: PTH117 (the same check for every part)
            problem = f"{quote(pattern)} is outside the folder of the file that refers to it"
            raise _build_error("path-outside-folder", problem, expected)
        names = sorted(glob(pattern, root_dir=self._folder))  # noqa: PTH207 (without hidden files)
        if not names:
            raise _build_error("unreadable-file", f"no file matches {quote(pattern)}", expected)
        return tuple(names)

    def read_secret(self, table: Mapping[str, object]) -> Secret:
        """Return the secret that a table refers to; one from a file is without a trailing newline.

        The secret's value is None if the environment variable is unset or empty, or if AWS stores it and it was not read. Any other value is registered for redaction.
        """
        secret = self._read_secret(table)
        if secret.value is not None:
            register_secret(secret.value)
        return secret

    def _read_secret(self, table: Mapping[str, object]) -> Secret:
        match dict(table):
            case {"env": str(variable), **rest} if not rest and VARIABLE_NAME.fullmatch(variable):
                return Secret(f"env {variable}", self._environ.get(variable) or None)
            case {"env": _, **rest} if not rest:
                raise _build_error(
                    "invalid-variable-name",
                    "env is not a valid environment variable name",
                    "letters, digits and _",
                )
            case {"file": name, **rest} if not rest:
                text = self._read_secret_file(name)
                value = text.removesuffix("\n").removesuffix("\r")
                if not value:
                    raise _build_error(
                        "empty-file", f"the file {quote(str(name))} is empty", "a file with the secret"
                    )
                escaped_name = quote(str(name))[1:-1]  # without the quotes
                return Secret(f"file {escaped_name}", value)
            case {"ssm": id_, **rest} if not rest:
                return self._find_stored_secret(_build_parameter(id_))
            case {"secretsmanager": id_, **rest} if rest.keys() <= {"key"}:
                return self._find_stored_secret(_build_stored_secret(id_, rest.get("key")))
            case _:
                raise _build_error("wrong-type", "not a valid table", SECRET_FORMAT)

    def _find_stored_secret(self, stored: StoredSecret) -> Secret:
        self.stored_secrets.add(stored)
        return self._read_secrets.values.get(stored) or Secret(str(stored))

    def _read_secret_file(self, name: object) -> str:
        path = self._local.resolve_path(name)
        self.secret_paths.add(path)
        if self._is_copy and not os.path.lexists(path):
            problem = f"there is no file {quote_if_unsafe(path)} on this worker"
            raise _build_error("unreadable-file", problem, 'that file, or { env = "NAME" }')
        _, text = self._local._read_utf8(name)  # noqa: SLF001 (the same class)
        return text

    def read_output_file(self, name: object) -> OutputFile:
        """Return a file that a run may write, with its content if it exists already."""
        name = _check_output_name(name)
        if self._is_copy:
            return self._local.read_output_file(name)
        path = self._tree.resolve(name)
        content = self._read_utf8(name)[1] if os.path.lexists(path) else None
        return OutputFile(name, path, content)

    def read_key_file(self, name: object) -> KeyFile:
        """Return a file for a private key that a run may write.

        Only the public key of an existing key is kept.
        """
        name = _check_output_name(name)
        path = self._local.resolve_path(name)
        self.secret_paths.add(path)
        exists = os.path.lexists(path)
        public_key = compute_private_key_digest(self._local._read_utf8(name)[1]) if exists else None  # noqa: SLF001 (the same class)
        certificate = self._read_optional_output_file(_name_certificate_file(name))
        return KeyFile(name, path, certificate=certificate, exists=exists, public_key=public_key)

    def read_key_secret(self, name: object) -> KeySecret:
        """Return the secret for a private key that a run may create."""
        if not isinstance(name, str) or re.fullmatch(KEY_SECRET_NAME, name) is None:
            text = quote(name) if isinstance(name, str) else describe_value(name)
            problem = f"{text} is not a valid name of a secret"
            raise _build_error("invalid-secret-name", problem, "the name of a new secret")
        self.key_secrets.add(name)
        return self._read_secrets.keys.get(name) or KeySecret(name)

    def _read_optional_output_file(self, name: str) -> OutputFile:
        """Return a file that a run may write; one that is not readable counts as one with other content."""
        try:
            return self.read_output_file(name)
        except InvalidValueError:
            return OutputFile(name, self._local.resolve_path(name), "")

    def _read_utf8(self, name: object) -> tuple[bytes, str]:
        """Return the content of a file, as bytes and as text."""
        raw = self._read(_check_name(name), MAX_INPUT_FILE_BYTES)
        try:
            return raw, raw.decode()
        except UnicodeDecodeError:
            from reconciler.model.file_content import recognize_bytes

            content = recognize_bytes(raw)
            problem = f"the file {quote(str(name))} is {content or 'not UTF-8 text'}"
            raise _build_error("unreadable-file", problem) from None

    def _read(self, name: str, max_bytes: int) -> bytes:
        try:
            descriptor = self._tree.open(name)
            try:
                return self._read_descriptor(name, descriptor, max_bytes)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._convert_error(name, error) from None

    def _read_descriptor(self, name: str, descriptor: int, max_bytes: int) -> bytes:
        status = os.fstat(descriptor)
        _check_regular(name, status)
        size = status.st_size
        if size > max_bytes:
            raise _build_too_large_error(name, max_bytes)
        if size > self._bytes_left:
            raise _build_error(
                "files-too-large",
                "the files that this one refers to are too large",
                f"at most {_MAX_TOTAL_BYTES >> 20} MiB in all",
            )
        self._bytes_left -= size
        raw = os.read(descriptor, size + 1)
        if len(raw) != size:
            raise _build_changed_error(name)
        return raw

    @contextmanager
    def _open_stream(self, name: str) -> Iterator[BufferedReader]:
        """Open a regular file in the folder tree, and convert the errors of reading it."""
        try:
            descriptor = self._tree.open(name)
            try:
                _check_regular(name, os.fstat(descriptor))
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    yield file
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._convert_error(name, error) from None

    def _convert_error(self, name: str, error: OSError) -> InvalidValueError:
        if isinstance(error, FileNotFoundError):
            problem = f"there is no file {quote(name)}"
            expected = "the path of an existing file, from the folder of the file that refers to it"
            nearest = suggest_file(Path(self._folder), name, [self._folder])
            return InvalidValueError(ValueProblem("unreadable-file", problem, expected, nearest))
        return _build_error("unreadable-file", f"cannot read {quote(name)}: {error.strerror}")


def _check_regular(name: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _build_error("unreadable-file", f"{quote(name)} is not a regular file")


def _build_too_large_error(name: str, max_bytes: int) -> InvalidValueError:
    return _build_error(
        "file-too-large", f"the file {quote(name)} is too large", f"at most {max_bytes >> 20:,} MiB"
    )


def _check_unchanged(name: str, file: BufferedReader, status: os.stat_result) -> None:
    """Raise InvalidValueError if a file was written since its status was read."""
    now = os.fstat(file.fileno())
    if (now.st_size, now.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
        raise _build_changed_error(name)


def _build_changed_error(name: str) -> InvalidValueError:
    return _build_error("changed-file", f"the file {quote(name)} was written while it was read; try again")


def _check_output_name(name: object) -> str:
    expected = "the path of a new file"
    if not isinstance(name, str):
        raise _build_error("wrong-type", f"got {describe_value(name)}", expected)
    if not name or "\n" in name:
        raise _build_error("invalid-path", "not a valid path", expected)
    return name


def _name_certificate_file(key_file: str) -> str:
    """Return the path of the certificate next to its key: `keys/pump-1.crt` for `keys/pump-1.pem`."""
    for suffix in (".pem", ".key"):
        key_file = key_file.removesuffix(suffix)
    return f"{key_file}.crt"


def _check_name(name: object) -> str:
    expected = "the path of a file"
    if not isinstance(name, str) or not name:
        raise _build_error("wrong-type", f"file is {describe_value(name)}", expected)
    if "\n" in name:  # perhaps a PEM with a key, so the message does not repeat it
        if "-----" not in name:
            expected = r"a path with / between folders: in double quotes, \n is a line break"
        raise _build_error("invalid-path", "file has several lines", expected)
    return name


def _build_parameter(name: object) -> StoredSecret:
    expected = 'the name of a parameter, such as "/iot/pump-1"'
    if not isinstance(name, str) or re.fullmatch(PARAMETER_NAME, name) is None:
        text = quote(name) if isinstance(name, str) else describe_value(name)
        raise _build_error("invalid-secret-name", f"{text} is not a valid name of a parameter", expected)
    return StoredSecret("ssm", name)


def _build_stored_secret(identifier: object, key: object) -> StoredSecret:
    expected = "the name or the ARN of a secret"
    if not isinstance(identifier, str) or re.fullmatch(SECRET_ID, identifier) is None:
        text = quote(identifier) if isinstance(identifier, str) else describe_value(identifier)
        raise _build_error("invalid-secret-name", f"{text} is not a valid name of a secret", expected)
    if key is not None and (not isinstance(key, str) or not key):
        expected = "the name of a member of the secret, which is a JSON object"
        raise _build_error("wrong-type", f"key is {describe_value(key)}", expected)
    return StoredSecret("secretsmanager", identifier, key or "")


def _build_error(code: str, problem: str, expected: str | None = None) -> InvalidValueError:
    return InvalidValueError(ValueProblem(code, problem, expected))
