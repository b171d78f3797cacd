"""Make a plan: refresh, compare, select, check, order, estimate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from reconciler.engine.ownership.lease import find_lease_holder
from reconciler.engine.plan.adoption import resolve_adopt_patterns
from reconciler.engine.plan.checks import check_plan
from reconciler.engine.plan.compare import build_plan_context
from reconciler.engine.plan.notes import collect_edge_notes, collect_notes
from reconciler.engine.plan.outside import check_outside
from reconciler.engine.plan.read_states import read_states
from reconciler.engine.plan.read_tracker import Progress
from reconciler.engine.plan.reread_pages import choose_reread_pages
from reconciler.engine.plan.selection import find_unmatched, select_changes
from reconciler.engine.plan.step_facts import collect_step_facts
from reconciler.engine.plan.steps import build_steps
from reconciler.engine.plan.unmanaged import find_unmanaged
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Note, Plan, Target
from reconciler.model.plan_options import PlanOptions
from reconciler.model.quota import Quotas
from reconciler.model.run import RunCall
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.engine.remembered.edges import RememberedEdges


def make_plan(  # noqa: PLR0913 (each is one thing that a plan depends on)
    state: DesiredState,
    options: PlanOptions,
    *,
    target: Target,
    call: Call,
    quotas: Quotas,
    progress: Progress,
    unanswered_calls: Sequence[RunCall] = (),
    remembered: RememberedEdges | None = None,
) -> Plan:
    """Return the plan that makes the registry like the desired state; every call only reads.

    `unanswered_calls` are those of ended runs that may have created resources. Without `remembered`, all edges are read.

    Raises PlanRejectedError with every reason to reject the plan, SelectionError, AwsError and TargetError.
    """
    workspace = state.settings.name
    comparison, edges = read_states(
        state,
        call,
        progress,
        destroying=options.destroy,
        unanswered_calls=unanswered_calls,
        remembered=remembered,
    )
    context = build_plan_context(workspace, target, comparison)
    options = resolve_adopt_patterns(options, comparison, workspace)
    addresses = select_changes(state, options, comparison, context)
    if options.destroy and comparison.changes.keys() <= addresses:
        context = evolve(context, destroys_all=True)
    selected_comparison = comparison.restrict_to(addresses)
    holder = find_lease_holder(workspace, call)
    outside_check = check_outside(selected_comparison.changes, context, call, progress)
    check_plan(state, options, selected_comparison, context, holder, outside_check.errors)
    steps = build_steps(selected_comparison, context, state.resources)
    facts = collect_step_facts(workspace, target, steps)
    if facts.missing_secrets:
        raise PlanRejectedError(facts.missing_secrets)
    unmanaged = find_unmanaged(comparison)
    plan_notes = collect_notes(
        state, options, selected_comparison, context, facts, quotas, holder=holder, unmanaged=unmanaged
    )
    notes = [*collect_edge_notes(edges), *outside_check.notes, *plan_notes]
    also_modified = {address for others in facts.also_modified.values() for address in others}
    unchanged = sum(
        address in addresses and address not in selected_comparison.changes and address not in also_modified
        for address in comparison.desired
    )
    return Plan(
        workspace=workspace,
        target=target,
        steps=steps,
        digest=facts.digest,
        estimate=quotas.estimate(facts.calls),
        unchanged=unchanged,
        notes=tuple(note for note in notes if _is_relevant(note, options, addresses)),
        options=options,
        file_digest=state.digest,
        environment=state.environment_name,
        variables=state.chosen_variables,
        manifest_sources=state.manifest_sources,
        edges=edges,
        basis=evolve(
            comparison.basis, reread_pages=choose_reread_pages(selected_comparison, target, state.settings)
        ),
        unmanaged=unmanaged,
        secrets=facts.secrets,
        unmatched=find_unmatched(comparison, options.select, options.exclude)
        if options.allow_unmatched
        else (),
    )


def _is_relevant(note: Note, options: PlanOptions, addresses: Collection[Address]) -> bool:
    """Return whether a plan has the note; a partial plan has none about an address that is not selected."""
    return not options.is_partial or note.address is None or note.address in addresses
