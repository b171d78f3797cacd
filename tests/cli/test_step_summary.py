"""Step summaries: output is appended as Markdown within GitHub's limit."""

from __future__ import annotations

import pytest

from reconciler.cli.step_summary import MAX_STEP_SUMMARY_BYTES, append_summary
from reconciler.model.errors import ReconcilerError
from reconciler.model.plan import Step
from reconciler.render.markdown import render_plan_markdown
from reconciler.render.views.plan import build_plan_view
from tests.support.sample_plans import make_sample_plan, make_thing_creation


def test_a_summary_is_appended_and_shortened_to_the_limit_or_rejected_if_nothing_fits(tmp_path):
    file = tmp_path / "summary.md"
    steps = [Step(make_thing_creation(f"pump-{number}"), ()) for number in range(10_000)]
    view = build_plan_view(make_sample_plan(*steps))
    for _ in range(2):
        append_summary(file, lambda limit: render_plan_markdown(view, limit, full=True))
    assert file.read_text() == "\n".join([render_plan_markdown(view, full=True)] * 2)
    file.write_text("x" * (MAX_STEP_SUMMARY_BYTES - 9_000))
    append_summary(file, lambda limit: render_plan_markdown(view, limit, full=True))
    assert MAX_STEP_SUMMARY_BYTES - 1_000 < file.stat().st_size <= MAX_STEP_SUMMARY_BYTES
    with pytest.raises(ReconcilerError) as error:
        append_summary(file, lambda limit: render_plan_markdown(view, limit, full=True))
    assert str(error.value) == (
        f"{file}: too large to append to ({file.stat().st_size:,} bytes); a step summary may have at most 1,048,576 bytes"
    )
