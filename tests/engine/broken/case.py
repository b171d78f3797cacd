"""A broken file and its whole report."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from attrs import field, frozen

WORKSPACE = '\n[workspace]\nname = "greenhouse"\n'


def _text(given: str) -> str:
    return dedent(given).removeprefix("\n")


@frozen
class Broken:
    """`text` is `desired_state.toml`, to which a `[workspace]` is added unless `workspace` is False.

    `report` has a line for each mistake. `beside` are more files of the folder; with `folder` the folder is loaded, not
    the one file. `environ` is the environment.
    """

    sentence: str
    text: str = field(converter=_text)
    report: str = field(converter=_text)
    beside: Mapping[str, str | bytes] = field(factory=dict)
    environ: Mapping[str, str] = field(factory=dict)
    folder: bool = False
    workspace: bool = True

    @property
    def files(self) -> Mapping[str, str | bytes]:
        whole = self.text + (WORKSPACE if self.workspace else "")
        return {"desired_state.toml": whole, **self.beside}
