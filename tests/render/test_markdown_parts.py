"""Parts of Markdown that every view shares."""

from __future__ import annotations

from reconciler.render.markdown_parts import render_lines


def test_a_line_that_is_a_command_in_a_log_of_github_is_marked():
    assert (
        render_lines(["::error::x, b", "  ::add-mask::y", "a ::error::z"], 1000)
        == "```text\n│ ::error::x, b\n│   ::add-mask::y\na ::error::z\n```\n"
    )
