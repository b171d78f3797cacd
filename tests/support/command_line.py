"""Helpers for tests of the command line.

They edit the desired state, call the registry, and make outputs comparable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.model.call import ApiCall
from reconciler.workspace import Workspace


def edit_file(old: str, new: str) -> None:
    """Replace a text wherever it occurs in the current folder's desired state; it must occur."""
    path = Path("desired_state.toml")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def call_iot(operation: str, **params: object) -> Mapping[str, Any]:
    """Call an operation of AWS IoT Core in the registry of the current folder's desired state."""
    return Workspace().connection.call(ApiCall("iot", operation, params))


def remove_changing_values(output: str) -> str:
    """Remove what differs from run to run: fingerprints, plan digests, request IDs; durations become 0 s."""
    for pattern, replacement in (
        (r"sha256:[0-9a-f]{12}", "sha256:"),
        (r"plan [0-9a-f]{12}", "plan"),
        (r"\d+\.\d+ s", "0 s"),
        (r"\(?request [0-9a-f-]+\)?|request +[0-9a-f-]+", "request"),
    ):
        output = re.sub(pattern, replacement, output)
    return output
