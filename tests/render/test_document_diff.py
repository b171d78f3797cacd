"""Documents, requests and files in a plan: short, and where something differs, what."""

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
from reconciler.render.text.comparison import render_comparison_text
from reconciler.render.text.plan import COLORS, render_plan_text
from reconciler.render.views.comparison import build_comparison_view
from reconciler.render.views.format_value import format_value
from reconciler.render.views.plan import build_plan_view
from tests.support.sample_plans import plan, resource

PUBLISH = {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}
CONNECT = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
REQUEST = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\nBBBB\n-----END CERTIFICATE REQUEST-----\n"


def policy(*statements, source=None):
    return Document.from_value({"Version": "2012-10-17", "Statement": list(statements)}, source)


def update(before, after):
    wanted = resource("policies", "telemetry", Policy(after), 8)
    live = Live("telemetry", Policy(before), owner="greenhouse")
    return Update(wanted, live, (FieldChange("document", before, after),))


def rows(change, *calls, requests=False):
    """What a plan says of one change, its first line and all below."""
    made = plan(Step(change, calls))
    lines = [line.plain for line in render_plan_text(build_plan_view(made, requests=requests), 100)]
    start = next(place for place, line in enumerate(lines) if line.startswith("  "))
    return lines[start : lines.index("", start)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            policy(PUBLISH),
            "{ Version = 2012-10-17, Statement = [{ Effect = Allow, Action = iot:Publish, Resource = * }] }",
        ),
        (policy(PUBLISH, CONNECT), "{ Version, Statement }"),
        (policy(PUBLISH, CONNECT, source="big.json"), "{ Version, Statement } (big.json)"),
        (OutputFile("pki/a.pem", "/x/pki/a.pem"), "will be written to pki/a.pem"),
        (OutputFile("pki/a.pem", "/x/pki/a.pem", "-----BEGIN…"), "pki/a.pem"),
        (REQUEST, "a signing request, sha256:d5651e9a7a22…"),
        ('{\n "a": ["b", 1]\n}', """'{"a":["b",1]}'"""),
        ('say "no"', """'say "no"'"""),
        ('it\'s "no"', r'"it' + "'" + r's \"no\""'),
        ("{\nno json", r'"{\nno json"'),
    ],
)
def test_every_value_is_short_and_true(value, expected):
    assert format_value(value).text == expected


def test_of_a_document_that_differs_the_plan_says_where():
    before = policy({**PUBLISH, "Condition": {"Bool": {"x": "true"}}}, CONNECT)
    after = policy({**PUBLISH, "Action": ["iot:Publish", "iot:Receive"]}, {**CONNECT, "Sid": "Connect"})
    assert rows(update(before, after)) == [
        "  ~ update   policies.telemetry  desired_state.toml:8 · 0 calls",
        "             ~ document.Statement[0].Action     + iot:Receive",
        "             - document.Statement[0].Condition  { Bool = { x = true } }",
        "             + document.Statement[1].Sid        Connect",
    ]


def test_a_list_that_gets_longer_is_told_by_what_is_new():
    assert rows(update(policy(PUBLISH), policy(PUBLISH, CONNECT)))[1:] == [
        "             ~ document.Statement  + { Action = [iot:Connect], Effect = Allow, Resource = [*] }"
    ]


def test_a_list_that_is_new_in_a_document_is_told_whole():
    before, after = (
        Document.from_value({"name": {"Ref": "N"}}),
        Document.from_value({"name": {"Join": ["-", ["a", "b"]]}}),
    )
    assert rows(update(before, after))[1:] == [
        "             - document.name.Ref   N",
        "             + document.name.Join  [-, [a, b]]",
    ]


def test_of_many_differences_the_first_are_told_and_how_many_more_there_are():
    before = Document.from_value({f"k{number:02}": 1 for number in range(11)})
    after = Document.from_value({f"k{number:02}": 2 for number in range(11)})
    assert rows(update(before, after))[-2:] == [
        "             ~ document.k07  1 → 2",
        "             ~ document      and 3 more differences in it",
    ]


def test_show_puts_only_the_parts_that_differ_beside_each_other():
    change = update(policy(PUBLISH, CONNECT), policy(PUBLISH, {**CONNECT, "Resource": "a"}))
    view = build_comparison_view(change.address, change.resource, change.live, change)
    assert "\n".join(line.plain for line in render_comparison_text(view, 100)) == (
        "policies.telemetry\n"
        "in the file    desired_state.toml:8\n"
        "registered as  telemetry · owned by greenhouse\n"
        "\n"
        "  attribute                       in the file       in the registry\n"
        "≠ document.Statement[1].Resource  [a]               [*]\n"
        "\n"
        "~ update is what a plan would do."
    )


def test_a_file_that_will_be_written_is_told_with_the_certificate_and_with_the_call():
    output = OutputFile("pki/a.pem", "/x/pki/a.pem")
    change = Create(resource("certificates", "a", Certificate(csr=REQUEST, save_to=output)))
    call = ApiCall(
        "iot",
        "CreateCertificateFromCsr",
        {"certificateSigningRequest": REQUEST},
        output_files=(SavedMember("certificatePem", output),),
    )
    assert rows(change, call, requests=True) == [
        "  + create   certificates.a  desired_state.toml:1 · 1 call",
        "             csr      a signing request, sha256:d5651e9a7a22…",
        "             save_to  will be written to pki/a.pem",
        "             1. iot:CreateCertificateFromCsr  writes certificatePem to pki/a.pem",
        "                certificateSigningRequest  a signing request, sha256:d5651e9a7a22…",
    ]


def test_a_step_that_waits_says_for_how_long_at_the_most():
    change = Delete(Address("thing_types", "pump"), Live("pump", None))
    call = ApiCall("iot", "DeleteThingType", {"thingTypeName": "pump"}, timeout_seconds=360)
    assert rows(change, call, requests=True) == [
        "  - delete   thing_types.pump  1 call · waits for at most 6 min",
        "             1. iot:DeleteThingType  repeated for at most 6 min",
        "                thingTypeName  pump",
    ]


def test_a_resource_of_a_fleet_is_told_with_its_row():
    origin = Origin("desired_state.toml", 8, ManifestRow("devices.csv", 3))
    change = Create(Resource(Address("policies", "p"), Policy(policy()), origin=origin))
    assert rows(change)[0] == "  + create   policies.p  desired_state.toml:8 (devices.csv:3) · 0 calls"


def test_a_remark_is_calmer_than_a_warning():
    notes = (
        Note("warning", "it expires on 2026-01-04", Address("certificates", "a")),
        Note("info", "kept with its successor until 2026-01-04 10:00 UTC", Address("certificates", "b")),
    )
    lines = [
        line
        for line in render_plan_text(build_plan_view(plan(notes=notes)), 100)
        if "certificates" in line.plain
    ]
    assert [(line.plain, str(line.spans[0].style)) for line in lines] == [
        ("  ! warning    certificates.a  it expires on 2026-01-04", COLORS["warning"]),
        ("  · info       certificates.b  kept with its successor until 2026-01-04 10:00 UTC", "dim"),
    ]


EVERY_KIND = """
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


def test_a_plan_of_many_kinds_reads_like_one(run, authority):
    Path("ca.pem").write_text(authority.pem)
    Path("devices.csv").write_text("serial,site\nd-1,oslo\nd-2,bergen\n")
    Path("desired_state.toml").write_text(EVERY_KIND)
    code, out, err = run("plan")
    titles = sorted(line for line in out.split("\n") if " to create" in line and line[0] != " ")
    assert (code, err, titles) == (
        0,
        "",
        [
            "Billing groups  1 to create",
            "CA certificates  1 to create",
            "Policies  1 to create",
            "Role aliases  1 to create",
            "Thing groups  1 to create",
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
        "             searchable_attributes   + house   + site\n"
        "             propagating_attributes  + { user_property_key = where, thing_attribute = site }"
    )
