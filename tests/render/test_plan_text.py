"""Plans as text, whole."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import Create, FieldChange, Update
from reconciler.model.plan import Bottleneck, Estimate, Step
from reconciler.model.resource import Live, Origin, Resource
from reconciler.render.text.plan import render_plan_summary, render_plan_text
from reconciler.render.views.plan import build_plan_view, format_duration, format_kind
from tests.support.sample_plans import EVERYTHING, ROTATION, UPDATE, plan, resource

MARK = Step(Create(resource("thing_groups", "reconciler-greenhouse", ThingGroup())), ())

EIGHTY = """\
Plan for greenhouse
embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2

Device certificates  1 to replace
  ± replace  certificates.pump-7  desired_state.toml:24 · 2 calls
             ~ pem     sha256:9f8e7d6c5b4a…  # forces replacement
                     → sha256:ab12cd34ef56… (pki/pump-7.pem)
             ~ status  INACTIVE → ACTIVE

Things  1 to create, 1 to update, 1 to delete
  - delete   things.pump-3  1 call
             attributes.site  oslo
  ~ update   things.pump-7  desired_state.toml:44 · 1 call
             - attributes.firmware  1.2
             + attributes.owner     "Acme Corp"
             ~ attributes.site      oslo → bergen
             ~ certificates         + pump-9   - pump-3
  + create   things.pump-8  desired_state.toml:40 · 1 call
             attributes.site  bergen
             certificates     + pump-8

Managed things  1 to create
  + create   managed_things.pump-8  desired_state.toml:61 · 1 call
             role                          DEVICE
             authentication_material       (sensitive)
             authentication_material_type  ZWAVE_QR_BAR_CODE
             serial_number                 SN-0008

  ! warning    certificates.pump-9  the certificate expires on 2026-01-04
  ? unmanaged  things.pump-99  it bears no workspace's mark

API calls  6, at the least 0.60 s under AWS's quotas
  1  iot:CreateThing
  1  iot:DeleteCertificate
  1  iot:DeleteThing
  1  iot:RegisterCertificate  at 10 a second: 0.60 s
  1  iot:UpdateThing
  1  iot-managed-integrations:CreateManagedThing

Summary  + 2 create  ~ 1 update  ± 1 replace  - 1 delete  12 unchanged"""

WITH_CALLS = """\
Plan for greenhouse
embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2

Device certificates  1 to replace
  ± replace  certificates.pump-7  desired_state.toml:24 · 2 calls
             ~ pem     sha256:9f8e7d6c5b4a…  # forces replacement
                     → sha256:ab12cd34ef56… (pki/pump-7.pem)
             ~ status  INACTIVE → ACTIVE
             1. iot:RegisterCertificate
                certificatePem  "…"
                status          ACTIVE
             2. iot:DeleteCertificate
                certificateId  9f8e7d6c5b4a0000000000000000000000000000000000000000000000000000

Things  1 to update
  ~ update   things.pump-7  desired_state.toml:44 · 1 call
             - attributes.firmware  1.2
             + attributes.owner     "Acme Corp"
             ~ attributes.site      oslo → bergen
             ~ certificates         + pump-9   - pump-3
             1. iot:UpdateThing
                thingName        pump-7
                expectedVersion  3

API calls  3, at the least 0.60 s under AWS's quotas
  1  iot:DeleteCertificate
  1  iot:RegisterCertificate  at 10 a second: 0.60 s
  1  iot:UpdateThing

Summary  ~ 1 update  ± 1 replace"""


def lines(made, width=80, *, requests=False):
    return "\n".join(line.plain for line in render_plan_text(build_plan_view(made, requests=requests), width))


def update(*fields):
    resource = Resource(Address("things", "pump-7"), Thing(), origin=Origin("desired_state.toml", 44))
    return plan(Step(Update(resource, Live("pump-7", Thing()), fields), ()))


def rows(made, width=80):
    """The attribute lines alone."""
    return [line for line in lines(made, width).split("\n") if line.startswith(" " * 11)]


def test_a_plan_with_all_four_actions_reads_like_a_picture_at_80_columns():
    assert lines(EVERYTHING) == EIGHTY


def test_no_line_of_it_is_wider_than_80_columns():
    assert max(map(len, lines(EVERYTHING).split("\n"))) <= 80


def test_on_request_every_step_lists_its_calls_with_all_parameters():
    assert lines(plan(ROTATION, UPDATE), 100, requests=True) == WITH_CALLS


def test_a_plan_without_changes_says_that_nothing_is_to_be_done():
    assert lines(plan(unchanged=13)) == (
        "Plan for greenhouse\n"
        "embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2\n"
        "\n"
        "Nothing to do: all 13 resources are as the file wants them."
    )


def test_a_long_address_is_never_cut_off_and_what_follows_it_goes_into_the_next_line():
    name = "a" * 90
    step = Step(Update(Resource(Address("things", name), Thing()), Live(name, Thing()), ()), ())
    assert lines(plan(step)).split("\n")[4:6] == [
        f"  ~ update   things.{name}",
        "             <memory>:1 · 0 calls",
    ]


def test_a_long_value_is_cut_where_it_differs_and_says_how_long_it_is():
    before, after = "x" * 300 + "oslo" + "y" * 300, "x" * 300 + "bergen" + "y" * 300
    assert rows(update(FieldChange("attributes.site", before, after))) == [
        "             ~ attributes.site  …xxxxxxxxxxxxoslo" + "y" * 80 + "… (604 characters)",
        "                              → …xxxxxxxxxxxxbergen" + "y" * 78 + "… (606 characters)",
    ]


def test_a_list_that_only_changes_its_order_is_shown_whole():
    change = FieldChange("certificates", ("a", "b"), ("b", "a"))
    assert rows(update(change)) == ["             ~ certificates  [a, b] → [b, a]"]


def test_a_value_that_looks_like_our_own_words_is_quoted():
    change = FieldChange("attributes.code", "(sensitive)", "(known after apply)")
    assert rows(update(change)) == ['             ~ attributes.code  "(sensitive)" → "(known after apply)"']


@pytest.mark.parametrize(
    ("made", "marks", "expected"),
    [
        (plan(unchanged=0), 0, "Nothing to do: the file asks for nothing, and nothing is there."),
        (plan(unchanged=1), 0, "Nothing to do: 1 resource is as the file wants it."),
        (
            plan(unchanged=2),
            1,
            "Nothing to do: 1 resource is as the file wants it, and so is the workspace's own mark.",
        ),
        (
            plan(unchanged=18),
            2,
            "Nothing to do: all 16 resources are as the file wants them, and so are the workspace's 2 own marks.",
        ),
        (plan(UPDATE, unchanged=17), 2, "Summary  ~ 1 update  15 and 2 own marks unchanged"),
        (plan(UPDATE, unchanged=1), 0, "Summary  ~ 1 update  1 unchanged"),
        (plan(UPDATE, MARK), 0, "Summary  + 1 create  ~ 1 update  1 own mark among them"),
    ],
)
def test_the_workspaces_own_marks_are_counted_apart_from_what_the_file_has(made, marks, expected):
    assert render_plan_summary(build_plan_view(made, unchanged_markers=marks)).plain == expected


def test_of_calls_as_many_and_as_slow_the_one_that_was_counted_is_marked_and_nothing_is_claimed_of_others():
    calls = {("iot", "AttachPolicy"): 4, ("iot", "DetachPolicy"): 4}
    estimate = Estimate(calls, 0.4, Bottleneck("DetachPolicy", 4, 10.0))
    assert lines(evolve(plan(UPDATE), estimate=estimate)).split("\n")[-5:-2] == [
        "API calls  8, at the least 0.40 s under AWS's quotas",
        "  4  iot:AttachPolicy",
        "  4  iot:DetachPolicy  at 10 a second: 0.40 s",
    ]


def test_a_quota_that_several_calls_share_is_told_by_its_own_name():
    calls = {("iot", "RegisterCertificate"): 20, ("iot", "RegisterThing"): 10}
    estimate = Estimate(calls, 2.0, Bottleneck("device_certificate_registrations", 30, 15.0))
    assert lines(evolve(plan(UPDATE), estimate=estimate)).split("\n")[-6:-2] == [
        "API calls  30, at the least 2.0 s under AWS's quotas",
        "  20  iot:RegisterCertificate",
        "  10  iot:RegisterThing",
        "  30 of them are device certificate registrations, at 15 a second: 2.0 s",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.004, "0.00 s"),
        (0.5, "0.50 s"),
        (1.25, "1.2 s"),
        (75, "1 min 15 s"),
        (360, "6 min"),
        (3600, "1 h"),
        (5460, "1 h 31 min"),
    ],
)
def test_a_duration_is_told_as_people_say_it(value, expected):
    assert format_duration(value) == expected


@pytest.mark.parametrize("kind", all_kinds())
def test_many_of_a_kind_have_a_plural(kind):
    assert format_kind(kind, 2) == {"policies": "policies", "role_aliases": "role aliases"}.get(
        kind, f"{format_kind(kind)}s"
    )
