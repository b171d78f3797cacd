"""`moved` in a table with `for_each`: an empty cell means that the row's resource had no other name."""

from __future__ import annotations

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.address import Address
from reconciler.model.errors import InvalidDesiredStateError
from tests.support.desired_states import converge, plan_state
from tests.support.json_schema_validation import assert_schema_accepts
from tests.support.registry_client import Cloud


def load_fleet(folder, rows, source):
    (folder / "devices.csv").write_text("name,was\n" + rows)
    path = folder / "desired_state.toml"
    path.write_text(
        '[workspace]\nname = "ws"\n[things."{name}"]\nfor_each = { file = "devices.csv" }\n'
        f'moved = {{ from = "{source}" }}\nattributes = {{ site = "oslo" }}\n'
    )
    assert_schema_accepts(path)
    return load(path, constraints=ServiceModelConstraints(), environ={})


@pytest.mark.parametrize(("source", "cell"), [("things.{was}", "pump-2"), ("{was}", "things.pump-2")])
def test_one_row_of_a_fleet_is_renamed_and_the_others_stay(tmp_path, source, cell):
    cloud = Cloud()
    converge(load_fleet(tmp_path, "pump-1,\npump-2,\npump-3,\n", source), cloud)
    renamed = load_fleet(tmp_path, f"pump-1,\npump-two,{cell}\npump-3,\n", source)
    assert renamed.moved == {Address("things", "pump-2"): Address("things", "pump-two")}
    changes = {str(step.address): step.change.action for step in plan_state(renamed, cloud).steps}
    assert changes == {"things.pump-2": "delete", "things.pump-two": "create"}
    converge(renamed, cloud)
    assert plan_state(renamed, cloud).steps == ()


def test_an_empty_text_in_a_single_table_means_no_former_address_too(tmp_path):
    path = tmp_path / "desired_state.toml"
    path.write_text('[workspace]\nname = "ws"\n[things.a]\nmoved = { from = "" }\n')
    assert_schema_accepts(path)
    assert load(path, constraints=ServiceModelConstraints(), environ={}).moved == {}


def test_a_wrong_former_name_is_reported_with_its_row_and_empty_cells_are_not(tmp_path):
    with pytest.raises(InvalidDesiredStateError) as caught:
        load_fleet(tmp_path, "a,\nb,pump\n", "{was}")
    messages = [
        f"{diagnostic.address} {diagnostic.field}: {diagnostic.problem}"
        for diagnostic in caught.value.diagnostics
    ]
    assert messages == ["things.b moved.from: devices.csv:3, column 'was': 'pump' is not a valid address"]
