"""The dependency graph of a large fleet takes few bytes for each resource."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

import pytest
from attrs import evolve

from reconciler.model.address import Address
from reconciler.model.change import Create, Delete
from reconciler.model.plan import LazySteps, Plan, Step
from reconciler.model.resource import Desired, Live, Resource
from reconciler.render.graph.dependency_graph import DependencyGraph
from reconciler.render.graph.dot import render_dot
from reconciler.render.graph.graph_part import GraphPart
from reconciler.render.graph.mermaid import render_mermaid
from reconciler.render.graph.picture import Picture
from reconciler.render.graph.svg import render_svg
from reconciler.render.graph.tree import render_tree
from tests.support.sample_plans import make_sample_plan

DEVICES = 500
GROWTH = 4
KINDS = ("certificates", "things", "managed_things")
CA = Address("ca_certificates", "factory")

MAX_BYTES_PER_RESOURCE = 40
"""An object for each node, or an entry of a dictionary, would take more."""


def make_fleet(devices: int) -> Desired:
    """Make devices of three resources, and a CA.

    Each resource of a device depends on the previous one, and the first on the CA.
    """
    resources = [Resource(CA, None)]
    for number in range(devices):
        addresses = (CA, *(Address(kind, f"SN{number:05}") for kind in KINDS))
        resources += (Resource(after, None, frozenset([before])) for before, after in pairwise(addresses))
    return {resource.address: resource for resource in resources}


def plan_creation(fleet: Desired) -> tuple[Desired, Plan]:
    changes = [Create(resource) for resource in fleet.values()]
    return fleet, evolve(make_sample_plan(), steps=LazySteps(lambda change: Step(change, ()), changes))


def plan_deletion(fleet: Desired) -> tuple[Desired, Plan]:
    """Return the plan that deletes a fleet, and the empty file that it is for."""
    live = Live("SN", None)
    changes = [Delete(address, live) for address in fleet]
    dependents = {dependency: address for address in fleet for dependency in fleet[address].dependencies}

    def build_step(change: Delete) -> Step:
        address = dependents.get(change.address)
        return Step(change, (), frozenset([address] if address else []))

    return {}, evolve(make_sample_plan(), steps=LazySteps(build_step, changes))


PLANS: Mapping[str, Callable[[Desired], tuple[Desired, Plan | None]]] = {
    "no plan": lambda fleet: (fleet, None),
    "creation": plan_creation,
    "deletion": plan_deletion,
}


def draw(render: Callable[[Picture], str]) -> Callable[[DependencyGraph], Iterable[object]]:
    return lambda graph: [render(GraphPart.from_graph(graph).draw())]


OUTPUTS: Mapping[str, Callable[[DependencyGraph], Iterable[object]]] = {
    "tree": render_tree,
    "dot": draw(render_dot),
    "mermaid": draw(render_mermaid),
    "svg": draw(render_svg),
}


def measure_peak(devices: int, plan_name: str, output: str) -> int:
    """Return the peak memory, in bytes, of a fleet's graph while it is written."""
    desired, plan = PLANS[plan_name](make_fleet(devices))
    gc.collect()
    tracemalloc.start()
    try:
        for _ in OUTPUTS[output](DependencyGraph(desired, plan)):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("plan_name", PLANS)
def test_a_resource_of_a_large_graph_takes_few_bytes(plan_name, output):
    measure_peak(DEVICES, plan_name, output)  # fills caches
    small, large = (measure_peak(devices, plan_name, output) for devices in (DEVICES, GROWTH * DEVICES))
    assert large - small < MAX_BYTES_PER_RESOURCE * (GROWTH - 1) * DEVICES * len(KINDS)
