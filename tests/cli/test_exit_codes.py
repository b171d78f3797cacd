"""Exit codes, selections, GitHub annotations and logs: what CI jobs use."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from reconciler.cli import exit_codes, github_annotations
from reconciler.cli.terminal import write_lines
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import (
    AwsError,
    InvalidDesiredStateError,
    LeaseLostError,
    LockedError,
    PlanRejectedError,
    ReconcilerError,
    SelectionError,
    StaleError,
    TargetError,
)
from reconciler.model.outcome import Applied, Canceled, Failed, Result
from reconciler.render import formats
from tests.support.sample_plans import CREATION, DELETION, UPDATE, make_sample_plan

AWS_ERROR = AwsError(service="iot", operation="X", code="C", message="m")
STALE_ERROR = StaleError("changed")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ReconcilerError("x"), 1),
        (AWS_ERROR, 1),
        (TargetError("x"), 1),
        (SelectionError(["x"]), 1),
        (InvalidDesiredStateError([]), 1),
        (PlanRejectedError(["x"]), 3),
        (LockedError("a", "b", "c"), 3),
        (STALE_ERROR, 3),
        (LeaseLostError("x"), 3),
    ],
)
def test_the_exit_code_is_3_for_a_rejection_and_1_for_any_other_error(error, code):
    assert exit_codes.get_error_code(error) == code


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((), 0),
        ((Applied(UPDATE.change, 0.1),), 0),
        ((Applied(CREATION.change, 0.1), Failed(UPDATE.change, STALE_ERROR)), 3),
        ((Failed(UPDATE.change, LeaseLostError("x")), Canceled(CREATION.change)), 3),
        ((Failed(UPDATE.change, STALE_ERROR), Failed(DELETION.change, AWS_ERROR)), 1),
        ((Canceled(UPDATE.change),), 1),
    ],
)
def test_an_apply_exits_with_0_if_complete_3_if_every_failure_is_a_rejection_and_else_1(outcomes, code):
    assert exit_codes.get_result_code(Result(make_sample_plan(), outcomes, 0.0)) == code


@pytest.mark.parametrize("is_terminal", [False, True])
def test_many_lines_are_written_completely_and_in_order(is_terminal):
    # `write_lines` writes 1,000 lines at a time: two full chunks here, and one with a single line.
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=40)
    write_lines(console, (Text(f"line {number}") for number in range(2_001)))
    assert console.file.getvalue().splitlines() == [f"line {number}" for number in range(2_001)]


def test_an_html_page_of_a_large_plan_counts_the_changes_that_it_omits(run_in_starter, monkeypatch):
    full_page = run_in_starter("plan", "--format", "html")[1]
    monkeypatch.setattr(formats, "MAX_PAGE_ROWS", 1)
    short_page = run_in_starter("plan", "--format", "html")[1]
    thing_count = full_page.count('<code class="address">things.')
    assert f"and {thing_count - 1} more thing</p>" in short_page
    assert "more thing" not in full_page


def test_a_misspelled_selector_is_an_error_with_the_closest_name(run_in_starter):
    for command in ("plan", "drift", "graph", "show", "apply"):
        assert run_in_starter(command, "--select", "things.pump-11") == (
            1,
            "",
            (
                "error: the selection is not valid; nothing was sent\n"
                "  - 'things.pump-11' selects nothing; did you mean 'things.pump-1'?\n"
            ),
        )


def test_a_selection_without_a_dependency_is_rejected(run_in_starter):
    assert run_in_starter("plan", "--select", "things.pump-1") == (
        3,
        "",
        (
            "error: the plan is rejected; nothing was sent\n"
            "  - things.pump-1: depends on the change of certificates.pump-1, which is not selected; "
            "select certificates.pump-1 too, or exclude things.pump-1\n"
        ),
    )


def test_graph_and_show_accept_selections(run_in_starter):
    assert run_in_starter("graph", "--select", "+things.pump-1")[1] == (
        "greenhouse\n"
        "└─ development  CA certificate\n"
        "   └─ pump-1  device certificate\n"
        "      └─ pump-1  thing\n"
        "\n"
        "3 resources, 2 dependencies\n"
    )
    run_in_starter("apply", "--yes")
    output = run_in_starter("show", "--select", "things certificates", "--exclude", "certificates.*")
    assert [line for line in output[1].splitlines() if line.startswith("things.")] == [
        "things.pump-1",
        "things.pump-2",
    ]


def test_diagnostics_are_annotations_on_their_lines(run_in_starter, monkeypatch):
    assert run_in_starter("validate")[0] == 0
    path = Path("desired_state.toml")
    path.write_text(path.read_text() + '[things."a,b:%"]\n')
    outside_github = run_in_starter("validate")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(Path.cwd().parent))
    code, out, err = run_in_starter("validate")
    commands = [line for line in err.splitlines() if line.startswith("::")]
    message = "the name: 'a,b:%25' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+"
    properties = f"file={Path.cwd().name}/desired_state.toml,line=48,title=things.a%2Cb%3A%25"
    assert commands == [f"::error {properties}::{message}"]
    assert (code, out, [line for line in err.splitlines() if line not in commands]) == (
        1,
        "",
        outside_github[2].splitlines(),
    )


def test_a_rejection_is_annotated_with_its_reason(run_in_starter, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    err = run_in_starter("apply", "--approved", "0" * 12)[2]
    assert err.splitlines()[0].startswith(
        "::error title=reconciler%3A plan rejected::the approved plan has the digest 000000000000, but this plan has "
    )


def test_a_workflow_command_is_one_escaped_line():
    assert github_annotations.format_command(
        "error", "50%\n::warning::x\r\x1b[0m", title="a:b,c\n", file=""
    ) == (r"::error title=a%3Ab%2Cc::50%25%0A::warning::x%0A\x1b[0m")


def test_at_most_ten_diagnostics_of_a_level_are_annotated():
    diagnostics = [Diagnostic("a.toml", line, "bad") for line in range(1, 30)]
    diagnostics += [Diagnostic("a.toml", line, "odd", severity="warning") for line in range(1, 3)]
    commands = [line.partition(" ")[0] for line in github_annotations.format_diagnostics(diagnostics, {})]
    assert (commands.count("::error"), commands.count("::warning")) == (10, 2)


@pytest.mark.parametrize(
    ("line", "escaped"),
    [
        ("  ::add-mask::x", "│   ::add-mask::x"),
        ("site  ##[add-mask]x", r"site  #\x23[add-mask]x"),
        ("a ::b", "a ::b"),
    ],
)
def test_no_line_of_output_is_a_workflow_command(monkeypatch, line, escaped):
    def write() -> str:
        stream = io.StringIO()
        write_lines(Console(file=stream, width=80), [Text(line)])
        return stream.getvalue()

    assert write() == f"{line}\n"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert write() == f"{escaped}\n"


def test_plan_and_apply_write_a_summary_and_plan_exits_with_2_on_request(run_in_starter):
    assert run_in_starter("plan", "--summary", "s.md", "--detailed-exitcode")[0] == 2
    assert Path("s.md").read_text() == run_in_starter("plan", "--format", "markdown")[1]
    assert run_in_starter("apply", "--yes", "--summary", "s.md")[0] == 0
    assert "\n### Apply of `greenhouse`: complete\n\n✔ Apply complete in " in Path("s.md").read_text()
