"""Whole plans as text."""

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
from reconciler.render.views.labels import format_duration, format_kind
from reconciler.render.views.plan import build_plan_view
from tests.support.sample_plans import FULL_PLAN, ROTATION, UPDATE, make_resource_at_line, make_sample_plan

OWNERSHIP_MARKER_CREATION = Step(
    Create(make_resource_at_line("thing_groups", "reconciler-greenhouse", ThingGroup())), ()
)

PLAN_AT_80_COLUMNS = """\
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
  ? unmanaged  things.pump-99  not managed by any workspace

API calls  6, at least 0.10 s under AWS quotas
  1  iot:CreateThing
  1  iot:DeleteCertificate
  1  iot:DeleteThing
  1  iot:RegisterCertificate  at 10 per second: 0.10 s
  1  iot:UpdateThing
  1  iot-managed-integrations:CreateManagedThing

Plan: 2 to create, 1 to update, 1 to replace, 1 to delete; 12 unchanged"""

PLAN_WITH_CALLS = """\
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

API calls  3, at least 0.10 s under AWS quotas
  1  iot:DeleteCertificate
  1  iot:RegisterCertificate  at 10 per second: 0.10 s
  1  iot:UpdateThing

Plan: 1 to update, 1 to replace"""


def render(plan, width=80, *, requests=False):
    view = build_plan_view(plan, requests=requests)
    return "\n".join(line.plain for line in render_plan_text(view, width))


def make_update_plan(*fields):
    """Make a plan that updates these fields of a thing."""
    resource = Resource(Address("things", "pump-7"), Thing(), origin=Origin("desired_state.toml", 44))
    return make_sample_plan(Step(Update(resource, Live("pump-7", Thing()), fields), ()))


def render_field_lines(plan, width=80):
    """Return only the lines of a plan that show changed fields."""
    return [line for line in render(plan, width).split("\n") if line.startswith(" " * 11)]


def test_a_plan_shows_creations_updates_replacements_and_deletions():
    assert render(FULL_PLAN) == PLAN_AT_80_COLUMNS


def test_a_plan_has_no_line_wider_than_80_columns():
    assert max(map(len, render(FULL_PLAN).split("\n"))) <= 80


def test_a_plan_with_requests_lists_every_call_with_its_parameters():
    assert render(make_sample_plan(ROTATION, UPDATE), 100, requests=True) == PLAN_WITH_CALLS


def test_a_plan_without_changes_is_rendered_as_no_changes():
    assert render(make_sample_plan(unchanged=13)) == (
        "Plan for greenhouse\n"
        "embedded · 123456789012 · eu-west-1 · plan 3f9a2c81d0e2\n"
        "\n"
        "No changes: 13 resources match the file."
    )


def test_a_long_address_is_shown_whole_with_its_description_on_the_next_line():
    name = "a" * 90
    step = Step(Update(Resource(Address("things", name), Thing()), Live(name, Thing()), ()), ())
    assert render(make_sample_plan(step)).split("\n")[4:6] == [
        f"  ~ update   things.{name}",
        "             <memory>:1 · 0 calls",
    ]


def test_a_long_value_is_truncated_around_its_first_difference():
    before = "x" * 300 + "oslo" + "y" * 300
    after = "x" * 300 + "bergen" + "y" * 300
    plan = make_update_plan(FieldChange("attributes.site", before, after))
    assert render_field_lines(plan) == [
        "             ~ attributes.site  …xxxxxxxxxxxxoslo" + "y" * 80 + "… (604 characters)",
        "                              → …xxxxxxxxxxxxbergen" + "y" * 78 + "… (606 characters)",
    ]


def test_a_reordered_list_is_shown_whole():
    plan = make_update_plan(FieldChange("certificates", ("a", "b"), ("b", "a")))
    assert render_field_lines(plan) == ["             ~ certificates  [a, b] → [b, a]"]


def test_a_value_that_looks_like_a_placeholder_is_quoted():
    plan = make_update_plan(FieldChange("attributes.code", "(sensitive)", "(known after apply)"))
    assert render_field_lines(plan) == [
        '             ~ attributes.code  "(sensitive)" → "(known after apply)"'
    ]


@pytest.mark.parametrize(
    ("plan", "unchanged_markers", "expected"),
    [
        (
            make_sample_plan(unchanged=0),
            0,
            "No changes: the workspace manages no resources.",
        ),
        (make_sample_plan(unchanged=1), 0, "No changes: 1 resource matches the file."),
        (make_sample_plan(unchanged=2), 1, "No changes: 1 resource and 1 ownership marker match the file."),
        (
            make_sample_plan(unchanged=18),
            2,
            "No changes: 16 resources and 2 ownership markers match the file.",
        ),
        (
            make_sample_plan(UPDATE, unchanged=17),
            2,
            "Plan: 1 to update; 15 resources and 2 ownership markers unchanged",
        ),
        (make_sample_plan(UPDATE, unchanged=1), 0, "Plan: 1 to update; 1 unchanged"),
        (
            make_sample_plan(UPDATE, OWNERSHIP_MARKER_CREATION),
            0,
            "Plan: 1 to create, 1 to update (including 1 ownership marker)",
        ),
    ],
)
def test_a_summary_counts_ownership_markers_separately(plan, unchanged_markers, expected):
    view = build_plan_view(plan, unchanged_markers=unchanged_markers)
    assert render_plan_summary(view).plain == expected


def test_only_the_bottleneck_is_explained_among_equally_frequent_calls():
    calls = {("iot", "AttachPolicy"): 4, ("iot", "DetachPolicy"): 4}
    estimate = Estimate(calls, 0.4, Bottleneck("DetachPolicy", 4, 10.0))
    assert render(evolve(make_sample_plan(UPDATE), estimate=estimate)).split("\n")[-5:-2] == [
        "API calls  8, at least 0.40 s under AWS quotas",
        "  4  iot:AttachPolicy",
        "  4  iot:DetachPolicy  at 10 per second: 0.40 s",
    ]


def test_a_shared_quota_is_explained_by_its_own_name():
    calls = {("iot", "RegisterCertificate"): 20, ("iot", "RegisterThing"): 10}
    estimate = Estimate(calls, 2.0, Bottleneck("device_certificate_registrations", 30, 15.0))
    assert render(evolve(make_sample_plan(UPDATE), estimate=estimate)).split("\n")[-6:-2] == [
        "API calls  30, at least 2.0 s under AWS quotas",
        "  20  iot:RegisterCertificate",
        "  10  iot:RegisterThing",
        "  30 of them are device certificate registrations, at 15 per second: 2.0 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
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
def test_a_duration_is_formatted_with_the_units_people_use(seconds, expected):
    assert format_duration(seconds) == expected


@pytest.mark.parametrize("kind", all_kinds())
def test_every_kind_has_a_plural(kind):
    assert format_kind(kind, 2) == {"policies": "policies", "role_aliases": "role aliases"}.get(
        kind, f"{format_kind(kind)}s"
    )
