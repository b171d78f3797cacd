"""No output of a command has text that controls a terminal, an editor or a GitHub runner."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from reconciler import Workspace
from reconciler.cli.options import FORMATS
from reconciler.model.call import ApiCall

HOSTILE_TEXT = "x\n::error file=x::pwned\n ##[add-mask]y \x1b[31m\u202ered\u2028\u200f\ufeff\x07end"

FILE = """\
[workspace]
name = "ws"

[policies.p]
document = { Version = "2012-10-17", Statement = [] }
tags = { note = "mine" }

[thing_groups.g]
description = "mine"
"""

COMMANDS = [
    *(["plan", "--format", name] for name in FORMATS),
    ["plan", "--calls"],
    ["plan", "--adopt", "policies.p", "--adopt", "thing_groups.g"],
    ["plan", "--adopt", "policies.p", "--adopt", "thing_groups.g", "--calls"],
    *(["plan", "--adopt", "policies.p", "--adopt", "thing_groups.g", "--format", name] for name in FORMATS),
    *(["drift", "--format", name] for name in FORMATS),
    ["export"],
    ["export", "policies"],
    ["show", "policies.p"],
    *(["graph", "--format", name] for name in ("tree", "dot", "mermaid", "svg")),
    ["permissions"],
    ["doctor"],
    ["adopt", "policies.q", "--yes"],
    ["apply", "--yes", "--adopt", "policies.p", "--adopt", "thing_groups.g"],
    ["history"],
    ["history", "--json"],
    ["drift"],
    ["destroy", "--yes"],
]


def fill_registry(workspace: Workspace) -> None:
    """Create resources of another client whose texts are hostile."""
    tags = [{"Key": "note", "Value": HOSTILE_TEXT}]
    statement = {
        "Effect": "Allow",
        "Action": "iot:Publish",
        "Resource": f"arn:aws:iot:*:*:topic/{HOSTILE_TEXT}",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, ensure_ascii=False)
    for name in ("p", "q"):
        params = {"policyName": name, "policyDocument": document, "tags": tags}
        workspace.connection.call(ApiCall("iot", "CreatePolicy", params))
    for name in ("g", "h"):
        workspace.connection.call(ApiCall("iot", "CreateThingGroup", {"thingGroupName": name, "tags": tags}))


def find_violations(
    output: str, own_commands: tuple[str, ...] = ("::error title=reconciler", "::warning file=")
) -> list[str]:
    """Return the invisible characters of an output, and its lines that a GitHub runner would execute."""
    invisible = {
        character
        for character in output
        if character not in "\n\t"
        and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    }
    lines = [
        line
        for line in output.split("\n")
        if "##[" in line or (line.lstrip().startswith("::") and not line.startswith(own_commands))
    ]
    return [*map(ascii, sorted(invisible)), *lines]


def test_no_command_outputs_invisible_characters_or_workflow_commands(run, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Path("desired_state.toml").write_text(FILE)
    fill_registry(Workspace("desired_state.toml"))
    violations = {}
    for words in COMMANDS:
        code, out, err = run(*words)
        assert (words, code in {0, 2, 3}) == (words, True)
        if output_violations := find_violations(out + "\n" + err):
            violations[" ".join(words)] = output_violations
    assert violations == {}


def test_an_address_on_the_command_line_cannot_begin_a_workflow_command(run_in_starter):
    code, out, err = run_in_starter("adopt", "things.x\n::warning::pwned")
    assert (code, find_violations(out + err)) == (1, [])
