"""What is exported and read again plans empty; what cannot be said is told; what is not ours stays out."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.export.export import Table, export_tables, read_inventory, select_matching
from reconciler.engine.export.files import pem_writer
from reconciler.engine.export.toml_writer import tables_text, workspace_text
from reconciler.engine.load.load import load
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioning_profiles import ProvisioningProfile
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import ReconcilerError
from reconciler.model.pem import Pem
from tests.support.desired_states import (
    AUTHORITIES,
    ca,
    converge,
    desired_states,
    device,
    failures,
    managed,
    plan_of,
    resource,
    run,
    state,
)
from tests.support.examples import examples
from tests.support.json_schema import accepted
from tests.support.registry_client import Cloud

CLOUD = Cloud()


def exported(cloud, workspace="ws", patterns=(), pem_dir=None, base=Path()):
    """The export of a registry by a workspace whose file says nothing."""
    found = select_matching(read_inventory(state(workspace=workspace), cloud.call), patterns)
    return export_tables(workspace, found, pem_writer(pem_dir, base))


def read_again(found, workspace="ws"):
    """What the loader makes of an export."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desired_state.toml"
        path.write_text(workspace_text({"name": workspace}) + "\n" + tables_text(found.tables), "utf-8")
        accepted(path)
        return load(path, limits=ServiceModelConstraints(), environ={})


@examples(10)
@given(desired_states())
@example(state())
def test_an_export_of_any_fleet_plans_empty(fleet):
    cloud = CLOUD.empty()
    converge(fleet, cloud)
    found = exported(cloud)
    plan = plan_of(read_again(found), cloud)
    gone = {str(step.address) for step in plan.steps if step.change.action == "delete"}
    assert (len(plan.steps), gone) == (len(found.left_out), set(map(str, found.left_out)))
    assert {address.kind for address in found.left_out} <= {"provisioning_profiles"}


@examples(5)
@given(desired_states())
def test_a_registry_that_nobody_owns_is_exported_and_adopted_whole_and_only_marks_are_set(fleet):
    """The certificates of things that nobody owns come with them; what only managed integrations tell cannot be adopted."""
    cloud = CLOUD.empty()
    kept = [found for found in fleet.resources.values() if found.address.kind in ADOPTABLE]
    converge(state(*kept), cloud)
    _unmark(cloud)
    found = read_again(exported(cloud, "other"), "other")
    before = cloud.content()
    plan = plan_of(found, cloud, adopt=_unmarked(found, cloud))
    assert failures(run(plan, cloud)) == []
    assert not plan_of(found, cloud)
    assert _facts(cloud.content()) == _facts(before)


ADOPTABLE = frozenset({"policies", "billing_groups", "thing_types", "role_aliases", "provisioning_templates"})


def _unmark(cloud):
    """As if all of it had been made by hand."""
    for listed, key, arn in (
        ("list_policies", "policies", "policyArn"),
        ("list_billing_groups", "billingGroups", "groupArn"),
        ("list_thing_types", "thingTypes", "thingTypeArn"),
        ("list_provisioning_templates", "templates", "templateArn"),
    ):
        for item in getattr(cloud.iot, listed)()[key]:
            cloud.iot.untag_resource(
                resourceArn=item[arn], tagKeys=["reconciler:workspace", "reconciler:name"]
            )
    for name in cloud.iot.list_role_aliases()["roleAliases"]:
        arn = cloud.iot.describe_role_alias(roleAlias=name)["roleAliasDescription"]["roleAliasArn"]
        cloud.iot.untag_resource(resourceArn=arn, tagKeys=["reconciler:workspace", "reconciler:name"])


def _unmarked(found, cloud):
    return list(found.resources)


def _facts(content):
    """Everything but our own tags."""
    return {
        kind: {
            name: {key: value for key, value in item.items() if key != "tags"} for name, item in items.items()
        }
        for kind, items in content.items()
        if kind in ADOPTABLE
    }


def test_the_text_is_what_a_person_would_write():
    cloud = CLOUD.empty()
    policy = Policy(Document.from_value({"Version": "2012-10-17", "Statement": []}), {"line": "A"})
    fleet = (
        resource("policies", "p", policy),
        resource("things", "pump 1".replace(" ", "-"), Thing(attributes={"site": "oslo"})),
    )
    converge(state(*fleet, managed("m", thing="pump-1")), cloud)
    assert tables_text(exported(cloud).tables) == TEXT


TEXT = """\
[policies.p]
document = '{"Version":"2012-10-17","Statement":[]}'
tags = {line = "A"}

[things.pump-1]
attributes = {site = "oslo"}

# authentication_material: a secret, which AWS does not return; set it in the environment variable M_AUTHENTICATION_MATERIAL
[managed_things.m]
role = "DEVICE"
authentication_material = {env = "M_AUTHENTICATION_MATERIAL"}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
thing = "pump-1"
name = "m"
"""


def test_what_another_workspace_owns_stays_out_and_so_do_the_marks_and_what_nobody_owns_is_told():
    cloud = CLOUD.empty()
    converge(state(ca(), *device("a"), workspace="ws"), cloud)
    converge(state(ca("beta"), resource("things", "b", Thing()), workspace="theirs"), cloud)
    cloud.iot.create_thing(thingName="by-hand")
    found = exported(cloud)
    assert sorted(str(table.address) for table in found.tables) == [
        "ca_certificates.alpha",
        "certificates.a",
        "things.a",
        "things.by-hand",
    ]
    assert found.unmanaged == (Address("things", "by-hand"),)


def test_a_selection_refers_to_the_rest_by_id():
    cloud = CLOUD.empty()
    converge(state(ca(), *device("a", site="oslo"), *device("b")), cloud)
    pem = Pem.parse(AUTHORITIES["alpha"].device("a", 1))
    assert exported(cloud, patterns=["things.a"]).tables == (
        Table(
            Address("things", "a"),
            {"attributes": {"site": "oslo"}, "certificates": [{"id": pem.fingerprint}]},
        ),
    )
    assert [str(table.address) for table in exported(cloud, patterns=["certificates", "*.b"]).tables] == [
        "certificates.a",
        "certificates.b",
        "things.b",
    ]


def test_what_aws_never_gives_back_is_left_out_and_told():
    cloud = CLOUD.empty()
    profile = ProvisioningProfile("JITR", ca_certificate=Pem.parse(AUTHORITIES["alpha"].pem))
    converge(state(resource("provisioning_profiles", "e", profile)), cloud)
    found = exported(cloud)
    assert (found.tables, found.left_out) == (
        (),
        {Address("provisioning_profiles", "e"): "AWS does not return its ca_certificate"},
    )


def test_certificates_become_files_that_no_name_leads_out_of_the_folder(tmp_path):
    cloud = CLOUD.empty()
    pem = AUTHORITIES["alpha"].device("a")
    wanted = Certificate(Pem.parse(pem), certificate_mode="SNI_ONLY")
    converge(state(resource("certificates", "../../evil", wanted)), cloud)
    known = state(resource("certificates", "../../evil", wanted))
    found = export_tables("ws", read_inventory(known, cloud.call), pem_writer(tmp_path / "pki", tmp_path))
    (table,) = found.tables
    name = table.fields["pem"]["file"]
    assert name == f"pki/certificates/-..-evil-{Pem.parse(pem).fingerprint[:12]}.pem"
    assert Pem.parse((tmp_path / name).read_text()) == Pem.parse(pem)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]


def test_no_file_of_somebody_s_is_overwritten_by_a_certificate(tmp_path):
    keep, pem = pem_writer(tmp_path / "pki", tmp_path), Pem.parse(AUTHORITIES["alpha"].device("a", 1))
    path = tmp_path / "pki/certificates/a.pem"
    assert keep(Address("certificates", "a"), pem) == keep(Address("certificates", "a"), pem)
    path.write_text("theirs")
    with pytest.raises(ReconcilerError) as caught:
        keep(Address("certificates", "a"), pem)
    told = f"{path} already exists with other content and was not overwritten; move it away"
    assert (str(caught.value), path.read_text()) == (told, "theirs")


def test_what_the_registry_says_cannot_break_out_of_its_text():
    nasty = 'a"]\n[things.evil]\n# \x1b[31m'
    table = Table(Address("things", nasty), {"attributes": {nasty: nasty}}, (nasty,))
    text = tables_text([table])
    assert tomllib.loads(text) == {"things": {nasty: {"attributes": {nasty: nasty}}}}
    assert "\x1b" not in text


# ── the command ──


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ["--kind", "thing"],
            1,
            "error: invalid value for '--kind': 'thing' is not a resource kind; did you mean 'things'?",
        ),
        (["--pem-dir", "/tmp"], 1, "error: /tmp is outside"),
    ],
)
def test_what_cannot_be_is_told(fleet, words, code, told):
    ended = fleet("export", *words)
    assert (ended[0], ended[1]) == (code, "")
    assert ended[2].startswith(told)
