"""A broken file and its whole report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import dedent

from attrs import field, frozen

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from tests.support.pki import DAY, NOW

WORKSPACE = '\n[workspace]\nname = "greenhouse"\n'


def _text(given: str) -> str:
    return dedent(given).removeprefix("\n")


def _keys(kind: Kind) -> str:
    return ", ".join(map(repr, [*kind.members, "depends_on", "lifecycle", "moved", "for_each"]))


@frozen
class Broken:
    """`text` is `desired_state.toml`, to which a `[workspace]` is added unless `workspace` is False.

    `report` has a line for each mistake; `{tables}` and `{keys of things}` stand for all that are valid. `beside` are more
    files of the folder; with `folder` the folder is loaded, not the one file. `environ` is the environment.
    """

    sentence: str
    text: str = field(converter=_text)
    report: str = field(converter=_text)
    beside: Mapping[str, str | bytes] = field(factory=dict)
    environ: Mapping[str, str] = field(factory=dict)
    folder: bool = False
    workspace: bool = True

    @property
    def lines(self) -> list[str]:
        """The report, all that stands for something else replaced."""
        kinds = all_kinds()
        text = self.report.replace("{tables}", ", ".join(["workspace", *sorted(kinds), "removed", "moved"]))
        text = text.replace("{yesterday}", f"{NOW - DAY:%Y-%m-%d}")
        return re.sub(r"\{keys of (\w+)\}", lambda found: _keys(kinds[found[1]]), text).splitlines()

    @property
    def files(self) -> Mapping[str, str | bytes]:
        whole = self.text + (WORKSPACE if self.workspace else "")
        return {"desired_state.toml": whole, **self.beside}
