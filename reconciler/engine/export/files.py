"""Export all or part of the live registry, with certificates inline or as PEM files."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import evolve

from reconciler.engine.export.export import (
    Export,
    WritePem,
    export_tables,
    read_inventory,
    select_matching,
)
from reconciler.engine.export.fleet import ExportedManifest
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.errors import ReconcilerError
from reconciler.model.pem import Pem
from reconciler.model.settings import DesiredState

_MAX_NAME_CHARACTERS = 100
"""The maximum number of characters of a resource's name in a file name."""


def export_selected(
    state: DesiredState, call: Call, patterns: Collection[str], write_pem: WritePem
) -> Export:
    """Return tables for the live resources that match a pattern; for all if there are no patterns.

    A pattern is a kind, or a glob that matches addresses. Resources of other workspaces are left out. Raises TargetError and AwsError.
    """
    inventory = read_inventory(state, call)
    export = export_tables(state.settings.name, select_matching(inventory, patterns), write_pem)
    owned = {address for address, live in inventory.items() if live.owner is not None}
    has_all_owned = owned <= {table.address for table in export.tables}
    return evolve(export, has_all_owned=has_all_owned)


@contextmanager
def write_manifests(folder: Path, manifests: Iterable[ExportedManifest]) -> Iterator[None]:
    """Write new CSV files to a folder, and delete them if the `with` block raises. Source: RFC 4180."""
    with ExitStack() as undo:
        for manifest in manifests:
            path = folder / manifest.file
            with path.open("x", encoding="utf-8", newline="") as file:
                undo.callback(path.unlink)
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(manifest.columns)
                writer.writerows(manifest.rows)
        yield
        undo.pop_all()


def build_pem_writer(folder: Path | None, base: Path) -> WritePem:
    """Return a function that converts a certificate to its text, or to a reference to a file in `folder`.

    The returned function also writes that file, and raises ReconcilerError if it already exists with other content. If
    `folder` is None, every certificate is converted to its text. `base` is the folder of the TOML file. Raises ReconcilerError if
    `folder` is not inside `base`.
    """
    if folder is None:
        return _get_text
    if not folder.resolve().is_relative_to(base.resolve()):
        raise ReconcilerError(
            f"{folder} is outside {base.resolve()}, and a desired state can only name files in its own folder; "
            "choose a folder inside"
        )

    def write_pem(address: Address, pem: Pem) -> Any:
        path = folder / address.kind / _build_file_name(address.name, pem)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_once(path, pem.text or "")
        return {"file": path.resolve().relative_to(base.resolve()).as_posix()}

    return write_pem


def _write_once(path: Path, text: str) -> None:
    """Write a new file, or leave one that has the same content."""
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(text)
    except FileExistsError:
        if path.read_bytes() != text.encode():
            raise ReconcilerError(
                f"{path} already exists with other content and was not overwritten; move it away"
            ) from None


def _get_text(_address: Address, pem: Pem) -> Any:
    return pem.text


def _build_file_name(name: str, pem: Pem) -> str:
    """Return a file name for a resource.

    If the resource's name is too long or not valid as a file name, it is cut and invalid characters are replaced; then the start
    of the certificate's ID is added to keep the file name unique.
    """
    valid_part = re.sub(r"[^A-Za-z0-9._@+-]+", "-", name).lstrip(".")[:_MAX_NAME_CHARACTERS]
    return f"{valid_part}.pem" if valid_part == name else f"{valid_part}-{pem.fingerprint[:12]}.pem"
