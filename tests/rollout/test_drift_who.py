"""The drift of a rollout shows who changed the resources of its environments."""

from __future__ import annotations

import json
import re
from contextlib import closing

import pytest
from attrs import evolve

from reconciler import Rollout
from reconciler.registry import Registry
from reconciler.render.views.alike_plans import EnvironmentNames, get_alike_key, merge_drifts
from reconciler.render.views.drift import DriftRow, DriftSection, DriftView
from reconciler.rollout.json_output import render_rollout_drift_json
from reconciler.rollout.view import build_rollout_drift_view
from tests.support.direct_client import create_client

ACCOUNTS = {"a": "111111111111", "b": "222222222222"}
FILE = """
[workspace]
name = "greenhouse"
target = "embedded"

[environments.a]
account = "111111111111"

[environments.b]
account = "222222222222"

[things.pump]
attributes = { site = "oslo" }
"""


@pytest.fixture
def rollout(tmp_path):
    """Two applied environments; in each account, someone has moved the pump to another site."""
    path = tmp_path / "desired_state.toml"
    path.write_text(FILE)
    rollout = Rollout(path)
    rollout.apply(rollout.plan())
    with closing(Registry(tmp_path / ".reconciler" / "registry.sqlite3")) as registry:
        for account in ACCOUNTS.values():
            client = create_client("iot", lambda: registry, account)
            client.update_thing(thingName="pump", attributePayload={"attributes": {"site": "rome"}})
    return rollout


def list_change_notes(view):
    """Return the notes of a view's groups, without accounts and the run that may have sent the last call."""
    return [
        re.sub(r", run \w+", "", re.sub(r"\d{12}|\{aws\.account\}", "ACCOUNT", row.change_note))
        for group in view.groups
        for section in group.drift.sections
        for row in section.rows
    ]


def test_the_drift_of_alike_environments_shows_who_changed_them(rollout):
    with_who, without_who = (
        build_rollout_drift_view(rollout.drift(who=who), "desired_state.toml") for who in (True, False)
    )
    assert list_change_notes(without_who) == [""]
    (notes,) = list_change_notes(with_who)
    note = "changed by arn:aws:iam::ACCOUNT:root just now from 127.0.0.1 (UpdateThing)"
    assert set(re.sub(r" \(in \w\)", "", notes).split("; ")) == {note}


def test_the_json_of_a_rollouts_drift_has_who_changed_each_environment(rollout):
    document = json.loads("".join(render_rollout_drift_json(rollout.drift(who=True, with_records=True))))
    changes = [
        resource["last_change"]
        for environment in document["environments"]
        for resource in environment["resources"]
    ]
    assert [(change["operation"], change["principal"]) for change in changes] == [
        ("UpdateThing", f"arn:aws:iam::{account}:root") for account in ACCOUNTS.values()
    ]


VIEW = DriftView("greenhouse", "embedded", (), {"changed": 1}, 0, "", (), ())
ROW = DriftRow("changed", "~", "things.pump", "fleet.toml:7", (), "")
NAMES = [
    EnvironmentNames(f"e{number:02}", "greenhouse", f"{number:012}", "eu-west-1") for number in range(10)
]


def make_view(**fields):
    """Return the view of a drift with one row."""
    return evolve(VIEW, sections=(DriftSection("things", "Things", 0, (evolve(ROW, **fields),)),))


def test_drifts_are_alike_although_different_people_changed_the_resources():
    ana, bea, other_owner = (
        get_alike_key(make_view(**fields), NAMES[0])
        for fields in ({"change_note": "by ana"}, {"change_note": "by bea"}, {"owner_note": "owned by lab"})
    )
    assert (ana == bea, ana == other_owner) == (True, False)


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        (["by ana"] * 10, "by ana"),
        (["by ana"] * 9 + ["by bea"], "by ana (in e00, e01, e02 and 6 more); by bea (in e09)"),
        ([f"by {name.account}" for name in NAMES], "by {aws.account}"),
        (
            ["by ana"] * 9 + ["by 000000000009"],
            "by ana (in e00, e01, e02 and 6 more); by 000000000009 (in e09)",
        ),
        (
            [f"by {letter}" for letter in "abcdefghij"],
            "".join(f"by {letter} (in e0{number}); " for number, letter in enumerate("abcdefgh"))
            + "2 other changes",
        ),
        ([""] * 10, ""),
    ],
)
def test_a_group_of_alike_drifts_has_some_of_its_different_last_changes(notes, expected):
    drifts = [(names, make_view(change_note=note)) for names, note in zip(NAMES, notes, strict=True)]
    ((row,),) = (section.rows for section in merge_drifts(drifts).sections)
    assert row.change_note == expected
