"""An invalid desired state and its whole report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import dedent

from attrs import field, frozen

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from tests.support.pki import DAY, NOW

WORKSPACE = '\n[workspace]\nname = "greenhouse"\n'


def _dedent(text: str) -> str:
    return dedent(text).removeprefix("\n")


def _format_keys(kind: Kind) -> str:
    return ", ".join(
        map(repr, [*kind.members, "depends_on", "lifecycle", "moved", "environments", "for_each"])
    )


@frozen
class InvalidCase:
    """An invalid desired state and the report about it; `sentence` describes the case.

    `text` is the content of `desired_state.toml`; with `add_workspace`, a valid `[workspace]` is added to it. `report` has a line
    for each diagnostic. In it, `{tables}` is replaced with all valid tables, `{keys of things}` with all keys of that kind, and
    `{yesterday}` with yesterday's date. `other_files` has the contents of further files in the same folder by name; if
    `desired_state.toml` is one of them, its content is used instead of `text`. With `is_folder` the whole folder is loaded. `environ` has the
    environment variables.
    """

    sentence: str
    text: str = field(converter=_dedent)
    report: str = field(converter=_dedent)
    other_files: Mapping[str, str | bytes] = field(factory=dict)
    environ: Mapping[str, str] = field(factory=dict)
    is_folder: bool = False
    add_workspace: bool = True

    @property
    def lines(self) -> list[str]:
        """The lines of the report, with all placeholders replaced."""
        kinds = all_kinds()
        tables = sorted({table.partition(".")[0] for table in kinds})  # account.indexing is in [account]
        text = self.report.replace(
            "{tables}", ", ".join(["workspace", "variables", "environments", *tables, "removed", "moved"])
        )
        text = text.replace("{yesterday}", f"{NOW - DAY:%Y-%m-%d}")
        return re.sub(r"\{keys of (\w+)\}", lambda match: _format_keys(kinds[match[1]]), text).splitlines()

    @property
    def files(self) -> Mapping[str, str | bytes]:
        """The contents of all files, by name."""
        text = self.text + (WORKSPACE if self.add_workspace else "")
        return {"desired_state.toml": text, **self.other_files}
