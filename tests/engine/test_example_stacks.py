"""Laws of the stacks of the page "Start from an example"."""

from __future__ import annotations

import pytest

from tests.support.desired_states import apply, converge, list_failures, plan_state
from tests.support.example_stacks import STACKS, load_stack, write_files
from tests.support.exports import export_registry, load_export
from tests.support.handmade_stacks import HANDMADE
from tests.support.registry_client import Cloud

pytestmark = pytest.mark.parametrize("stack", STACKS)


class NewAccount(Cloud):
    """A cloud whose account has AWS's default settings."""

    def _configure_account(self):
        """Change nothing."""


@pytest.fixture(scope="module")
def shared_cloud():
    return NewAccount()


@pytest.fixture
def cloud(shared_cloud):
    return shared_cloud.reset()


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path)


def test_a_stack_is_valid_without_warnings(stack, folder):
    desired = load_stack(folder, stack)
    assert desired.resources != {}
    assert desired.warnings == ()


def test_the_plan_of_a_new_stack_has_no_notes(stack, folder, cloud):
    assert plan_state(load_stack(folder, stack), cloud).notes == ()


def test_the_plan_after_an_apply_is_empty(stack, folder, cloud):
    converge(load_stack(folder, stack), cloud)
    plan = plan_state(load_stack(folder, stack), cloud)
    assert (plan.steps, plan.notes) == ((), ())


def test_an_export_of_an_applied_stack_plans_empty(stack, folder, cloud):
    desired = load_stack(folder, stack)
    converge(desired, cloud)
    name = desired.settings.name
    export = export_registry(cloud, name, patterns=("*",))
    assert export.left_out == {}
    assert plan_state(load_export(export, name), cloud).steps == ()


def test_a_stack_made_by_a_script_is_imported_without_changes(stack, folder, cloud):
    HANDMADE[stack](cloud.iot, folder)
    desired = load_stack(folder, stack)
    plan = plan_state(desired, cloud, adopt=desired.resources)
    changes = {step.address: step.change for step in plan.steps}
    created = {address for address, change in changes.items() if change.action == "create"}
    assert created.isdisjoint(desired.resources)
    paths = {field.path for address in changes.keys() - created for field in changes[address].fields}
    assert paths == {"workspace"}
    assert list_failures(apply(plan, cloud)) == []
    assert plan_state(load_stack(folder, stack), cloud).steps == ()


def test_a_destroy_of_a_stack_leaves_nothing(stack, folder, cloud):
    content = cloud.read_content()
    converge(load_stack(folder, stack), cloud)
    converge(load_stack(folder, stack), cloud, destroy=True)
    assert cloud.read_content() == content
