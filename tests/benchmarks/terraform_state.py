"""Fill Terraform's state with a fleet in seconds, by copying its first device.

Terraform needs hours to create ten thousand devices. With copies, the later phases can be measured without this creation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.pki import compute_certificate_id


def copy_first_device(folder: Path, names: Sequence[str]) -> None:
    """Add the devices `names[1:]` to the folder's Terraform state, as copies of `names[0]`.

    The state must have `names[0]` and no other device.
    """
    file = folder / "terraform.tfstate"
    state = json.loads(file.read_text())
    pems = {name: (folder / "pems" / f"{name}.pem").read_text() for name in names}
    ids = {name: compute_certificate_id(pem) for name, pem in pems.items()}
    first = names[0]
    for resource in state["resources"]:
        # Only the instances of `for_each` have an `index_key`: the device's name.
        if any("index_key" in instance for instance in resource["instances"]):
            (first_instance,) = resource["instances"]
            resource["instances"] = [
                _replace_texts(first_instance, {pems[first]: pems[name], ids[first]: ids[name], first: name})
                for name in names
            ]
    file.write_text(json.dumps(state, indent=2))


def _replace_texts(value: Any, replacements: Mapping[str, str]) -> Any:
    """Return a copy of a JSON value with texts replaced wherever they occur in its strings."""
    match value:
        case str():
            for old, new in replacements.items():
                value = value.replace(old, new)
            return value
        case list():
            return [_replace_texts(item, replacements) for item in value]
        case dict():
            return {key: _replace_texts(item, replacements) for key, item in value.items()}
        case _:
            return value
