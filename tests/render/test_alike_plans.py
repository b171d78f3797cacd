"""Alike plans of environments are shown once, and nothing that approval needs is lost."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from reconciler.kinds.policies import Policy
from reconciler.model.change import Create, FieldChange
from reconciler.model.document import Document
from reconciler.model.plan import Note, Step, Target
from reconciler.render.text.plan import render_plan_changes
from reconciler.render.views.alike_plans import EnvironmentNames, get_alike_key, merge_plans
from reconciler.render.views.plan import PlanView, build_plan_view
from tests.support.sample_plans import DELETION, make_resource_at_line, make_sample_plan, make_thing_creation


def make_environment(
    number: int, *steps: Step, notes: Sequence[Note] = ()
) -> tuple[EnvironmentNames, PlanView]:
    """Make the names and the plan of one environment with an account of its own."""
    account = f"{number:012}"
    plan = evolve(make_sample_plan(*steps, notes=tuple(notes)), target=Target("aws", "eu-west-1", account))
    return EnvironmentNames(f"prod-{number}", "greenhouse", account, "eu-west-1"), build_plan_view(plan)


def make_policy(resource: str, effect: str = "Allow") -> Step:
    """Make the step that creates a policy whose document is long enough to have lines."""
    statement = {"Effect": effect, "Action": "iot:Publish", "Resource": resource}
    document = Document.from_value({"Version": "2012-10-17", "Statement": [statement]})
    return Step(Create(make_resource_at_line("policies", "telemetry", Policy(document))), ())


def make_pump(firmware: str, policies: tuple[str, ...] = ("telemetry",)) -> Step:
    fields = (
        FieldChange("attributes.firmware", None, firmware),
        FieldChange("certificates", None, policies),
    )
    return Step(make_thing_creation("pump-1", *fields), ())


def are_alike(*environments: tuple[EnvironmentNames, PlanView]) -> bool:
    return len({get_alike_key(view, names) for names, view in environments}) == 1


def render(view: PlanView) -> list[str]:
    """Return the lines of the changes and notes of a plan."""
    return [line.plain.rstrip() for line in render_plan_changes(view, 100)]


def test_documents_that_differ_only_in_account_and_environment_are_shown_once_with_placeholders():
    environments = [
        make_environment(
            number, make_policy(f"arn:aws:iot:eu-west-1:{number:012}:topic/prod-{number}/pumps/data")
        )
        for number in (1, 2)
    ]
    assert are_alike(*environments)
    shown = "\n".join(render(merge_plans(environments)))
    assert '"Resource": "arn:aws:iot:{aws.region}:{aws.account}:topic/{environment.name}/pumps/data"' in shown


def test_documents_and_lists_that_grant_different_permissions_are_never_in_one_group():
    narrow, wide = (
        "arn:aws:iot:eu-west-1:123456789012:topic/pumps/data",
        "arn:aws:iot:eu-west-1:123456789012:*",
    )
    assert not are_alike(make_environment(1, make_policy(narrow)), make_environment(2, make_policy(wide)))
    own, admin = make_pump("1"), make_pump("1", ("telemetry", "admin"))
    assert not are_alike(make_environment(1, own), make_environment(2, admin))
    assert not are_alike(make_environment(1, own), make_environment(2, own, DELETION))


def test_an_environment_named_like_an_effect_does_not_hide_the_effect():
    (_, allowed), (_, denied) = (
        make_environment(1, make_policy("arn:aws:iot:eu-west-1:123456789012:topic/pumps", effect))
        for effect in ("Allow", "Deny")
    )
    names = [EnvironmentNames(name, "greenhouse", "1", "eu-west-1") for name in ("Allow", "Deny")]
    assert get_alike_key(allowed, names[0]) != get_alike_key(denied, names[1])


def test_values_that_differ_are_counted_and_rare_ones_named_with_their_environments():
    environments = [
        make_environment(number, make_pump("2.5" if number == 7 else "2.4")) for number in range(1, 9)
    ]
    assert are_alike(*environments)
    assert render(merge_plans(environments)) == [
        "",
        "Things  1 to create",
        "  + create   things.pump-1  desired_state.toml:1 · 0 calls",
        "             attributes.firmware  2.4 (7 environments), 2.5 (prod-7)",
        "             certificates         + telemetry",
    ]


def test_a_note_of_some_environments_names_them_and_a_note_of_all_is_shown_once():
    of_all, of_one = Note("warning", "allows every action"), Note("warning", "the lease has expired")
    environments = [
        make_environment(number, make_pump("1"), notes=[of_all, *([of_one] if number == 2 else [])])
        for number in (1, 2, 3)
    ]
    assert render(merge_plans(environments))[-2:] == [
        "  ! warning    allows every action",
        "  ! warning    the lease has expired (in prod-2)",
    ]


def test_placeholders_stand_only_for_names_that_differ_between_the_environments_of_a_value():
    notes = [
        [Note("warning", f"arn:aws:iam::{number:012}:role/all lets everyone connect")] for number in (1, 2, 3)
    ]
    notes[1].append(Note("warning", "arn:aws:iam::000000000002:role/odd lets everyone publish"))
    firmware = {1: "000000000001/2.4", 2: "000000000002/2.4", 3: "000000000003/2.5"}
    environments = [
        make_environment(number, make_pump(firmware[number]), notes=notes[number - 1]) for number in (1, 2, 3)
    ]
    assert render(merge_plans(environments))[3:] == [
        "             attributes.firmware  {aws.account}/2.4 (prod-1, prod-2), 000000000003/2.5 (prod-3)",
        "             certificates         + telemetry",
        "",
        "  ! warning    arn:aws:iam::{aws.account}:role/all lets everyone connect",
        "  ! warning    arn:aws:iam::000000000002:role/odd lets everyone publish (in prod-2)",
    ]
