"""The live registry as a file, or as a part of one: what is read, and what stands for certificates."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from reconciler.engine.export.export import Export, Keep, everything, export, lacking, selected
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.errors import ReconcilerError
from reconciler.model.pem import Pem
from reconciler.model.settings import DesiredState


def export_selected(desired: DesiredState, call: Call, patterns: Collection[str], keep: Keep) -> Export:
    """Return tables for the live resources that no other workspace owns and that match a pattern, if any are given.

    Patterns are globs over addresses, or kinds. Raises TargetError and AwsError.
    """
    inventory = everything(desired, call)
    return export(desired.settings.name, selected(inventory, patterns), keep)


def export_undeclared(
    desired: DesiredState, call: Call, addresses: Collection[Address], keep: Keep
) -> Export:
    """Return tables for live resources that the file does not declare, named by address or by AWS's ID.

    Resources that a table cannot describe are left out with the reason. Raises TargetError and AwsError.
    """
    return lacking(desired, everything(desired, call), addresses, keep)


def keeping(folder: Path | None, base: Path) -> Keep:
    """Certificates as text, or as files of a folder, which has to be in the TOML file's (`base`).

    Raises ReconcilerError where it is not, or where a file is there that has something else in it. Files are written when
    they are named.
    """
    if folder is None:
        return _inline
    if not folder.resolve().is_relative_to(base.resolve()):
        raise ReconcilerError(
            f"{folder} is outside {base.resolve()}, and a file names none outside its folder"
        )

    def keep(address: Address, pem: Pem) -> Any:
        path = folder / address.kind / _file_name(address.name, pem)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="ascii") as file:
                file.write(pem.text or "")
        except FileExistsError:
            if path.read_bytes() != (pem.text or "").encode():
                raise ReconcilerError(
                    f"{path} is there already with something else in it, and is not overwritten"
                ) from None
        return {"file": path.resolve().relative_to(base.resolve()).as_posix()}

    return keep


def _inline(_address: Address, pem: Pem) -> Any:
    return pem.text


def _file_name(name: str, pem: Pem) -> str:
    """The resource's name where a file can have it; else as much of it as can be, and the beginning of the id."""
    plain = re.sub(r"[^A-Za-z0-9._@+-]+", "-", name).lstrip(".")[:100]
    return f"{plain}.pem" if plain == name else f"{plain}-{pem.fingerprint[:12]}.pem"
