"""Markdown for comments and summaries: whole, inert, within GitHub's limits, the worst first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.plan.drift import Drift, DriftedField, DriftedResource
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import ACTIONS, ACTIONS_BY_RISK, Delete, FieldChange
from reconciler.model.errors import AwsError, ReconcilerError
from reconciler.model.outcome import Applied, Failed, Result
from reconciler.model.plan import Note, Step
from reconciler.model.resource import Live
from reconciler.render.markdown import (
    MAX_COMMENT_BYTES,
    MAX_STEP_SUMMARY_BYTES,
    append_markdown,
    format_code_span,
    format_marker,
    render_drift_markdown,
    render_plan_markdown,
    render_result_markdown,
)
from reconciler.render.views.drift import build_drift_view
from reconciler.render.views.plan import build_plan_view
from reconciler.render.views.result import build_result_view
from tests.support.examples import examples
from tests.support.sample_plans import CREATION, DELETION, EVERYTHING, HOSTILE, TARGET, UPDATE, plan, thing

WHOLE = """\
<!-- reconciler plan greenhouse -->
### Plan for `greenhouse`: 2 to create, 1 to update, 1 to replace, 1 to delete

`embedded · 123456789012 · eu-west-1` · plan `3f9a2c81d0e2` · 6 API calls, at the least 0.60 s under AWS's quotas · 12 unchanged

```text
! warning    certificates.pump-9  the certificate expires on 2026-01-04
? unmanaged  things.pump-99  it bears no workspace's mark
```

**1 to delete**

```diff
- delete   things.pump-3  1 call
         attributes.site  oslo
```

**1 to replace**

```diff
! replace  certificates.pump-7  desired_state.toml:24 · 2 calls
         ~ pem     sha256:9f8e7d6c5b4a… → sha256:ab12cd34ef56… (pki/pump-7.pem)  # forces replacement
         ~ status  INACTIVE             → ACTIVE
```

**1 to update**

```diff
! update   things.pump-7  desired_state.toml:44 · 1 call
         - attributes.firmware  1.2
         + attributes.owner     "Acme Corp"
         ~ attributes.site      oslo → bergen
         ~ certificates         + pump-9   - pump-3
```

**2 to create**

```diff
+ create   things.pump-8  desired_state.toml:40 · 1 call
         attributes.site  bergen
         certificates     + pump-8
+ create   managed_things.pump-8  desired_state.toml:61 · 1 call
         role                          DEVICE
         authentication_material       (sensitive)
         authentication_material_type  ZWAVE_QR_BAR_CODE
         serial_number                 SN-0008
```
"""

DRIFT = """\
<!-- reconciler drift greenhouse -->
### Drift of `greenhouse`: 1 missing there; 1 changed there

`embedded · 123456789012 · eu-west-1` · 7 resources are as the file says

**1 missing there**

```diff
- missing    things.pump-8  desired_state.toml:9
```

**1 changed there**

```diff
! changed    things.pump-7
         ~ attributes.site  oslo → bergen
```
"""


def fields(count: int, value: str = "oslo"):
    return [
        Step(thing(f"pump-{number:05}", FieldChange("attributes.site", None, value)), ())
        for number in range(count)
    ]


def deletion(name: str) -> Step:
    return Step(Delete(Address("things", name), Live(name, Thing())), ())


def size(text: str) -> int:
    return len(text.encode())


def test_every_action_has_its_place_among_the_dangers():
    assert sorted(ACTIONS_BY_RISK) == sorted(ACTIONS)


def test_a_plan_is_told_whole_and_the_worst_of_it_first():
    assert render_plan_markdown(build_plan_view(EVERYTHING)) == WHOLE


def test_a_plan_without_changes_says_so():
    assert render_plan_markdown(build_plan_view(plan(unchanged=13))) == (
        "<!-- reconciler plan greenhouse -->\n"
        "### Plan for `greenhouse`: nothing to do\n\n"
        "`embedded · 123456789012 · eu-west-1` · plan `3f9a2c81d0e2`\n\n"
        "Nothing to do: all 13 resources are as the file wants them.\n"
    )


def test_drift_is_told_by_its_directions():
    items = (
        DriftedResource("missing", Address("things", "pump-8"), origin="desired_state.toml:9"),
        DriftedResource(
            "changed", Address("things", "pump-7"), (DriftedField("attributes.site", "oslo", "bergen"),)
        ),
    )
    assert render_drift_markdown(build_drift_view(Drift("greenhouse", TARGET, "", items, 7))) == DRIFT


def test_a_result_tells_what_failed_and_what_to_do_next():
    error = AwsError(
        service="iot", operation="DeleteThing", code="ThrottlingException", message="slow", request_id="r-1"
    )
    ends = (Applied(CREATION.change, 0.1), Failed(DELETION.change, error))
    result = Result(plan(CREATION, DELETION), ends, 0.25)
    assert render_result_markdown(build_result_view(result)) == (
        "<!-- reconciler apply greenhouse -->\n"
        "### Apply of `greenhouse`: not everything was applied\n\n"
        "✖ Not everything was applied in 0.25 s: 1 applied, 1 failed. Done so far: 1 created.\n\n"
        "```text\n"
        "✖ failed  delete things.pump-3, iot:DeleteThing\n"
        "    answer   ThrottlingException: slow\n"
        "    request  r-1\n"
        "    next     AWS asks for a slower pace; apply again, or lower the rate in [workspace.quotas]\n"
        "\n"
        "```\n"
    )


@pytest.mark.parametrize("count", [700, 10_000])
def test_what_does_not_fit_is_counted_and_is_the_harmless_part(count):
    told = render_plan_markdown(build_plan_view(plan(*fields(count), UPDATE, deletion("pump-3"))))
    shown = re.findall(r"^[-+!] (\w+) +things\.(\S+)", told, re.MULTILINE)
    assert shown[:2] == [("delete", "pump-3"), ("update", "pump-7")]
    left = count + 2 - len(shown)
    assert told.splitlines()[-1] == f"**… and {left:,} more**: {left:,} to create"
    assert MAX_COMMENT_BYTES * 0.95 < size(told) <= MAX_COMMENT_BYTES


def test_of_one_huge_change_as_much_is_told_as_helps():
    many = [FieldChange(f"attributes.a{number}", None, "x" * 200) for number in range(500)]
    told = render_plan_markdown(build_plan_view(plan(Step(thing("pump-1", *many), ()))))
    (more,) = re.findall(r"… and (\d+) more lines", told)
    assert (told.count("attributes.a"), size(told) < 8_000) == (500 - int(more), True)


@given(
    st.lists(
        st.builds(
            lambda name, value: (name, value),
            st.text("pump-`~\n#@é☃", min_size=1, max_size=40),
            st.text(min_size=1, max_size=400) | st.text("`", min_size=1, max_size=900),
        ),
        max_size=30,
    ),
    st.text(max_size=300),
    st.integers(2_500, 20_000),
)
@examples(60)
def test_whatever_is_in_it_a_plan_stays_below_its_limit_and_every_block_is_closed(found, note, limit):
    steps = [
        Step(thing(f"{name}{place}", FieldChange("attributes.a", None, value)), ())
        for place, (name, value) in enumerate(found)
    ]
    notes = (Note("warning", note, Address("things", "x")),)
    told = render_plan_markdown(build_plan_view(plan(*steps, notes=notes)), limit)
    assert size(told) <= limit
    fence = ""
    for line in told.splitlines():
        bare = re.match(r"(`{3,})(\w*)$", line)
        if not fence and bare and bare[2]:
            fence = bare[1]
        elif fence and line == fence:
            fence = ""
        elif fence and bare and len(bare[1]) >= len(fence):
            raise AssertionError(line)
    assert fence == ""


def test_nothing_that_came_from_elsewhere_stands_outside_of_code():
    step = Step(thing(HOSTILE, FieldChange("attributes.note", None, f"@everyone #1 {HOSTILE}")), ())
    made = plan(step, notes=(Note("warning", HOSTILE),))
    told = render_plan_markdown(build_plan_view(made))
    outside = re.sub(r"^```\w+\n.*?^```$", "", told, flags=re.DOTALL | re.MULTILINE)
    assert [word for word in ("<script", "@everyone", "#1", "\x1b", "\u202e") if word in outside] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [("greenhouse", "`greenhouse`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("", "`  `")],
)
def test_a_code_span_holds_whatever_is_in_it(words, expected):
    assert format_code_span(words) == expected


def test_the_marker_is_one_comment_whatever_the_workspace_is_called():
    assert format_marker("plan", "a--><b>") == "<!-- reconciler plan a--??b? -->"


def test_a_summary_is_added_below_what_is_there_and_never_beyond_a_steps_limit(tmp_path):
    file = tmp_path / "summary.md"
    view = build_plan_view(plan(*fields(10_000)))
    for _ in range(2):
        append_markdown(file, lambda limit: render_plan_markdown(view, limit))
    assert file.read_text() == "\n".join([render_plan_markdown(view)] * 2)
    file.write_text("x" * (MAX_STEP_SUMMARY_BYTES - 9_000))
    append_markdown(file, lambda limit: render_plan_markdown(view, limit))
    assert MAX_STEP_SUMMARY_BYTES - 1_000 < file.stat().st_size <= MAX_STEP_SUMMARY_BYTES
    with pytest.raises(ReconcilerError) as error:
        append_markdown(file, lambda limit: render_plan_markdown(view, limit))
    assert str(error.value) == (
        f"{file} has {file.stat().st_size:,} bytes, and a step's summary takes no more than 1,048,576; "
        "nothing was added to it"
    )
