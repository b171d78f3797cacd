"""Exports: a plan of the exported file changes none of its resources, and omissions are reported.

Resources of other workspaces are not exported.
"""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given

from reconciler.engine.export.export import Table, export_tables, read_inventory
from reconciler.engine.export.files import build_pem_writer
from reconciler.engine.export.toml_writer import render_tables
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioning_profiles import ProvisioningProfile
from reconciler.kinds.shared.ownership_markers import is_marker_name
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import ReconcilerError
from reconciler.model.pem import Pem
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    converge,
    list_failures,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.examples import examples
from tests.support.exports import export_registry, load_export
from tests.support.registry_client import PLAIN_APIS, Cloud

CLOUD = Cloud()


@examples(10)
@given(desired_states())
@example(make_state())
def test_the_plan_of_an_exported_fleet_only_deletes_what_the_export_left_out(fleet):
    cloud = CLOUD.reset()
    converge(fleet, cloud)
    export = export_registry(cloud)
    plan = plan_state(load_export(export), cloud)
    # The plan would delete the resources that cannot be exported, and do nothing else. It would also delete an ownership marker
    # that nothing else needs.
    actions = {
        step.address: step.change.action for step in plan.steps if not is_marker_name(step.address.name)
    }
    assert actions == dict.fromkeys(export.left_out, "delete")
    assert {address.kind for address in export.left_out} <= {"provisioning_profiles"}


@examples(5)
@given(desired_states())
def test_adopting_an_exported_unmanaged_registry_only_sets_tags(fleet):
    """Only kinds whose ownership is recorded in tags alone are tested: `ADOPTED_KINDS`."""
    cloud = CLOUD.reset()
    resources = [
        item
        for item in fleet.resources.values()
        if ADOPTED_KINDS.issuperset({item.address.kind, *(address.kind for address in item.dependencies)})
    ]
    converge(make_state(*resources), cloud)
    _remove_ownership_tags(cloud)
    desired = load_export(export_registry(cloud, "other"), "other")
    before = cloud.read_content()
    plan = plan_state(desired, cloud, adopt=list(desired.resources))
    assert list_failures(apply(plan, cloud)) == []
    assert not plan_state(desired, cloud)
    assert _remove_tags(cloud.read_content()) == _remove_tags(before)


ADOPTED_KINDS = frozenset(
    {"policies", "billing_groups", "thing_types", "role_aliases", "provisioning_templates", *PLAIN_APIS}
)


def _remove_ownership_tags(cloud):
    """Remove the ownership tags, as if all resources had been created by hand."""
    for operation, list_member, arn_member in (
        ("list_policies", "policies", "policyArn"),
        ("list_billing_groups", "billingGroups", "groupArn"),
        ("list_thing_types", "thingTypes", "thingTypeArn"),
        ("list_provisioning_templates", "templates", "templateArn"),
    ):
        for item in getattr(cloud.iot, operation)()[list_member]:
            cloud.iot.untag_resource(
                resourceArn=item[arn_member], tagKeys=["reconciler:workspace", "reconciler:name"]
            )
    for table in PLAIN_APIS:
        for arn, _ in cloud.describe_plain(table).values():
            cloud.iot.untag_resource(resourceArn=arn, tagKeys=["reconciler:workspace", "reconciler:name"])
    for name in cloud.iot.list_role_aliases()["roleAliases"]:
        arn = cloud.iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]["roleAliasArn"]
        cloud.iot.untag_resource(resourceArn=arn, tagKeys=["reconciler:workspace", "reconciler:name"])


def _remove_tags(content):
    """Return a registry's content of the adopted kinds, without tags."""
    return {
        kind: {
            name: {key: value for key, value in item.items() if key != "tags"} for name, item in items.items()
        }
        for kind, items in content.items()
        if kind in ADOPTED_KINDS
    }


def test_the_text_is_idiomatic_toml():
    cloud = CLOUD.reset()
    policy = Policy(Document.from_value({"Version": "2012-10-17", "Statement": []}), {"line": "A"})
    fleet = (
        make_resource("policies", "p", policy),
        make_resource("things", "pump-1", Thing(attributes={"site": "oslo"})),
    )
    converge(make_state(*fleet, make_managed_thing("m", thing="pump-1")), cloud)
    assert render_tables(export_registry(cloud).tables) == EXPECTED_TOML


EXPECTED_TOML = """\
[policies.p]
document = '{"Version":"2012-10-17","Statement":[]}'
tags = {line = "A"}

[things.pump-1]
attributes = {site = "oslo"}

# authentication_material: a secret, which is not written; set it in the environment variable M_AUTHENTICATION_MATERIAL
[managed_things.m]
role = "DEVICE"
authentication_material = {env = "M_AUTHENTICATION_MATERIAL"}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
thing = "pump-1"
name = "m"
"""


def test_other_workspaces_and_markers_are_left_out_and_unmanaged_resources_listed():
    cloud = CLOUD.reset()
    converge(make_state(make_ca(), *make_device("a"), workspace="ws"), cloud)
    converge(make_state(make_ca("beta"), make_resource("things", "b", Thing()), workspace="theirs"), cloud)
    cloud.iot.create_thing(thingName="by-hand")
    export = export_registry(cloud)
    assert sorted(str(table.address) for table in export.tables) == [
        "ca_certificates.alpha",
        "certificates.a",
        "things.a",
        "things.by-hand",
    ]
    assert export.unmanaged == (Address("things", "by-hand"),)


def test_exported_resources_refer_by_id_to_resources_that_are_not_exported():
    cloud = CLOUD.reset()
    converge(make_state(make_ca(), *make_device("a", site="oslo"), *make_device("b")), cloud)
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a", 1))
    assert export_registry(cloud, patterns=["things.a"]).tables == (
        Table(
            Address("things", "a"),
            {"attributes": {"site": "oslo"}, "certificates": [{"id": pem.fingerprint}]},
        ),
    )


def test_a_pattern_of_an_export_is_a_kind_or_matches_addresses():
    cloud = CLOUD.reset()
    converge(make_state(make_ca(), *make_device("a"), *make_device("b")), cloud)
    export = export_registry(cloud, patterns=["certificates", "*.b"])
    assert [str(table.address) for table in export.tables] == [
        "certificates.a",
        "certificates.b",
        "things.b",
    ]


def test_a_resource_without_its_required_values_is_left_out_with_the_reason():
    cloud = CLOUD.reset()
    profile = ProvisioningProfile("JITR", ca_certificate=Pem.parse(AUTHORITIES["alpha"].pem))
    converge(make_state(make_resource("provisioning_profiles", "e", profile)), cloud)
    export = export_registry(cloud)
    assert (export.tables, export.left_out) == (
        (),
        {Address("provisioning_profiles", "e"): "AWS does not return its ca_certificate"},
    )


def test_certificates_are_written_to_files_and_no_name_leads_out_of_the_folder(tmp_path):
    cloud = CLOUD.reset()
    pem = AUTHORITIES["alpha"].get_device_pem("a")
    spec = Certificate(Pem.parse(pem), certificate_mode="SNI_ONLY")
    converge(make_state(make_resource("certificates", "../../evil", spec)), cloud)
    desired = make_state(make_resource("certificates", "../../evil", spec))
    export = export_tables(
        "ws", read_inventory(desired, cloud.call), build_pem_writer(tmp_path / "pki", tmp_path)
    )
    (table,) = (table for table in export.tables if table.address.kind == "certificates")
    name = table.fields["pem"]["file"]
    assert name == f"pki/certificates/-..-evil-{Pem.parse(pem).fingerprint[:12]}.pem"
    assert Pem.parse((tmp_path / name).read_text()) == Pem.parse(pem)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]


def test_a_certificate_does_not_overwrite_a_file_with_other_content(tmp_path):
    write_pem = build_pem_writer(tmp_path / "pki", tmp_path)
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a", 1))
    path = tmp_path / "pki/certificates/a.pem"
    assert write_pem(Address("certificates", "a"), pem) == write_pem(Address("certificates", "a"), pem)
    path.write_text("theirs")
    with pytest.raises(ReconcilerError) as caught:
        write_pem(Address("certificates", "a"), pem)
    message = f"{path} already exists with other content and was not overwritten; move it away"
    assert (str(caught.value), path.read_text()) == (message, "theirs")


def test_hostile_names_values_and_comments_cannot_break_out_of_their_place_in_the_file():
    hostile_text = 'a"]\n[things.evil]\n# \x1b[31m'
    table = Table(
        Address("things", hostile_text), {"attributes": {hostile_text: hostile_text}}, (hostile_text,)
    )
    text = render_tables([table])
    assert tomllib.loads(text) == {"things": {hostile_text: {"attributes": {hostile_text: hostile_text}}}}
    assert "\x1b" not in text


# ── the command ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["--kind", "thing"],
            1,
            "error: invalid value for '--kind': 'thing' is not a resource kind; did you mean 'things'?",
        ),
        (["--pem-dir", "/tmp"], 1, "error: /tmp is outside"),
    ],
)
def test_an_impossible_export_is_explained(run_in_starter, words, code, message):
    exit_code, out, err = run_in_starter("export", *words)
    assert (exit_code, out) == (code, "")
    assert err.startswith(message)
