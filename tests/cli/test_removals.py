"""Resources that are removed from the file: deleted in excess of a limit, forgotten, or renamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import call_iot

WORKSPACE_TABLE = (
    '[workspace]\nname = "lab"\nlimits = { delete_count = 1, things = { delete_percent = 50 } }\n'
)


@pytest.fixture
def run_with_tables(run):
    """Return a function that writes a file with tables and runs a command.

    It returns the exit code, stdout and stderr of the command.
    """

    def run_command(text: str, *words: str) -> tuple[int, str, str]:
        Path("desired_state.toml").write_text(WORKSPACE_TABLE + text)
        code, out, err = run(*words)
        return code, out, err

    return run_command


def declare_pumps(*names: str) -> str:
    """Return tables that declare a thing for each name, and a thing group."""
    rows = ", ".join(f'{{ n = "{name}" }}' for name in names)
    return f'[thing_groups.hall]\n[things."pump-{{n}}"]\nfor_each = [{rows}]\n'


def test_a_limit_can_be_overridden_for_one_run_and_the_plan_notes_it(run_with_tables):
    assert run_with_tables(declare_pumps("1", "2", "3"), "apply", "--yes")[0] == 0
    code, out, err = run_with_tables(declare_pumps("1"), "plan")
    advice = "to allow it once, pass --allow-delete 2"
    assert (code, out, err) == (
        3,
        "",
        (
            "error: the plan is rejected; nothing was sent\n"
            f"  - the plan would delete 2 of 4 resources, which exceeds workspace.limits.delete_count = 1; {advice}\n"
            f"  - the plan would delete 2 of 3 things, which exceeds workspace.limits.things.delete_percent = 50; {advice}\n"
        ),
    )
    code, out, _ = run_with_tables(declare_pumps("1"), "plan", "--allow-delete", "2")
    note = "  ! warning    this run may delete up to 2 of the workspace's resources; [workspace.limits] is not checked for this"
    assert (code, [line for line in out.splitlines() if "this run" in line]) == (0, [note])
    assert run_with_tables(declare_pumps("1"), "apply", "--yes", "--allow-delete", "50%")[0] == 0


def test_a_deletion_that_takes_others_things_along_needs_an_option(run_with_tables):
    assert run_with_tables(declare_pumps("1"), "apply", "--yes")[0] == 0
    call_iot("CreateThing", thingName="theirs")
    call_iot("AddThingToThingGroup", thingGroupName="hall", thingName="theirs")
    group = "the membership of things that this workspace does not manage (theirs)"
    rejection = (
        "error: the plan is rejected; nothing was sent\n"
        f"  - thing_groups.hall: cannot delete: AWS would remove with it {group}; remove that first, or allow it with --allow-cascade\n"
    )
    for words in (("plan", "--destroy"), ("destroy", "--yes")):
        assert run_with_tables(declare_pumps("1"), *words) == (3, "", rejection)
    code, out, _ = run_with_tables(declare_pumps("1"), "plan", "--destroy", "--allow-cascade")
    assert code == 0
    assert f"AWS removes with it {group}" in " ".join(out.split())
    code, _, _ = run_with_tables(
        declare_pumps("1"), "plan", "--destroy", "--allow-cascade", "--out", "plan.json"
    )
    assert code == 0
    assert run_with_tables(declare_pumps("1"), "apply", "plan.json")[0] == 0


def test_an_invalid_limit_is_a_usage_error(run_with_tables):
    _, out, err = run_with_tables(declare_pumps("1"), "apply", "--allow-replace", "many")
    assert (out, err.splitlines()[0]) == (
        "",
        "error: invalid value for '--allow-replace': 'many' is not a valid limit; expected a count such as 50 or a percentage such as 10%, at most 100%",
    )


def test_an_instance_can_be_renamed_and_a_thing_that_is_forgotten_stays(run_with_tables):
    assert run_with_tables(declare_pumps("1", "2"), "apply", "--yes")[0] == 0
    text = (
        '[thing_groups.hall]\n[things."device-{n}"]\nfor_each = [{ n = "1" }]\n'
        'moved = { from = "things.pump-{n}" }\n[[removed]]\nfrom = "things.pump-2"\ndestroy = false\n'
    )
    code, out, _ = run_with_tables(text, "apply", "--yes")
    assert (code, "1 created, 1 deleted, 1 forgotten." in out) == (0, True)
    assert call_iot("DescribeThing", thingName="pump-2")["thingName"] == "pump-2"
    code, out, _ = run_with_tables(text, "plan")
    note = "  · info       things.pump-2  nothing to forget: this workspace manages no resource of that name; remove the [[removed]] entry"
    assert (code, note in out.splitlines()) == (0, True)
