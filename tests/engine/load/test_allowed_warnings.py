"""`lifecycle.allow` silences warnings by code and with a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import reconciler
from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.warning_codes import (
    SILENCEABLE_CODES,
    UNREAD_OBJECT,
    UNUSED_ALLOW,
    UNUSED_VARIABLE,
    WARNING_CODES,
)

WILDCARD = '{ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "*", Resource = "*" } }'


def load_report(folder: Path, text: str) -> list[str]:
    """Return the diagnostics of a desired state without their file, as text."""
    path = folder / "d.toml"
    path.write_text(f'[workspace]\nname = "w"\n{text}')
    try:
        diagnostics = load(path, constraints=ServiceModelConstraints(), environ={}).warnings
    except InvalidDesiredStateError as error:
        diagnostics = error.diagnostics
    return [str(diagnostic).removeprefix("d.toml:") for diagnostic in diagnostics]


def test_an_allowed_warning_is_silenced(tmp_path):
    warning = "4: warning: policies.p.document.Statement: allows every action on every resource; expected the actions and"
    table = f"[policies.p]\ndocument = {WILDCARD}\n"
    assert load_report(tmp_path, table) == [f"{warning} resources that the devices need"]
    allow = 'lifecycle = { allow = { "policy-full-wildcard" = "a test bench" } }\n'
    assert load_report(tmp_path, table + allow) == []


def test_an_unknown_code_and_an_empty_reason_are_errors(tmp_path):
    allow = '{ "policy-full-wildcrad" = "x", x = "y", "policy-full-wildcard" = " " }'
    assert load_report(tmp_path, f"[policies.p]\ndocument = {WILDCARD}\nlifecycle.allow = {allow}\n") == [
        "5: error: policies.p.lifecycle.allow.policy-full-wildcard: the reason is empty; expected why it is allowed",
        (
            "5: error: policies.p.lifecycle.allow.policy-full-wildcrad: 'policy-full-wildcrad' is not the code of a warning that can "
            "be silenced; did you mean 'policy-full-wildcard'?"
        ),
        (
            "5: error: policies.p.lifecycle.allow.x: 'x' is not the code of a warning that can be silenced; "
            "expected the code of a warning, such as 'policy-full-wildcard'"
        ),
    ]


def test_an_entry_that_silences_nothing_is_a_warning(tmp_path):
    table = '[things.a]\nlifecycle = { allow = { "policy-full-wildcard" = "x" } }\n'
    assert load_report(tmp_path, table) == [
        (
            "4: warning: things.a.lifecycle.allow.policy-full-wildcard: there is no warning 'policy-full-wildcard' to silence; "
            "remove the entry"
        )
    ]


def test_an_entry_of_a_table_with_errors_is_not_reported_as_unused(tmp_path):
    table = '[policies.p]\ndocument = "{"\nlifecycle = { allow = { "policy-full-wildcard" = "x" } }\n'
    assert [line.partition(" ")[2][:5] for line in load_report(tmp_path, table)] == ["error"]


def test_an_entry_of_a_table_with_for_each_is_used_if_it_silences_a_warning_of_one_row(tmp_path):
    def make_table(*actions: str) -> str:
        rows = ", ".join(f'{{ n = {number}, action = "{action}" }}' for number, action in enumerate(actions))
        document = '{"Statement": {"Effect": "Allow", "Action": "{action}", "Resource": "*"}}'
        document = document.replace("{", "{{").replace("}", "}}").replace("{{action}}", "{action}")
        allow = 'lifecycle = { allow = { "policy-full-wildcard" = "x" } }\n'
        return f"[policies.\"p{{n}}\"]\nfor_each = [{rows}]\ndocument = '{document}'\n{allow}"

    assert load_report(tmp_path, make_table("*", "iot:Receive")) == []
    assert load_report(tmp_path, make_table("iot:Receive", "iot:Receive")) == [
        (
            "6: warning: policies.p{n}.lifecycle.allow.policy-full-wildcard: there is no warning 'policy-full-wildcard' to silence; "
            "remove the entry"
        )
    ]


def test_every_warning_of_the_code_has_a_described_code():
    # An unreadable secret is an error, which becomes a warning for a field that only a creation needs.
    assert _find_warning_codes() | {"unreadable-secret"} == {*WARNING_CODES}
    assert {*SILENCEABLE_CODES} == {*WARNING_CODES} - {UNREAD_OBJECT, UNUSED_ALLOW, UNUSED_VARIABLE}


def _find_warning_codes() -> set[str]:
    """Return the codes of all warnings that the loader and the kinds create."""
    root = Path(reconciler.__file__).parent
    return {
        code
        for folder in ("kinds", "engine/load")
        for path in (root / folder).rglob("*.py")
        for code in _find_codes(ast.parse(path.read_text(encoding="utf-8")))
    }


def _find_codes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        is_warning = node.func.id == "_build_warning" or any(
            keyword.arg == "severity" and ast.unparse(keyword.value) == "'warning'"
            for keyword in node.keywords
        )
        if is_warning:
            match node.args[0]:
                case ast.Constant(value=str(code)):
                    yield code
                case ast.Name(id="UNREAD_OBJECT"):
                    yield UNREAD_OBJECT
                case ast.Name(id="UNUSED_ALLOW"):
                    yield UNUSED_ALLOW
                case ast.Name(id="UNUSED_VARIABLE"):
                    yield UNUSED_VARIABLE
