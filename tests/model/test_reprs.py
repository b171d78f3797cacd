"""Plans, results, changes and other values: their texts, counts, truth values and predicates."""

from __future__ import annotations

import pytest

from reconciler.model.address import Address
from reconciler.model.change import Create, Delete, FieldChange, Replace, Update
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Applied, Canceled, Failed, Result, Skipped
from reconciler.model.plan import Estimate, Plan, Step, Target
from reconciler.model.resource import External, Live, Origin, Resource

ADDRESS = Address("things", "a")
RESOURCE, LIVE = Resource(ADDRESS, None), Live("a", None)
CREATE, DELETE = Create(RESOURCE), Delete(ADDRESS, LIVE)
UPDATE, REPLACE = Update(RESOURCE, LIVE, ()), Replace(RESOURCE, LIVE, ())
TARGET = Target("embedded", "eu-west-1", "123456789012")


def make_plan(*changes, unchanged=0):
    return Plan(
        "ws", TARGET, tuple(Step(change, ()) for change in changes), "0" * 64, Estimate({}, 0.0), unchanged
    )


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (make_plan(unchanged=3), "Plan for ws: nothing to do, 3 unchanged"),
        (
            make_plan(CREATE, CREATE, DELETE, unchanged=1),
            "Plan for ws: 2 to create, 1 to delete, 1 unchanged",
        ),
        (
            make_plan(DELETE, REPLACE, UPDATE, CREATE),
            "Plan for ws: 1 to create, 1 to update, 1 to replace, 1 to delete, 0 unchanged",
        ),
    ],
)
def test_a_plan_is_displayed_with_its_counts(plan, text):
    assert str(plan) == text


def test_a_plan_is_true_when_it_has_steps():
    assert (bool(make_plan()), bool(make_plan(CREATE))) == (False, True)


def test_the_counts_have_every_action():
    assert make_plan(UPDATE, UPDATE).counts == {
        "create": 0,
        "update": 2,
        "replace": 0,
        "delete": 0,
        "forget": 0,
    }


@pytest.mark.parametrize(
    ("outcomes", "ok", "text"),
    [
        ((), True, "no steps in 1.2 s"),
        ((Applied(CREATE, 0.1),), True, "1 applied in 1.2 s"),
        (
            (Applied(CREATE, 0.1), Failed(UPDATE, ReconcilerError("no")), Skipped(DELETE, ADDRESS), Canceled(CREATE)),
            False,
            "1 applied, 1 failed, 1 skipped, 1 canceled in 1.2 s",
        ),
        ((Canceled(CREATE),), False, "1 canceled in 1.2 s"),
    ],
)  # fmt: skip
def test_a_result_is_displayed_with_its_counts(outcomes, ok, text):
    result = Result(make_plan(), outcomes, 1.234)
    assert (result.ok, str(result)) == (ok, text)


def test_small_values_are_displayed_briefly():
    values = (TARGET, Origin("a.toml", 3), External("group-7"), External("0" * 64))
    assert [str(value) for value in values] == [
        "embedded · 123456789012 · eu-west-1",
        "a.toml:3",
        "group-7",
        "000000000000…",
    ]


def test_an_update_has_changed_a_field_when_a_part_of_it_differs():
    update = Update(RESOURCE, LIVE, (FieldChange("attributes.site", "a", "b"),))
    names = ("attributes", "attributes.site", "attributes.sit", "attr", "thing_type")
    assert {name: update.has_changed(name) for name in names} == {
        "attributes": True,
        "attributes.site": True,
        "attributes.sit": False,
        "attr": False,
        "thing_type": False,
    }
