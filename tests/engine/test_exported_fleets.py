"""Exports with `for_each` declare the same resources as those with a table for each resource."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.export.files import write_manifests
from reconciler.engine.export.fleet import group_into_fleets
from reconciler.engine.export.tables import Table
from reconciler.engine.export.toml_writer import render_tables, render_workspace_table
from reconciler.engine.load.load import load
from reconciler.kinds.base.normalize import normalize_resources
from reconciler.model.address import Address
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import converge, make_state, plan_state
from tests.support.examples import examples
from tests.support.exports import export_registry, load_export
from tests.support.json_schema_validation import assert_schema_accepts
from tests.support.odd_registry import ODDITIES
from tests.support.pki import Authority
from tests.support.registry_client import Cloud

CLOUD = Cloud()
AUTHORITY = Authority("Makers")


def load_fleets(tables, folder, min_devices=2):
    """Write tables as fleets to a folder, and return the desired state of the file and its text."""
    folder = Path(folder)
    fleets = group_into_fleets(tables, lambda name: (folder / name).exists(), min_devices=min_devices)
    path = folder / "desired_state.toml"
    text = render_workspace_table({"name": "ws"}) + "\n" + render_tables(fleets.tables)
    with write_manifests(folder, fleets.manifests):
        path.write_text(text, "utf-8")
    assert_schema_accepts(path)
    return load(path, constraints=ServiceModelConstraints(), environ={}), text


def normalize(resources):
    """Return resources as AWS stores them: an empty cell of an attribute is the same as no attribute."""
    return normalize_resources(dict(sorted(resources.items())))


@examples(8)
@given(desired_states(), st.sampled_from([(), *((name,) for name in sorted(ODDITIES))]))
def test_a_fleet_declares_the_same_resources_as_single_tables(fleet, oddities):
    cloud = CLOUD.reset()
    for name in oddities:
        ODDITIES[name](cloud)
    if not oddities:
        converge(fleet, cloud)
    export = export_registry(cloud)
    with tempfile.TemporaryDirectory() as folder:
        desired, _ = load_fleets(export.tables, folder)
    assert normalize(desired.resources) == normalize(load_export(export).resources)


def test_a_manifest_has_no_invisible_characters_or_workflow_commands():
    notes = ("x\n::error::pwned", "##[add-mask]x", "\u202ered", "\x1b[31m", "-----BEGIN CERTIFICATE-----\nx")
    tables = [
        Table(Address("thing_groups", f"g-{number}"), {"tags": {"note": note}})
        for number, note in enumerate((*notes, "plain", "plainer"))
    ]
    fleets = group_into_fleets(tables, lambda _: False, min_devices=2)
    assert [manifest.rows for manifest in fleets.manifests] == [(("g-5", "plain"), ("g-6", "plainer"))]


def fill_with_devices(cloud, count):
    """Create things of two types by hand, each with a certificate; every fifth has one more attribute."""
    iot = cloud.reset().iot
    iot.create_policy(policyName="telemetry", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    for name in ("pump", "valve"):
        iot.create_thing_type(thingTypeName=name)
    for number in range(count):
        name, site = f"d-{number:04}", ("oslo", "bergen")[number % 2]
        attributes = {"site": site, "serial": f"SN{number}"} | ({"note": "x,y"} if number % 5 == 0 else {})
        pem = AUTHORITY.get_device_pem(f"d-{number % 20}", number // 20)
        arn = iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")["certificateArn"]
        iot.attach_policy(policyName="telemetry", target=arn)
        thing_type = ("pump", "valve")[number % 3 == 0]
        iot.create_thing(
            thingName=name, thingTypeName=thing_type, attributePayload={"attributes": attributes}
        )
        iot.attach_thing_principal(thingName=name, principal=arn)


def test_devices_made_by_hand_become_one_fleet_for_each_type_and_plan_only_ownership(tmp_path):
    fill_with_devices(CLOUD, 40)
    before = CLOUD.read_content()
    desired, text = load_fleets(export_registry(CLOUD).tables, tmp_path, min_devices=5)
    assert text == EXPECTED_TOML
    with (tmp_path / "things-pump.csv").open(newline="") as file:
        header, first_row, *_ = csv.reader(file)
    assert header == ["pump_name", "site", "serial", "note", "pem"]
    assert first_row[:4] == ["d-0001", "bergen", "SN1", ""]
    plan = plan_state(desired, CLOUD, adopt=desired.resources)
    paths = {
        field.path for step in plan.steps if step.change.action == "update" for field in step.change.fields
    }
    assert paths == {"workspace"}
    converge(desired, CLOUD, adopt=desired.resources)
    assert plan_state(desired, CLOUD).steps == ()
    assert CLOUD.read_content()["certificates"] == before["certificates"]


EXPECTED_TOML = """\
[workspace]
name = "ws"

[policies.telemetry]
document = '{"Version": "2012-10-17", "Statement": []}'

[thing_types.pump]

[thing_types.valve]

[certificates."{pump_name}"]
for_each = {file = "things-pump.csv"}
pem = "{pem}"
certificate_mode = "SNI_ONLY"
policies = ["telemetry"]

[certificates."{valve_name}"]
for_each = {file = "things-valve.csv"}
pem = "{pem}"
certificate_mode = "SNI_ONLY"
policies = ["telemetry"]

[things."{pump_name}"]
for_each = {file = "things-pump.csv"}
thing_type = "pump"
attributes = {site = "{site}", serial = "{serial}", note = "{note}"}
certificates = ["{pump_name}"]

[things."{valve_name}"]
for_each = {file = "things-valve.csv"}
thing_type = "valve"
attributes = {site = "{site}", serial = "{serial}", note = "{note}"}
certificates = ["{valve_name}"]
"""


def test_certificates_of_a_fleet_can_be_files(tmp_path):
    fill_with_devices(CLOUD, 6)
    export = export_registry(CLOUD, pem_dir=tmp_path / "pki", base=tmp_path)
    desired, text = load_fleets(export.tables, tmp_path)
    assert 'pem = {file = "pki/certificates/{pump_name}.pem"}' in text
    assert normalize(desired.resources) == normalize(load_export(export_registry(CLOUD)).resources)


_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@examples(30)
@given(st.lists(st.tuples(_texts, st.dictionaries(_texts, _texts, max_size=3)), unique_by=lambda row: row[0]))
def test_any_texts_come_back_from_the_csv_file(rows):
    """The texts may have commas, quotes, line breaks and braces, and be the names of columns."""
    tables = [Table(Address("things", name), {"attributes": attributes}) for name, attributes in rows]
    fleets = group_into_fleets(tables, lambda _: False, min_devices=2)
    fields = {table.address.name: table.fields for table in fleets.tables if "for_each" not in table.fields}
    for manifest in fleets.manifests:
        (table,) = [
            table for table in fleets.tables if table.fields.get("for_each") == {"file": manifest.file}
        ]
        for row in manifest.rows:
            cells = dict(zip(manifest.columns, row, strict=True))
            entries = {
                key: _fill(text, cells, manifest.columns[0])
                for key, text in table.fields["attributes"].items()
            }
            name = row[0]
            fields[name] = {"attributes": {key: text for key, text in entries.items() if text}}
    assert fields == {name: {"attributes": attributes} for name, attributes in rows}


def _fill(text, cells, name_column):
    for column, cell in cells.items():
        if text == f"{{{column}}}":
            return cell
    return text.replace(f"{{{name_column}}}", cells[name_column])


def test_files_that_exist_keep_their_content_and_another_name_is_used(tmp_path):
    (tmp_path / "things.csv").write_text("mine")
    tables = [Table(Address("things", name), {"attributes": {"a": name * 2}}) for name in "abcde"]
    desired, text = load_fleets(tables, tmp_path)
    assert text.splitlines()[-2] == 'for_each = {file = "things-2.csv"}'
    assert (tmp_path / "things.csv").read_text() == "mine"
    assert len(desired.resources) == len(tables)


def test_a_registry_without_alike_resources_has_no_manifest():
    tables = export_registry(CLOUD.reset()).tables
    assert group_into_fleets(tables, lambda _: False).manifests == ()
    assert make_state().resources == {}
