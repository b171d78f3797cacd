"""Markdown for comments and summaries: escaped, within GitHub's limits, the riskiest changes first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.plan.drift import Drift, DriftedField, DriftedResource
from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import ACTIONS, ACTIONS_BY_RISK, Create, Delete, FieldChange
from reconciler.model.document import Document
from reconciler.model.errors import AwsError
from reconciler.model.outcome import Applied, Failed, Result
from reconciler.model.plan import Note, Step
from reconciler.model.resource import Live
from reconciler.render.markdown import (
    MAX_COMMENT_BYTES,
    format_code_span,
    format_hidden_line,
    render_drift_markdown,
    render_plan_markdown,
    render_result_markdown,
)
from reconciler.render.views.drift import build_drift_view
from reconciler.render.views.plan import build_plan_view
from reconciler.render.views.result import build_result_view
from tests.support.examples import examples
from tests.support.sample_plans import (
    CREATION,
    DELETION,
    FULL_PLAN,
    HOSTILE_TEXT,
    TARGET,
    UPDATE,
    make_resource_at_line,
    make_sample_plan,
    make_thing_creation,
)

FULL_PLAN_MARKDOWN = """\
<!-- reconciler plan greenhouse -->
### Plan for `greenhouse`: 2 to create, 1 to update, 1 to replace, 1 to delete

`embedded · 123456789012 · eu-west-1` · plan `3f9a2c81d0e2` · 6 API calls, at least 0.10 s under AWS quotas · 12 unchanged

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

```text
! warning    certificates.pump-9  the certificate expires on 2026-01-04
? unmanaged  things.pump-99  not managed by any workspace
```
"""

DRIFT_MARKDOWN = """\
<!-- reconciler drift greenhouse -->
### Drift of `greenhouse`: 1 missing, 1 changed

`embedded · 123456789012 · eu-west-1` · 7 resources match the file

**1 missing**

```diff
- missing    things.pump-8  desired_state.toml:9
```

**1 changed**

```diff
! changed    things.pump-7
         ~ attributes.site  oslo → bergen
```
"""


def make_creations(count: int, value: str = "oslo"):
    return [
        Step(make_thing_creation(f"pump-{number:05}", FieldChange("attributes.site", None, value)), ())
        for number in range(count)
    ]


def make_deletion(name: str) -> Step:
    return Step(Delete(Address("things", name), Live(name, Thing())), ())


def count_bytes(text: str) -> int:
    return len(text.encode())


def test_every_action_has_a_rank_by_risk():
    assert sorted(ACTIONS_BY_RISK) == sorted(ACTIONS)


def test_a_plan_starts_with_its_riskiest_changes():
    assert render_plan_markdown(build_plan_view(FULL_PLAN)) == FULL_PLAN_MARKDOWN


def test_a_plan_without_changes_is_rendered_as_no_changes():
    assert render_plan_markdown(build_plan_view(make_sample_plan(unchanged=13))) == (
        "<!-- reconciler plan greenhouse -->\n"
        "### Plan for `greenhouse`: no changes\n\n"
        "`embedded · 123456789012 · eu-west-1` · plan `3f9a2c81d0e2`\n\n"
        "No changes: 13 resources match the file.\n"
    )


def test_drift_is_grouped_into_missing_and_changed_resources():
    items = (
        DriftedResource("missing", Address("things", "pump-8"), origin="desired_state.toml:9"),
        DriftedResource(
            "changed", Address("things", "pump-7"), (DriftedField("attributes.site", "oslo", "bergen"),)
        ),
    )
    drift = Drift("greenhouse", TARGET, file_digest="", items=items, unchanged=7)
    assert render_drift_markdown(build_drift_view(drift)) == DRIFT_MARKDOWN


def test_a_result_shows_failures_and_the_next_step():
    error = AwsError(
        service="iot", operation="DeleteThing", code="ThrottlingException", message="slow", request_id="r-1"
    )
    outcomes = (Applied(CREATION.change, 0.1), Failed(DELETION.change, error))
    result = Result(make_sample_plan(CREATION, DELETION), outcomes, 0.25)
    assert render_result_markdown(build_result_view(result)) == (
        "<!-- reconciler apply greenhouse -->\n"
        "### Apply of `greenhouse`: incomplete\n\n"
        "✖ Apply incomplete: 1 of 2 changes not made (1 failed); 1 created in 0.25 s.\n\n"
        "```text\n"
        "✖ failed  delete things.pump-3, iot:DeleteThing\n"
        "    error      ThrottlingException: slow\n"
        "    request    r-1\n"
        "    next step  run apply again, or lower the rate in [workspace.quotas]: AWS is throttling requests\n"
        "\n"
        "```\n"
    )


@pytest.mark.parametrize("count", [700, 5_000])
def test_the_least_risky_changes_are_only_counted_if_they_do_not_fit(count):
    text = render_plan_markdown(
        build_plan_view(make_sample_plan(*make_creations(count), UPDATE, make_deletion("pump-3"))), full=True
    )
    shown = re.findall(r"^[-+!] (\w+) +things\.(\S+)", text, re.MULTILINE)
    assert shown[:2] == [("delete", "pump-3"), ("update", "pump-7")]
    omitted_count = count + 2 - len(shown)
    assert text.splitlines()[-1] == f"**… and {omitted_count:,} more**: {omitted_count:,} to create"
    assert MAX_COMMENT_BYTES * 0.95 < count_bytes(text) <= MAX_COMMENT_BYTES


def test_a_huge_change_is_shortened():
    fields = [FieldChange(f"attributes.a{number}", None, "x" * 200) for number in range(500)]
    text = render_plan_markdown(
        build_plan_view(make_sample_plan(Step(make_thing_creation("pump-1", *fields), ())))
    )
    (omitted_count,) = map(int, re.findall(r"… and (\d+) more lines", text))
    assert text.count("attributes.a") == 500 - omitted_count
    assert count_bytes(text) < 8_000


@given(
    st.lists(
        st.tuples(
            st.text("pump-`~\n#@é☃", min_size=1, max_size=40),
            st.text(min_size=1, max_size=400) | st.text("`", min_size=1, max_size=900),
        ),
        max_size=30,
    ),
    st.text(max_size=300),
    st.integers(2_500, 20_000),
)
@examples(60)
def test_any_plan_stays_within_its_limit_and_its_texts_close_no_block(creations, note, limit):
    steps = [
        Step(make_thing_creation(f"{name}{index}", FieldChange("attributes.a", None, value)), ())
        for index, (name, value) in enumerate(creations)
    ]
    notes = (Note("warning", note, Address("things", "x")),)
    text = render_plan_markdown(build_plan_view(make_sample_plan(*steps, notes=notes)), limit)
    assert count_bytes(text) <= limit
    open_fence = ""  # the backticks that opened the current block
    for line in text.splitlines():
        fence_line = re.match(r"(?P<backticks>`{3,})(?P<language>\w*)$", line)
        if not open_fence and fence_line and fence_line["language"]:
            open_fence = fence_line["backticks"]
        elif open_fence and line == open_fence:
            open_fence = ""
        elif open_fence and fence_line and len(fence_line["backticks"]) >= len(open_fence):
            raise AssertionError(line)  # a text would close the block
    assert open_fence == ""


def test_long_values_do_not_hide_the_fields_that_follow_them():
    attributes = [FieldChange(f"attributes.a{number:02}", None, "y" * 700) for number in range(50)]
    step = Step(make_thing_creation("pump-1", *attributes, FieldChange("policies", None, ("admin",))), ())
    text = render_plan_markdown(build_plan_view(make_sample_plan(step)))
    assert (text.count("attributes.a"), "+ admin\n" in text) == (50, True)


def test_single_deletions_are_named_before_those_of_a_group():
    steps = [make_deletion(f"pump-{number:05}") for number in range(2_000)]
    for number in range(9):
        address = Address("managed_things", f"guard-{number}")
        steps.append(Step(Delete(address, Live(address.name, Thing()), ()), DELETION.calls))
    policies = [
        Step(Delete(Address("policies", f"p-{number}"), Live("p", Thing()), ()), ()) for number in range(4)
    ]
    text = render_plan_markdown(build_plan_view(make_sample_plan(*policies, *steps)))
    (names,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    assert [number for number in range(9) if f"guard-{number}" not in names] == []


def test_a_policy_for_everything_is_shown_even_if_other_policies_leave_no_room():
    def make_policy(name: str, action: str, resources: list[str]) -> Step:
        statement = {"Effect": "Allow", "Action": action, "Resource": resources}
        document = Document.from_value({"Version": "2012-10-17", "Statement": [statement]})
        return Step(Create(make_resource_at_line("policies", name, Policy(document))), ())

    topics = [f"arn:aws:iot:eu-west-1:123456789012:topic/site-{number}/*" for number in range(30)]
    steps = [make_policy(f"p-{number:03}", "iot:Publish", topics[: 20 + number % 11]) for number in range(99)]
    plan = make_sample_plan(*steps, make_policy("z", "iot:*", ["*"]))
    text = render_plan_markdown(build_plan_view(plan))
    assert ("policies.z  " in text, "more**" in text) == (True, True)


def test_text_from_outside_appears_only_in_code():
    step = Step(
        make_thing_creation(
            HOSTILE_TEXT, FieldChange("attributes.note", None, f"@everyone #1 {HOSTILE_TEXT}")
        ),
        (),
    )
    plan = make_sample_plan(step, notes=(Note("warning", HOSTILE_TEXT),))
    text = render_plan_markdown(build_plan_view(plan))
    text_outside_code = re.sub(r"^```\w+\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    hostile_parts = ("<script", "@everyone", "#1", "\x1b", "\u202e")
    assert [part for part in hostile_parts if part in text_outside_code] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("greenhouse", "`greenhouse`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("", "`  `")],
)
def test_a_code_span_contains_any_text(text, expected):
    assert format_code_span(text) == expected


def test_the_hidden_line_is_one_comment_for_any_workspace_name():
    assert format_hidden_line("plan", "a--><b>") == "<!-- reconciler plan a--??b? -->"
