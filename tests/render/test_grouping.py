"""Alike rows are shown as groups, which lose nothing that approval needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import Create, Delete, FieldChange, Replace, Update
from reconciler.model.document import Document
from reconciler.model.plan import Note, Step
from reconciler.model.resource import Live
from reconciler.render.markdown import render_plan_markdown
from reconciler.render.text.plan import render_plan_text
from reconciler.render.views.grouping import MAX_NAMES, MIN_GROUP_SIZE, RowGroup, group_rows
from reconciler.render.views.note_groups import group_notes
from reconciler.render.views.plan import PlanRow, build_plan_view
from tests.support.examples import examples
from tests.support.sample_plans import CREATION, make_resource_at_line, make_sample_plan, make_thing_creation


def make_device(number: int, site: str) -> Step:
    """Make the step that creates a device with a serial number and a certificate of its own name."""
    name = f"SN{number:05}"
    fields = (
        FieldChange("attributes.site", None, site),
        FieldChange("attributes.firmware", None, "1.2"),
        FieldChange("attributes.key", None, f"k{number * 7919 % 99991}"),
        FieldChange("certificates", None, (name,)),
    )
    return Step(make_thing_creation(name, *fields, line=9), CREATION.calls * 2)


def make_policy(name: str, document: Document) -> Step:
    return Step(Create(make_resource_at_line("policies", name, Policy(document))), ())


def make_document(action: str) -> Document:
    return Document.from_value({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def make_change(action: str, name: str, *fields: FieldChange) -> Step:
    """Make the step that updates, replaces or deletes a thing."""
    live = Live(name, Thing())
    if action == "delete":
        return Step(Delete(Address("things", name), live, fields), CREATION.calls)
    change_class = {"update": Update, "replace": Replace}[action]
    return Step(change_class(make_resource_at_line("things", name, Thing()), live, fields), CREATION.calls)


def render_section(*steps: Step, full: bool = False) -> list[str]:
    """Return the lines of the first section of a plan, without its title."""
    view = build_plan_view(make_sample_plan(*steps))
    lines = [line.plain for line in render_plan_text(view, 100, full=full)]
    return lines[4 : lines.index("", 4)]


def test_a_fleet_is_one_group_with_counts_by_value_and_its_exceptions():
    steps = [make_device(number, "oslo" if number % 5 else "bergen") for number in range(1, 2_000)]
    assert render_section(*steps, make_device(2_000, "olso")) == [
        "  + create   2,000 things like things.SN00001  desired_state.toml:9 · 4,000 calls",
        "             attributes.site      oslo (1,600), bergen (399), olso (1)",
        "             attributes.firmware  1.2",
        "             attributes.key       2,000 different values, such as k7919",
        "             certificates         + <name>, such as + SN00001",
        "             except things.SN02000: attributes.site olso",
    ]


def test_a_text_with_a_group_names_the_option_that_lists_everything():
    view = build_plan_view(make_sample_plan(*(make_device(number, "oslo") for number in range(10))))
    hint = "  --full lists every resource of a group"
    assert [line.plain for line in render_plan_text(view, 100)].count(hint) == 1
    assert hint not in [line.plain for line in render_plan_text(view, 100, full=True)]


def test_a_group_counts_every_list_of_references_such_as_policies():
    steps = [
        Step(
            make_thing_creation(f"c-{number}", FieldChange("policies", None, (f"policy-{number % 25}",))), ()
        )
        for number in range(100)
    ]
    (line,) = (line for line in render_section(*steps) if "policies" in line)
    assert [number for number in range(25) if f"+ policy-{number} (4)" not in line] == []


@pytest.mark.parametrize(
    ("usual", "unusual", "expected"),
    [
        (lambda i: (f"p-{i:03}",), ("p-077", "admin-all"), "+ p-077 + admin-all"),
        (lambda i: (f"site-{i % 50}", f"rack-{i % 77}"), ("site-1", "admins"), "+ site-1 + admins"),
        (lambda i: (f"{'abcde'[i % 5] * 3}", f"{chr(97 + i % 26) * 4}"), ("aaa", "admins"), "+ admins"),
        (lambda _: tuple(f"long-name-of-a-policy-{i}" for i in range(4)), ("admin-all",), "+ admin-all"),
        (lambda _: ("x" * 40, "y" * 40, "deny-all"), ("x" * 40, "y" * 40), "without deny-all"),
    ],
)
def test_one_different_list_among_many_is_named_however_many_lists_there_are(usual, unusual, expected):
    steps = [
        Step(make_thing_creation(f"SN{number}", FieldChange("policies", None, usual(number))), ())
        for number in range(400)
    ]
    changed = Step(make_thing_creation("SN400", FieldChange("policies", None, unusual)), ())
    (exception,) = (line for line in render_section(*steps, changed) if line.strip().startswith("except"))
    assert exception.strip().startswith(f"except things.SN400: policies {expected}")


def test_exceptions_among_lists_of_references_come_before_those_among_other_values():
    steps = [
        Step(
            make_thing_creation(
                f"SN{number:03}",
                FieldChange("attributes.note", None, f"odd-{'x' * number}" if number < 30 else "usual"),
                FieldChange("policies", None, ("p", "admin-all") if number == 300 else ("p",)),
            ),
            (),
        )
        for number in range(400)
    ]
    exceptions = [line.strip() for line in render_section(*steps) if line.strip().startswith("except")]
    assert exceptions[0] == "except things.SN300: policies + p + admin-all"


def test_a_few_alike_changes_are_shown_one_by_one():
    steps = [make_device(number, "oslo") for number in range(MIN_GROUP_SIZE - 1)]
    assert render_section(*steps) == render_section(*steps, full=True)


def test_a_group_in_full_is_every_change():
    steps = [make_device(number, "oslo") for number in range(30)]
    heads = [line for line in render_section(*steps, full=True) if line.startswith("  + create")]
    assert [head.split()[2] for head in heads] == [f"things.SN{number:05}" for number in range(30)]


def test_updates_to_the_same_value_are_one_group_for_all_previous_values():
    steps = [
        make_change("update", f"d-{number}", FieldChange("attributes.fw", f"1.{number % 2}", "2.0"))
        for number in range(12)
    ]
    assert render_section(*steps) == [
        "  ~ update   12 things like things.d-0  desired_state.toml:1 · 12 calls",
        "             ~ attributes.fw  1.0 → 2.0 (6), 1.1 → 2.0 (6)",
    ]


def test_deletions_are_named_up_to_a_limit_and_unusual_names_come_first():
    steps = [make_change("delete", f"SN{number:05}") for number in range(100)]
    assert render_section(*steps, make_change("delete", "gateway-main")) == [
        "  - delete   101 things like things.SN00000  101 calls",
        "             things.gateway-main, SN00000, SN00001, SN00002, SN00003, SN00004, SN00005, SN00006,",
        "             SN00007, SN00008, SN00009, SN00010, SN00011, SN00012, SN00013, SN00014, SN00015,",
        "             SN00016, SN00017, SN00018 and 81 more",
    ]


def test_replacements_for_the_same_reason_are_one_group_with_their_names():
    fields = [
        FieldChange("name", f"old-{number}", f"d-{number}", forces_replacement=True) for number in range(10)
    ]
    steps = [make_change("replace", f"d-{number}", field) for number, field in enumerate(fields)]
    assert render_section(*steps) == [
        "  ± replace  10 things like things.d-0  desired_state.toml:1 · 10 calls",
        "             ~ name  10 different values, such as old-0 → d-0  # forces replacement",
        "             things.d-0, d-1, d-2, d-3, d-4, d-5, d-6, d-7, d-8, d-9",
    ]


def test_policies_with_different_documents_are_never_one_group():
    steps = [make_policy(f"p-{number:02}", make_document(f"iot:{number}")) for number in range(20)]
    assert render_section(*steps) == render_section(*steps, full=True)


def test_policies_with_equal_documents_are_one_group_with_their_names():
    steps = [make_policy(f"p-{number:02}", make_document("iot:*")) for number in range(10)]
    assert render_section(*steps) == [
        "  + create   10 policies like policies.p-00  desired_state.toml:1 · 0 calls",
        "             document  { Statement = [{ Effect = Allow, Action = iot:*, Resource = * }] }",
        "             policies.p-00, p-01, p-02, p-03, p-04, p-05, p-06, p-07, p-08, p-09",
    ]


def test_policies_with_the_same_difference_are_not_one_group():
    def make_update(number: int) -> Step:
        before, after = make_document(f"iot:{number}"), make_document(f"iot:{number}")
        after = Document.from_value({**after.value, "Version": "2012-10-17"})
        resource = make_resource_at_line("policies", f"p-{number}", Policy(after))
        live = Live(f"p-{number}", Policy(before))
        return Step(Update(resource, live, (FieldChange("document", before, after),)), ())

    steps = [make_update(number) for number in range(12)]
    assert render_section(*steps) == render_section(*steps, full=True)


def test_alike_warnings_are_one_warning_with_examples_and_a_count():
    notes = [
        Note(
            "warning",
            f"the certificate expires on 2026-01-{number % 9 + 10}",
            Address("certificates", f"c-{number}"),
        )
        for number in range(300)
    ]
    notes.insert(1, Note("warning", "will be deleted", Address("certificates", "c-1")))
    view = build_plan_view(make_sample_plan(notes=tuple(notes)))
    assert [(note.address, note.text) for note in group_notes(view.notes)] == [
        (
            "certificates.c-0, c-1, c-2 and 297 more",
            "for example: the certificate expires on 2026-01-10",
        ),
        ("certificates.c-1", "will be deleted"),
    ]
    assert group_notes(view.notes, full=True) == view.notes


NAMES = st.text("abc019-", min_size=1, max_size=4)
FIELDS = st.lists(
    st.builds(
        FieldChange,
        st.sampled_from(("attributes.a", "attributes.b", "thing_type", "document")),
        st.sampled_from((None, "x", "y", make_document("iot:Connect"))),
        st.sampled_from((None, "x", "z", ("a", "b"), make_document("iot:*"), make_document("iot:Publish"))),
        forces_replacement=st.booleans(),
    ),
    max_size=2,
    unique_by=lambda field: field.path,
)
ACTIONS_WITH_FIELDS = st.tuples(st.sampled_from(("create", "update", "replace", "delete")), FIELDS)


SHAPES = st.lists(st.tuples(ACTIONS_WITH_FIELDS, st.integers(1, 15)), max_size=6)


@given(SHAPES, st.randoms())
@examples(60)
def test_groups_have_every_change_once_name_what_is_dangerous_and_mix_no_documents(shapes, random):
    steps = make_random_steps(shapes, random)
    rows = [row for section in build_plan_view(make_sample_plan(*steps)).sections for row in section.rows]
    entries = group_rows(rows)
    members = [row for entry in entries for row in list_members(rows, entry)]
    assert Counter(members) == Counter(rows)
    assert entries.row_count == len(rows)
    for group in entries.groups:
        own_rows = list_members(rows, group)
        assert len({row.action for row in own_rows}) == 1
        documents = {tuple(field for field in row.fields if field.is_document) for row in own_rows}
        assert len(documents) == 1
        addresses = {row.address for row in own_rows}
        is_dangerous = group.sample.action in ("delete", "replace") or documents != {()}
        assert len(group.names) == (min(len(addresses), MAX_NAMES) if is_dangerous else 0)
        assert addresses.issuperset(group.names)
        assert {field.path for field in group.fields} == {
            field.path for row in own_rows for field in row.fields
        }


def list_members(rows: Sequence[PlanRow], entry: PlanRow | RowGroup[PlanRow]) -> Sequence[PlanRow]:
    return [rows[position] for position in entry.positions] if isinstance(entry, RowGroup) else [entry]


def make_random_steps(shapes, random) -> list[Step]:
    """Make steps of these shapes, in random order; each shape has the number of its steps."""
    makers = [shape for shape, count in shapes for _ in range(count)]
    random.shuffle(makers)
    return [
        Step(make_thing_creation(f"d-{number}", *fields), CREATION.calls)
        if action == "create"
        else make_change(action, f"d-{number}", *fields)
        for number, (action, fields) in enumerate(makers)
    ]


def count_changes(lines: Iterable[str]) -> int:
    """Count the changes that the heads of rows and groups, and the counts of omitted changes, add up to."""
    heads = [match for line in lines if (match := HEAD.match(line))]
    return sum(int(head["count"].replace(",", "")) if head["count"] else 1 for head in heads)


HEAD = re.compile(r" *[-+~±!] (?:create|update|replace|delete) +(?:(?P<count>[\d,]+) things? like |things\.)")


@given(SHAPES, st.randoms())
@examples(30)
def test_the_changes_of_every_text_and_comment_add_up_to_those_of_the_plan(shapes, random):
    view = build_plan_view(make_sample_plan(*make_random_steps(shapes, random)))
    text = [line.plain for line in render_plan_text(view, 100)]
    assert count_changes(text) == view.total
    assert count_changes(render_plan_markdown(view).split("\n")) == view.total


@given(
    st.lists(st.tuples(ACTIONS_WITH_FIELDS, st.integers(1, 40)), max_size=12),
    st.randoms(),
    st.integers(2_000, 9_000),
)
@examples(30)
def test_a_comment_stays_within_its_limit_and_counts_the_changes_that_do_not_fit(shapes, random, limit):
    view = build_plan_view(make_sample_plan(*make_random_steps(shapes, random)))
    comment = render_plan_markdown(view, limit)
    omitted = re.search(r"^\*\*… and ([\d,]+) more\*\*", comment, re.MULTILINE)
    omitted_count = int(omitted[1].replace(",", "")) if omitted else 0
    assert len(comment.encode()) <= limit
    assert count_changes(comment.split("\n")) + omitted_count == view.total


def test_a_comment_without_room_for_its_documents_names_them():
    steps = [make_policy(f"p-{number}", make_document(f"iot:{number}" + "x" * 3_000)) for number in range(3)]
    comment = render_plan_markdown(build_plan_view(make_sample_plan(*steps)), 2_500)
    assert comment.split("\n")[-6:] == [
        "```text",
        "policies.p-0, p-1, p-2",
        "```",
        "",
        "**… and 3 more**: 3 to create",
        "",
    ]


def test_a_comment_on_ten_thousand_changes_fits_on_a_screen_and_names_what_is_dangerous():
    steps = [make_device(number, "oslo" if number % 5 else "bergen") for number in range(8_000)]
    steps += [
        make_change("update", f"u-{number}", FieldChange("attributes.fw", "1", "2"))
        for number in range(1_500)
    ]
    steps += [make_change("delete", f"old-{number}") for number in range(300)]
    steps += [make_change("delete", "gateway-main")]
    forced = FieldChange("thing_type", "a", "b", forces_replacement=True)
    steps += [make_change("replace", f"r-{number}", forced) for number in range(199)]
    steps += [make_policy("open", make_document("iot:*"))]
    notes = tuple(Note("warning", "expires", Address("certificates", f"c-{number}")) for number in range(300))
    comment = render_plan_markdown(build_plan_view(make_sample_plan(*steps, notes=notes)))
    dangerous = (
        "things.gateway-main",
        "301 things like",
        "281 more",
        "things.r-0",
        "179 more",
        "Action = iot:*",
    )
    assert [text for text in dangerous if text not in comment] == []
    assert len(comment.split("\n")) <= 60


@pytest.mark.parametrize("width", [80, 120])
def test_every_named_change_is_in_the_text_up_to_the_limit(width):
    steps = [make_change("delete", f"d-{number:03}") for number in range(MAX_NAMES)]
    text = "\n".join(
        line.plain for line in render_plan_text(build_plan_view(make_sample_plan(*steps)), width)
    )
    assert [number for number in range(MAX_NAMES) if f"d-{number:03}" not in text] == []
