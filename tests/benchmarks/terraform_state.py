"""Terraform's state of a whole fleet in a moment: its first device was applied as any other, and the rest are copies.

Creating ten thousand devices takes Terraform hours; what it does with them afterwards can be raced all the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.pki import certificate_id


def copy(folder: Path, names: Sequence[str]) -> None:
    """Put the fleet's other devices beside the first one, which the state in this folder has."""
    file = folder / "terraform.tfstate"
    state = json.loads(file.read_text())
    pems = {name: (folder / "pems" / f"{name}.pem").read_text() for name in names}
    ids = {name: certificate_id(pem) for name, pem in pems.items()}
    first = names[0]
    for resource in state["resources"]:
        if any("index_key" in instance for instance in resource["instances"]):
            (one,) = resource["instances"]
            resource["instances"] = [
                _put(one, {pems[first]: pems[name], ids[first]: ids[name], first: name}) for name in names
            ]
    file.write_text(json.dumps(state, indent=2))


def _put(value: Any, others: dict[str, str]) -> Any:
    """The value with the first device's texts replaced, wherever they stand."""
    match value:
        case str():
            for old, new in others.items():
                value = value.replace(old, new)
            return value
        case list():
            return [_put(item, others) for item in value]
        case dict():
            return {key: _put(item, others) for key, item in value.items()}
        case _:
            return value
