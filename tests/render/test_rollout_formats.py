"""Rollouts of many environments in Markdown and HTML: short, complete, and safe against hostile names."""

from __future__ import annotations

import re

from attrs import evolve

from reconciler.model.plan import Note, Step, Target
from reconciler.render.html.page import render_html_page
from reconciler.render.markdown_rollout import render_rollout_markdown
from reconciler.render.views.alike_plans import EnvironmentNames, merge_plans
from reconciler.render.views.labels import format_kind
from reconciler.render.views.plan import PlanView, build_plan_view
from reconciler.render.views.rollout import EnvironmentGroup, EnvironmentRow, RolloutView
from tests.support.sample_plans import CREATION, DELETION, HOSTILE_TEXT, make_sample_plan

DELETED_KIND = format_kind(DELETION.address.kind)
WARNING = Note("warning", "allows every action on every resource", CREATION.address)


def make_plan(account: int, *steps: Step, notes: tuple[Note, ...] = ()) -> PlanView:
    target = Target("aws", "eu-west-1", f"{account:012}")
    return build_plan_view(evolve(make_sample_plan(*steps, notes=notes), target=target))


def make_group(names: list[str], *steps: Step, notes: tuple[Note, ...] = ()) -> EnvironmentGroup:
    plans = [make_plan(number, *steps, notes=notes) for number in range(len(names))]
    rows = tuple(
        EnvironmentRow(name, "planned", "plant", plan.target, plan.digest, plan.counts, calls=len(steps))
        for name, plan in zip(names, plans, strict=True)
    )
    all_names = [
        EnvironmentNames(name, "plant", f"{number:012}", "eu-west-1") for number, name in enumerate(names)
    ]
    return EnvironmentGroup(rows, plan=merge_plans(list(zip(all_names, plans, strict=True))))


def make_view(*groups: EnvironmentGroup, problems: tuple[EnvironmentGroup, ...] = ()) -> RolloutView:
    total = sum(len(group.rows) for group in (*groups, *problems))
    return RolloutView(
        "plan", "desired_state.toml", total, "0" * 12, groups, problems=problems, counts={"create": total}
    )


MANY = make_view(
    make_group([f"prod-{number}" for number in range(98)], CREATION, notes=(WARNING,)),
    make_group(["dev", "staging"], CREATION, DELETION),
)


def remove_folded(text: str) -> list[str]:
    return re.sub(r"<details>.*?</details>\n", "", text, flags=re.DOTALL).strip().splitlines()


def test_the_comment_of_a_hundred_environments_fits_on_a_screen_and_names_what_is_dangerous():
    lines = remove_folded(render_rollout_markdown(MANY))
    assert len(lines) <= 20
    first_names = ", ".join(f"prod-{number}" for number in range(20))
    assert lines[-4:] == [
        "```text",
        f"dev, staging: delete 1 {DELETED_KIND}: {DELETION.address}",
        f"{first_names} and 78 more: warning: {CREATION.address}: {WARNING.text}",
        "```",
    ]


def test_markdown_keeps_to_its_limit_and_names_the_dangers_even_then():
    text = render_rollout_markdown(MANY, limit=4_096)
    assert len(text.encode()) <= 4_096
    assert f"\ndev, staging: delete 1 {DELETED_KIND}: {DELETION.address}\n" in text


def test_hostile_names_and_errors_are_text_in_markdown_and_html():
    row = EnvironmentRow(f"`|{HOSTILE_TEXT}", "failed", message=("```", HOSTILE_TEXT))
    group = EnvironmentGroup((evolve(row, status="planned", message=()),), plan=make_plan(1, CREATION))
    view = make_view(group, problems=(EnvironmentGroup((row,)),))
    outside_code = re.sub(r"(`{3,}).*?\1|(`+)[^`].*?\2", "", render_rollout_markdown(view), flags=re.DOTALL)
    assert "<script>" not in outside_code
    assert "<script>" not in "".join(render_html_page(view))
