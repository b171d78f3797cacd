"""Pairs of desired states to apply one after the other, and plans whose steps are in random order."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from attrs import evolve
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.kinds.base.schema import get_members
from reconciler.kinds.shared.certificate_spec import Rotation
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Delete
from reconciler.model.errors import AwsError
from reconciler.model.plan import Plan, Step
from reconciler.model.resource import Origin, Resource
from reconciler.model.secret import Secret
from reconciler.model.settings import DesiredState
from tests.support.desired_state_strategy import desired_states
from tests.support.registry_client import Cloud


class StrictCloud:
    """A cloud that records the deletions that AWS rejects, and raises AssertionError for each.

    An error that the call ignores does not count. The cloud does not raise AWS's own error, because an apply could send the
    call again after that.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.rejections: list[str] = []

    def call(self, call: ApiCall) -> Mapping[str, Any]:
        try:
            return self._cloud.call(call)
        except AwsError as error:
            if not call.operation.startswith("Delete") or error.code in call.ignored_errors:
                raise
            self.rejections.append(f"{call}: {error}")
            raise AssertionError(str(error)) from error


def order_randomly(plan: Plan, random: Random, *, deletes_first: bool) -> Plan:
    """Return the plan with its steps in a random order that their dependencies allow, never two at a time.

    With `deletes_first`, no other step comes before a deletion that could run. A missing dependency then makes most runs
    fail, not only those in which two threads race.
    """
    steps: list[Step] = []
    remaining = {step.address: step for step in plan.steps}
    previous_address: frozenset[Address] = frozenset()  # empty for the first step
    while remaining:
        ready_steps = [step for step in remaining.values() if remaining.keys().isdisjoint(step.dependencies)]
        deletions = [step for step in ready_steps if isinstance(step.change, Delete)]
        step = random.choice(deletions if deletes_first and deletions else ready_steps)
        del remaining[step.address]
        steps.append(evolve(step, dependencies=step.dependencies | previous_address))
        previous_address = frozenset({step.address})
    return evolve(plan, steps=tuple(steps))


_REFERENCE_FIELDS = frozenset(
    {
        "billing_group",
        "certificates",
        "credential_locker",
        "policies",
        "registration_template",
        "thing_groups",
        "thing_type",
    }
)
"""The reference fields that `transitions` may put into `ignore_changes`."""


@st.composite
def transitions(draw: st.DrawFn) -> tuple[DesiredState, DesiredState]:
    """Return two desired states; the second may forget, rename or rotate resources of the first."""
    before, after = _prevent_swaps(draw(desired_states())), _prevent_swaps(draw(desired_states()))
    forgotten: dict[Address, Origin] = {}
    moved: dict[Address, Address] = {}
    created = [address for address in after.resources if address not in before.resources]
    for address in sorted(before.resources.keys() - after.resources.keys()):
        targets = [
            target for target in created if target.kind == address.kind and target not in moved.values()
        ]
        choice = draw(st.sampled_from(["delete", "delete", "forget", "rename"]))  # deletion twice as often
        if address.kind in {"certificates", "provisioned_things"}:
            continue  # AWS does not store their names, so [[removed]] and [[moved]] cannot use them
        if choice == "forget":
            forgotten[address] = Origin("<memory>", 1)
        elif choice == "rename" and targets:
            moved[address] = draw(st.sampled_from(targets))
    resources = {address: _with_options(draw, resource) for address, resource in after.resources.items()}
    return before, evolve(after, resources=resources, removed=forgotten, moved=moved)


def _prevent_swaps(state: DesiredState) -> DesiredState:
    """Return the state with one setup code for each managed thing, and without exclusive certificates.

    The event log configuration for all resources always has the same name. Otherwise two resources could exchange their setup
    codes, certificates or targets, which needs two steps that run at the same time; in a plan of `order_randomly`, no two steps do.
    """
    resources = map(_prevent_swap, state.resources.values())
    return evolve(state, resources={resource.address: resource for resource in resources})


def _prevent_swap(resource: Resource) -> Resource:
    address, spec = resource.address, resource.spec
    match address.kind:
        case "managed_things":
            codes = {"a": "90001", "b": "90002", "c": "90003"}
            material = Secret(f"env {address.name}", codes[address.name])
            return replace(resource, spec=evolve(spec, authentication_material=material))
        case "things":
            return replace(resource, spec=evolve(spec, exclusive=False))
        case "event_log_configurations":
            name = "all" if spec.resource_type == "*" else "one resource"
            return replace(resource, address=Address(address.kind, name))
        case _:
            return resource


def _with_options(draw: st.DrawFn, resource: Resource) -> Resource:
    """Return the resource, in some cases with a rotation or with references in `ignore_changes`."""
    reference_fields = sorted(_REFERENCE_FIELDS & get_members(type(resource.spec)).keys())
    if resource.address.kind == "certificates" and draw(st.integers(0, 3)) == 0:
        resource = replace(resource, spec=evolve(resource.spec, rotation=Rotation("7d")))
    if not reference_fields or draw(st.integers(0, 3)) != 0:
        return resource
    ignored_fields = tuple(sorted(draw(st.sets(st.sampled_from(reference_fields), min_size=1))))
    return replace(resource, lifecycle=evolve(resource.lifecycle, ignore_changes=ignored_fields))
