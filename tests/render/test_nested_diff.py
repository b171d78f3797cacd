"""A change inside a table or a list of tables is shown by the parts that differ, in every format."""

from __future__ import annotations

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.connector_destinations import ConnectorDestination
from reconciler.kinds.security_profiles import SecurityProfiles
from reconciler.kinds.shared.security_profile_spec import (
    Behavior,
    BehaviorCriteria,
    MetricValue,
    SecurityProfile,
)
from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_messaging_actions import Http, HttpHeader
from reconciler.kinds.things import Thing
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.call import ApiCall
from reconciler.model.change import FieldChange, Replace, Update
from reconciler.model.plan import Step
from reconciler.model.resource import External, Live
from reconciler.model.secret import Secret
from reconciler.render.html.page import render_html_page
from reconciler.render.markdown import render_plan_markdown
from reconciler.render.text.comparison import render_comparison_text
from reconciler.render.text.plan import render_plan_text
from reconciler.render.views.comparison import build_comparison_view
from reconciler.render.views.fields import describe_field
from reconciler.render.views.format_value import format_value, truncate_all
from reconciler.render.views.labels import format_kind_title
from reconciler.render.views.plan import build_plan_view
from tests.support.examples import examples
from tests.support.sample_plans import make_resource_at_line, make_sample_plan


def make_behavior(name, *, suppress_alerts=False, datapoints=1):
    value = MetricValue(count=100)
    criteria = BehaviorCriteria("less-than", value, 300, consecutive_datapoints_to_alarm=datapoints)
    return Behavior(name, "aws:num-messages-sent", criteria=criteria, suppress_alerts=suppress_alerts)


MANY = make_behavior("many", suppress_alerts=True)
FEW = make_behavior("few", suppress_alerts=True)


def make_update(before, after):
    """Make the update of a security profile's behaviors."""
    resource = make_resource_at_line("security_profiles", "pumps", SecurityProfile(behaviors=after), 8)
    live = Live("pumps", SecurityProfile(behaviors=before), owner="greenhouse")
    return Update(resource, live, (FieldChange("behaviors", before, after),))


def make_rule_update(*headers):
    """Make the update of a rule from the first to the second of two tuples of headers."""
    before, after = (
        (Action(http=Http("https://example.com", "https://example.com", headers=each)),) for each in headers
    )
    resource = make_resource_at_line("topic_rules", "r", TopicRule("SELECT * FROM 'a'", after))
    live = Live("r", TopicRule("SELECT * FROM 'a'", before))
    return Update(resource, live, (FieldChange("actions", before, after),))


def render_text(change, width=80, *, full=False):
    view = build_plan_view(make_sample_plan(Step(change, ())))
    return "\n".join(line.plain for line in render_plan_text(view, width, full=full))


FORMATS = {
    "text": render_text,
    "full text": lambda change: render_text(change, full=True),
    "markdown": lambda change: render_plan_markdown(build_plan_view(make_sample_plan(Step(change, ())))),
    "html": lambda change: html.unescape(
        "".join(render_html_page(build_plan_view(make_sample_plan(Step(change, ())))))
    ),
}


def list_field_lines(change):
    return [line.strip() for line in render_text(change).split("\n") if line.startswith(" " * 13)]


def test_the_only_change_of_a_behavior_is_shown_by_its_name_and_field():
    change = make_update((FEW, MANY), (make_behavior("few"), MANY))
    assert list_field_lines(change) == ["~ behaviors[few].suppress_alerts  true → false"]


def test_added_and_removed_behaviors_are_shown_with_a_changed_one():
    change = make_update(
        (FEW, MANY), (make_behavior("few", suppress_alerts=True, datapoints=3), make_behavior("new"))
    )
    lines = list_field_lines(change)
    assert [line for line in lines if "behaviors[" in line] == [
        "~ behaviors[few].criteria.consecutive_datapoints_to_alarm  1 → 3",
        "- behaviors[many]  {…}",
        "+ behaviors[new]   {…}",
    ]
    assert [line for line in lines if '"name"' in line] == ['"name": "many",', '"name": "new",']


def test_an_order_that_changes_is_shown_by_the_names():
    assert list_field_lines(make_update((FEW, MANY), (MANY, FEW))) == [
        "~ behaviors  [few, many] → [many, few]"
    ]


def test_items_without_names_are_matched_by_position_after_equal_ones():
    old, new = (HttpHeader("User-Agent", "oslo"),), (HttpHeader("User-Agent", "bergen"),)
    assert list_field_lines(make_rule_update(old, new)) == [
        "~ actions[0].http.headers[User-Agent].value  oslo → bergen"
    ]


def test_items_with_the_same_name_are_matched_by_position():
    old = (HttpHeader("User-Agent", "oslo"), HttpHeader("User-Agent", "bergen"))
    new = (HttpHeader("User-Agent", "oslo"), HttpHeader("User-Agent", "lund"))
    assert list_field_lines(make_rule_update(old, new)) == [
        "~ actions[0].http.headers[1].value  bergen → lund"
    ]


@pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)
def test_no_format_shows_a_secret_inside_a_table_but_every_format_shows_its_change(render):
    old = (HttpHeader("Authorization", Secret("env OLD", "canary-1")),)
    new = (HttpHeader("Authorization", Secret("env NEW", "canary-2")),)
    added = (*new, HttpHeader("Other", Secret("env OTHER", "canary-3")))
    output = render(make_rule_update(old, new)) + render(make_rule_update(old, added))
    assert "actions[0].http.headers[Authorization].value" in output
    assert "canary" not in output


BEHAVIORS = st.lists(
    st.builds(
        make_behavior,
        st.sampled_from(("a", "b", "c", "x" * 120 + "1", "x" * 120 + "2")),
        suppress_alerts=st.booleans(),
        datapoints=st.integers(1, 10),
    ),
    max_size=4,
    unique_by=lambda behavior: behavior.name,
).map(tuple)


@given(BEHAVIORS, BEHAVIORS, BEHAVIORS)
@examples(40)
def test_different_changes_never_look_the_same_in_any_format(before, after, other):
    changes = [make_update(before, each) for each in (after, other)]
    for render in FORMATS.values():
        outputs = [render(change) for change in changes]
        assert (outputs[0] == outputs[1]) == (after == other)


@given(st.lists(st.text("ab", max_size=30), max_size=6), st.integers(1, 12))
@examples(100)
def test_texts_that_differ_are_never_cut_to_the_same_text(texts, max_length):
    cut = [text.rpartition(" (")[0] or text for text in truncate_all(texts, max_length)]
    assert len(set(cut)) == len(set(texts))


def test_without_full_a_long_text_is_cut_and_with_full_nothing_is():
    change = Update(
        make_resource_at_line("things", "pump-7", Thing()),
        Live("pump-7", Thing()),
        (FieldChange("attributes.site", None, "x" * 700),),
    )
    assert ("x" * 700 in render_text(change), "x" * 700 in render_text(change, full=True)) == (False, True)


def test_items_of_a_list_that_begin_alike_are_shown_in_full():
    change = Update(
        make_resource_at_line("things", "pump-7", Thing()),
        Live("pump-7", Thing()),
        (FieldChange("policies", ("x" * 500 + "a",), ("x" * 500 + "b",)),),
    )
    output = render_text(change)
    assert ("x" * 500 + "a" in output, "x" * 500 + "b" in output) == (True, True)


def test_the_parameters_of_calls_are_shown_in_full():
    behaviors = [{"name": f"behavior-{number}", "suppressAlerts": True} for number in range(40)]
    call = ApiCall("iot", "UpdateSecurityProfile", {"behaviors": behaviors, "text": "y" * 700})
    plan = make_sample_plan(Step(make_update((FEW,), (MANY,)), (call,)))
    lines = render_plan_text(build_plan_view(plan, requests=True), 80)
    output = "\n".join(line.plain for line in lines)
    names = [behavior["name"] for behavior in behaviors]
    assert ([name for name in names if json.dumps(name) not in output], "y" * 700 in output) == ([], True)


def test_a_comparison_shows_only_the_parts_of_behaviors_that_differ():
    change = make_update((FEW, MANY), (make_behavior("few"), MANY))
    view = build_comparison_view(change.address, change.resource, change.live, change)
    lines = [line.plain for line in render_comparison_text(view, 80)]
    assert [line for line in lines if "behaviors" in line] == [
        "≠ behaviors[few].suppress_alerts  false             true"
    ]


def test_a_comparison_shows_each_unchanged_behavior_once():
    change = make_update((FEW, MANY), (FEW, MANY))
    view = build_comparison_view(change.address, change.resource, change.live, None)
    assert [(row.path, row.desired == row.live) for row in view.fields if "behaviors" in row.path] == [
        ("behaviors[few]", True),
        ("behaviors[many]", True),
    ]


def test_every_change_of_a_profile_has_a_line_of_its_own():
    paths = [line.path for line in describe_field(make_update((), (FEW, MANY)).fields[0])]
    assert (paths, SecurityProfiles.table) == (["behaviors[few]", "behaviors[many]"], "security_profiles")


def test_a_replacement_because_of_a_new_id_is_explained():
    spec = ConnectorDestination("acme")
    resource = make_resource_at_line("connector_destinations", "acme", spec)
    field = FieldChange("cloud_connector", External("0f1e"), "acme", forces_replacement=True)
    change = Replace(resource, Live("d-1", spec), (field,))
    view = build_comparison_view(change.address, resource, change.live, change)
    assert [line.plain for line in render_comparison_text(view, 80)][-1] == (
        "± replace is planned, because the ID of cloud_connectors.acme will change."
    )


def test_a_public_key_is_described_by_its_digest():
    key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    assert format_value(key).text == "public key sha256:709e80c88487…"


def test_an_account_setting_has_a_heading_in_the_singular():
    assert [format_kind_title(kind) for kind in ("account.audit", "things")] == [
        "Audit configuration",
        "Things",
    ]
