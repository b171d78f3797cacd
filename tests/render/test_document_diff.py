"""New documents are shown in full, and changed ones by the parts that differ.

Signing requests and output files are shortened.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, FieldChange, Update
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.plan import Note, Step
from reconciler.model.resource import Live, ManifestRow, Origin, Resource
from reconciler.render.text.colors import COLORS
from reconciler.render.text.comparison import render_comparison_text
from reconciler.render.text.plan import render_plan_text
from reconciler.render.views.comparison import build_comparison_view
from reconciler.render.views.format_value import format_value
from reconciler.render.views.plan import build_plan_view
from tests.support.sample_plans import make_resource_at_line, make_sample_plan

PUBLISH = {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}
CONNECT = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
SIGNING_REQUEST = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\nBBBB\n-----END CERTIFICATE REQUEST-----\n"


def make_policy_document(*statements, source=None):
    return Document.from_value({"Version": "2012-10-17", "Statement": list(statements)}, source)


def make_update(before, after):
    """Make the update of a policy from one document to another."""
    desired = make_resource_at_line("policies", "telemetry", Policy(after), 8)
    live = Live("telemetry", Policy(before), owner="greenhouse")
    return Update(desired, live, (FieldChange("document", before, after),))


def render_change(change, *calls, requests=False):
    """Return the lines of a plan about one change."""
    plan = make_sample_plan(Step(change, calls))
    lines = [line.plain for line in render_plan_text(build_plan_view(plan, requests=requests), 100)]
    start = next(index for index, line in enumerate(lines) if line.startswith("  "))
    return lines[start : lines.index("", start)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            make_policy_document(PUBLISH),
            "{ Version = 2012-10-17, Statement = [{ Effect = Allow, Action = iot:Publish, Resource = * }] }",
        ),
        (make_policy_document(PUBLISH, CONNECT), "{ Version, Statement }"),
        (make_policy_document(PUBLISH, CONNECT, source="big.json"), "{ Version, Statement } (big.json)"),
        (OutputFile("pki/a.pem", "/x/pki/a.pem"), "will be written to pki/a.pem"),
        (OutputFile("pki/a.pem", "/x/pki/a.pem", "-----BEGIN…"), "pki/a.pem"),
        (SIGNING_REQUEST, "CSR sha256:d5651e9a7a22…"),
        ('{\n "a": ["b", 1]\n}', """'{"a":["b",1]}'"""),
        ('a "b"', """'a "b"'"""),
        ('it\'s "no"', '"it\'s \\"no\\""'),
        ("{\nno json", r'"{\nno json"'),
    ],
)
def test_a_value_is_short_and_accurate(value, expected):
    assert format_value(value).text == expected


def test_a_plan_shows_which_parts_of_a_document_differ():
    before = make_policy_document({**PUBLISH, "Condition": {"Bool": {"x": "true"}}}, CONNECT)
    after = make_policy_document(
        {**PUBLISH, "Action": ["iot:Publish", "iot:Receive"]}, {**CONNECT, "Sid": "Connect"}
    )
    assert render_change(make_update(before, after)) == [
        "  ~ update   policies.telemetry  desired_state.toml:8 · 0 calls",
        "             ~ document.Statement[0].Action     + iot:Receive",
        "             - document.Statement[0].Condition  { Bool = { x = true } }",
        "             + document.Statement[1].Sid        Connect",
    ]


def test_a_new_statement_is_shown_by_itself():
    assert render_change(make_update(make_policy_document(PUBLISH), make_policy_document(PUBLISH, CONNECT)))[
        1:
    ] == ["             + document.Statement[1]  { Action = [iot:Connect], Effect = Allow, Resource = [*] }"]


def test_a_new_list_in_a_document_is_shown_whole():
    before = Document.from_value({"name": {"Ref": "N"}})
    after = Document.from_value({"name": {"Join": ["-", ["a", "b"]]}})
    assert render_change(make_update(before, after))[1:] == [
        "             - document.name.Ref   N",
        "             + document.name.Join  [-, [a, b]]",
    ]


def test_a_document_with_many_differences_shows_all_of_them():
    before = Document.from_value({f"k{number:02}": 1 for number in range(11)})
    after = Document.from_value({f"k{number:02}": 2 for number in range(11)})
    assert render_change(make_update(before, after))[1:] == [
        f"             ~ document.k{number:02}  1 → 2" for number in range(11)
    ]


def test_a_comparison_shows_only_the_parts_of_a_document_that_differ():
    change = make_update(
        make_policy_document(PUBLISH, CONNECT), make_policy_document(PUBLISH, {**CONNECT, "Resource": "a"})
    )
    view = build_comparison_view(change.address, change.resource, change.live, change)
    assert "\n".join(line.plain for line in render_comparison_text(view, 100)) == (
        "policies.telemetry\n"
        "declared in  desired_state.toml:8\n"
        "live         telemetry · owned by workspace greenhouse\n"
        "\n"
        "  field                           desired           live\n"
        "≠ document.Statement[1].Resource  [a]               [*]\n"
        "\n"
        "~ update is planned."
    )


def test_an_output_file_is_shown_with_its_certificate_and_its_call():
    output = OutputFile("pki/a.pem", "/x/pki/a.pem")
    change = Create(
        make_resource_at_line("certificates", "a", Certificate(csr=SIGNING_REQUEST, save_to=output))
    )
    call = ApiCall(
        "iot",
        "CreateCertificateFromCsr",
        {"certificateSigningRequest": SIGNING_REQUEST},
        output_files=(SavedMember("certificatePem", output),),
    )
    assert render_change(change, call, requests=True) == [
        "  + create   certificates.a  desired_state.toml:1 · 1 call",
        "             csr      CSR sha256:d5651e9a7a22…",
        "             save_to  will be written to pki/a.pem",
        "             1. iot:CreateCertificateFromCsr  writes certificatePem to pki/a.pem",
        "                certificateSigningRequest  CSR sha256:d5651e9a7a22…",
    ]


def test_a_step_with_a_call_that_may_be_retried_shows_its_longest_wait():
    change = Delete(Address("thing_types", "pump"), Live("pump", None))
    call = ApiCall("iot", "DeleteThingType", {"thingTypeName": "pump"}, timeout_seconds=360)
    assert render_change(change, call, requests=True) == [
        "  - delete   thing_types.pump  1 call · waits up to 6 min",
        "             1. iot:DeleteThingType  retried for up to 6 min",
        "                thingTypeName  pump",
    ]


def test_an_instance_is_shown_with_its_manifest_row():
    origin = Origin("desired_state.toml", 8, ManifestRow("devices.csv", 3))
    change = Create(Resource(Address("policies", "p"), Policy(make_policy_document()), origin=origin))
    assert (
        render_change(change)[0] == "  + create   policies.p  desired_state.toml:8 (devices.csv:3) · 0 calls"
    )


def test_an_info_note_is_dim_and_a_warning_has_its_own_color():
    notes = (
        Note("warning", "it expires on 2026-01-04", Address("certificates", "a")),
        Note("info", "stays until 2026-01-04 10:00 UTC", Address("certificates", "b")),
    )
    lines = [
        line
        for line in render_plan_text(build_plan_view(make_sample_plan(notes=notes)), 100)
        if "certificates" in line.plain
    ]
    assert [(line.plain, str(line.spans[0].style)) for line in lines] == [
        ("  ! warning    certificates.a  it expires on 2026-01-04", COLORS["warning"]),
        ("  · info       certificates.b  stays until 2026-01-04 10:00 UTC", "dim"),
    ]


FILE_WITH_SIX_KINDS = """
[workspace]
name = "field"

[ca_certificates.factory]
pem = { file = "ca.pem" }
certificate_mode = "SNI_ONLY"

[policies.telemetry]
document = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iot:Publish", Resource = "*" }] }

[thing_types.pump]
searchable_attributes = ["site", "house"]
propagating_attributes = [{ user_property_key = "where", thing_attribute = "site" }]

[billing_groups.oslo]
description = "Everything in Oslo"

[role_aliases.locker]
role_arn = "arn:aws:iam::123456789012:role/p"

[things."{serial}"]
for_each = { file = "devices.csv" }
thing_type = "pump"
billing_group = "oslo"
attributes = { site = "{site}" }
"""


def test_a_plan_has_a_section_for_each_kind_that_it_changes(run, authority):
    Path("ca.pem").write_text(authority.pem)
    Path("devices.csv").write_text("serial,site\nd-1,oslo\nd-2,bergen\n")
    Path("desired_state.toml").write_text(FILE_WITH_SIX_KINDS)
    code, out, err = run("plan")
    titles = sorted(line for line in out.split("\n") if line.endswith(" to create") and line[0] != " ")
    assert (code, err, titles) == (
        0,
        "",
        [
            "Billing groups  1 to create",
            "CA certificates  1 to create",
            "Policies  1 to create",
            "Role aliases  1 to create",
            "Thing groups  1 to create",  # the workspace's ownership marker
            "Thing types  1 to create",
            "Things  2 to create",
        ],
    )
    blocks = out.split("\n\n")
    assert next(block for block in blocks if block.startswith("Things")) == (
        "Things  2 to create\n"
        "  + create   things.d-1  desired_state.toml:22 (devices.csv:2) · 2 calls\n"
        "             thing_type       pump\n"
        "             attributes.site  oslo\n"
        "             billing_group    oslo\n"
        "  + create   things.d-2  desired_state.toml:22 (devices.csv:3) · 2 calls\n"
        "             thing_type       pump\n"
        "             attributes.site  bergen\n"
        "             billing_group    oslo"
    )
    assert next(block for block in blocks if block.startswith("Thing types")) == (
        "Thing types  1 to create\n"
        "  + create   thing_types.pump  desired_state.toml:12 · 1 call\n"
        "             searchable_attributes          + house   + site\n"
        "             propagating_attributes[where]  { user_property_key = where, thing_attribute = site }"
    )
