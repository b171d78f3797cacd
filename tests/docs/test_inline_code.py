"""The commands, options and make targets that pages have in backticks exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.checkout import ROOT, list_pages
from tests.docs.inline_code import find_inline_code, find_problem

OTHER_OPTIONS = {
    "docs/explanation/performance.md": {
        option
        for path in (ROOT / "tests" / "benchmarks").glob("*.py")
        for option in re.findall(r'"(--[a-z-]+)"', path.read_text(encoding="utf-8"))
    },
}
"""Options of other programs, by page."""


@pytest.mark.parametrize(
    "page", [*list_pages(), ROOT / "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_command_and_option_in_backticks_exists(page):
    other_options = OTHER_OPTIONS.get(str(page.relative_to(ROOT)), set())
    problems = {
        code: find_problem(code)
        for code in find_inline_code(page.read_text(encoding="utf-8"))
        if code.partition(" ")[0] not in other_options
    }
    assert {code: problem for code, problem in problems.items() if problem} == {}


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("reconciler nonsense", "'cli' has no command 'nonsense'"),
        ("reconciler registry nonsense", "'registry' has no command 'nonsense'"),
        ("reconciler plan --yes", "'plan' has no option '--yes'"),
        ("reconciler -f FOLDER plan --yes", "'plan' has no option '--yes'"),
        ("KEY=a reconciler plan --yes", "'plan' has no option '--yes'"),
        ("plan --yes", "'plan' has no option '--yes'"),
        ("reconciler plan --format nonsense", "'--format' cannot be 'nonsense'"),
        ("--nonsense", "no command has the option '--nonsense'"),
        ("--nonsense=VALUE", "no command has the option '--nonsense'"),
        ("--format nonsense", "'--format' cannot be 'nonsense'"),
        ("-x", "no command has the option '-x'"),
        ("make nonsense", "the Makefile has no target 'nonsense'"),
        ("make check nonsense", "the Makefile has no target 'nonsense'"),
        ("%reconcile nonsense", "%reconcile has no command 'nonsense'"),
        ("%reconcile plan --select things", "%reconcile has no option '--select'"),
    ],
)
def test_a_wrong_command_or_option_in_backticks_is_a_problem(code, problem):
    assert find_problem(code) == problem


@pytest.mark.parametrize(
    "code",
    [
        "reconciler",
        "reconciler COMMAND --help",
        "reconciler -f plan plan --format json",
        "reconciler plan --select things.a | grep --count a",
        "reconciler registry serve --port 0",
        "--format FORM",
        "--format markdown",
        "--yes",
        "-f FILE",
        "-refresh=false",
        "plan",
        "drift job",
        "make",
        "make apply PYTHON=python3.12",
        "%reconcile -f FILE apply --yes",
    ],
)
def test_a_right_command_or_option_in_backticks_has_no_problem(code):
    assert find_problem(code) is None


def test_code_in_backticks_is_found_in_text_and_tables_but_not_in_blocks():
    text = "Run `a b`.\n\n| `c` |\n| --- |\n| **`d`** |\n\n```text\n`e`\n```\n"
    assert find_inline_code(text) == ["a b", "c", "d"]
