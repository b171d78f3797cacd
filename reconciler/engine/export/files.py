"""Export all or part of the live registry, with certificates inline or as PEM files."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from reconciler.engine.export.export import (
    Export,
    WritePem,
    export_tables,
    export_undeclared_tables,
    read_inventory,
    select_matching,
)
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
    return export_tables(state.settings.name, select_matching(inventory, patterns), write_pem)


def export_undeclared(
    state: DesiredState, call: Call, addresses: Collection[Address], write_pem: WritePem
) -> Export:
    """Return tables for those of the addresses that the file does not declare.

    The name in an address may be AWS's ID. Addresses without a live resource, and resources that a table cannot describe, are left
    out with the reason. Raises TargetError and AwsError.
    """
    return export_undeclared_tables(state, read_inventory(state, call), addresses, write_pem)


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
