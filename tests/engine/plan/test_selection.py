"""Selectors, with dbt's grammar; a partial plan has all dependencies of its changes, or is rejected."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.graph import build_graph
from reconciler.engine.plan.selection import SelectableDependencies, Selector, select_addresses
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError, SelectionError
from reconciler.model.resource import Resource
from reconciler.model.settings import ChangeLimits
from tests.support.desired_states import (
    apply,
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.examples import examples

DEPENDENCIES = {
    "ca_certificates.alpha": [],
    "certificates.a": ["ca_certificates.alpha"],
    "certificates.b": ["ca_certificates.alpha"],
    "policies.a+b,c": [],
    "things.a": ["certificates.a"],
    "things.b": ["certificates.b"],
    "managed_things.a": ["things.a"],
    "managed_things.a.long.name": [],
}


def make_dependencies(dependencies):
    return SelectableDependencies(
        {address: Resource(address, None, frozenset(value)) for address, value in dependencies.items()}, {}
    )


PARSED_DEPENDENCIES = make_dependencies(
    {Address.parse(name): map(Address.parse, dependencies) for name, dependencies in DEPENDENCIES.items()}
)


def select_names(*select: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return sorted(map(str, select_addresses(PARSED_DEPENDENCIES, select, exclude)))


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ((), sorted(DEPENDENCIES)),
        (("things.a",), ["things.a"]),
        (("managed_things.a.long.name",), ["managed_things.a.long.name"]),
        (("things",), ["things.a", "things.b"]),
        (("things.*",), ["things.a", "things.b"]),
        (("*.b",), ["certificates.b", "things.b"]),
        (("*.[ab]",), ["certificates.a", "certificates.b", "managed_things.a", "things.a", "things.b"]),
        (("+things.a",), ["ca_certificates.alpha", "certificates.a", "things.a"]),
        (("1+things.a",), ["certificates.a", "things.a"]),
        (("certificates.a+",), ["certificates.a", "managed_things.a", "things.a"]),
        (("certificates.a+1",), ["certificates.a", "things.a"]),
        (("0+things.a+0",), ["things.a"]),
        (
            ("+certificates.a+",),
            ["ca_certificates.alpha", "certificates.a", "managed_things.a", "things.a"],
        ),
        (("certificates+1",), ["certificates.a", "certificates.b", "things.a", "things.b"]),
        (("things.a things.b",), ["things.a", "things.b"]),
        (("things.a", "things.b"), ["things.a", "things.b"]),
        (("things,*.a",), ["things.a"]),
        (("+things.a,+things.b",), ["ca_certificates.alpha"]),
        (("things.a,things.b",), []),
        (("policies.a+b,c",), ["policies.a+b,c"]),
        (("+policies.a+b,c+",), ["policies.a+b,c"]),
    ],
)  # fmt: skip
def test_a_selector_selects_the_matching_addresses(select, expected):
    assert select_names(*select) == expected


def test_excluded_addresses_are_removed_from_the_selection():
    assert select_names("things managed_things.a", exclude=("*.b", "managed_things")) == ["things.a"]
    assert select_names(exclude=("+things.a+",)) == [
        "certificates.b", "managed_things.a.long.name", "policies.a+b,c", "things.b",
    ]  # fmt: skip


def test_every_selector_that_selects_nothing_is_an_error_with_the_closest_match():
    with pytest.raises(SelectionError) as error:
        select_names("thngs", "certificates.aa", "+things.c+", "role_aliases", "zzz*", exclude=("nope.nope",))
    assert error.value.problems == (
        "'thngs' selects nothing; did you mean 'things'?",
        "'certificates.aa' selects nothing; did you mean 'certificates.a'?",
        "'+things.c+' selects nothing; did you mean 'things.b'?",
        "'role_aliases' selects nothing: there are no role aliases",
        "'zzz*' selects nothing",
        "'nope.nope' selects nothing",
    )


@given(st.text("+0123456789abc.,*"))
def test_any_word_is_a_valid_selector(word):
    assert len(Selector.parse(word).base) <= len(word)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20), st.integers(0, 7))
@examples(50)
def test_dependencies_and_dependents_are_those_that_networkx_finds(pairs, index):
    names = [Address("things", str(number)) for number in range(8)]
    # A name depends on names with lower numbers only, so there is no cycle.
    dependencies = {
        name: frozenset(names[low] for low, high in pairs if high == position > low)
        for position, name in enumerate(names)
    }
    graph, start = build_graph(dependencies), names[index]
    selectable = make_dependencies(dependencies)
    assert select_addresses(selectable, [f"+{start}"]) == {start} | nx.ancestors(graph, start)
    assert select_addresses(selectable, [f"{start}+"]) == {start} | nx.descendants(graph, start)


def test_dependencies_that_are_in_no_file_are_not_selected():
    start = Address("things", "a")
    dependencies = make_dependencies({start: [Address("certificates", "missing")]})
    assert select_addresses(dependencies, ["+things.a+"]) == {start}


def measure_selection_peak(count: int) -> int:
    """Return the peak memory, in bytes, of selecting one of many things, which are a chain."""
    names = [Address("things", str(number)) for number in range(count)]
    dependencies = make_dependencies({after: [before] for before, after in pairwise(names)})
    tracemalloc.start()
    try:
        select_addresses(dependencies, ["1+things.9"], ["*.[0-9]"])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_selection_takes_no_memory_for_resources_that_it_does_not_select():
    measure_selection_peak(100)  # fills caches
    assert abs(measure_selection_peak(10_000) - measure_selection_peak(1_000)) < 1_000


# ── partial plans ────────────────────────────────────────────────────────────────────────────


def make_fleet(site: str = "oslo"):
    return make_state(
        make_ca(),
        *make_device("a", site=site),
        *make_device("b", site=site),
        make_resource("thing_groups", "g", ThingGroup()),
    )


def list_steps(plan) -> list[str]:
    return [f"{step.change.action} {step.address}" for step in plan.steps]


def test_a_selected_step_has_the_same_calls_as_in_the_whole_plan(cloud):
    converge(make_fleet(), cloud)
    whole_plan = plan_state(make_fleet("bergen"), cloud)
    part = plan_state(make_fleet("bergen"), cloud, select=["things.a"])
    assert part.steps == tuple(step for step in whole_plan.steps if str(step.address) == "things.a")
    assert (part.unchanged, part.estimate.total_calls, part.digest == whole_plan.digest) == (0, 1, False)


def test_the_next_plan_has_only_the_excluded_changes(cloud):
    converge(make_fleet(), cloud)
    apply(plan_state(make_fleet("bergen"), cloud, exclude=["things.a"]), cloud)
    assert list_steps(plan_state(make_fleet("bergen"), cloud)) == ["update things.a"]


def test_ownership_markers_are_selected_with_the_resources_that_need_them(cloud):
    assert list_steps(plan_state(make_fleet(), cloud, select=["+things.a"])) == [
        "create ca_certificates.alpha",
        "create policies.reconciler-ws-retired",
        "create thing_groups.reconciler-ws",
        "create certificates.a",
        "create things.a",
    ]
    assert list_steps(plan_state(make_fleet(), cloud, select=["thing_groups.g"])) == ["create thing_groups.g"]


def test_a_create_without_its_dependencies_is_rejected(cloud):
    with pytest.raises(PlanRejectedError) as error:
        plan_state(make_fleet(), cloud, select=["things.a"])
    assert error.value.reasons == (
        (
            "things.a: depends on the change of certificates.a, which is not selected; "
            "select certificates.a too, or exclude things.a"
        ),
    )


def test_a_delete_without_the_deletes_that_it_depends_on_is_rejected(cloud):
    converge(make_fleet(), cloud)
    smaller_fleet = make_state(make_ca(), *make_device("b"), make_resource("thing_groups", "g", ThingGroup()))
    (deletion,) = (
        step for step in plan_state(smaller_fleet, cloud).steps if step.address.kind == "certificates"
    )
    with pytest.raises(PlanRejectedError) as error:
        plan_state(smaller_fleet, cloud, select=[str(deletion.address)])
    assert error.value.reasons == (
        (
            f"{deletion.address}: depends on the change of things.a, which is not selected; "
            f"select things.a too, or exclude {deletion.address}"
        ),
    )


def test_the_certificate_of_a_deleted_thing_is_deleted_by_a_later_apply(cloud):
    """Deleting the thing attaches the retired policy to its certificate, which marks it as owned."""
    converge(make_fleet(), cloud)
    smaller_fleet = make_state(
        make_ca(), *make_device("b", site="oslo"), make_resource("thing_groups", "g", ThingGroup())
    )
    apply(plan_state(smaller_fleet, cloud, select=["things.a"]), cloud)
    converge(smaller_fleet, cloud)
    assert len(cloud.read_content()["certificates"]) == 1


def test_selecting_everything_gives_the_whole_destroy_plan(cloud):
    converge(make_fleet(), cloud)
    whole_plan = plan_state(make_fleet(), cloud, destroy=True)
    assert plan_state(make_fleet(), cloud, destroy=True, select=["*"]).steps == whole_plan.steps


def test_limits_apply_to_the_selected_changes_only(cloud):
    converge(make_state(make_ca(), *make_device("a"), *make_device("b")), cloud)
    smaller_fleet = make_state(make_ca(), *make_device("b"), limits=ChangeLimits(delete_percent=1))
    with pytest.raises(PlanRejectedError):
        plan_state(smaller_fleet, cloud)
    assert list_steps(plan_state(smaller_fleet, cloud, select=["things.b"])) == []


def test_a_new_managed_thing_depends_on_deletes_that_may_free_its_setup_code(cloud):
    """The creation depends on every deletion of a managed thing, even with another setup code."""
    converge(make_state(make_managed_thing("a", "90001")), cloud)
    with pytest.raises(PlanRejectedError) as error:
        plan_state(make_state(make_managed_thing("b", "90002")), cloud, select=["managed_things.b"])
    assert error.value.reasons == (
        (
            "managed_things.b: depends on the change of managed_things.a, which is not selected; "
            "select managed_things.a too, or exclude managed_things.b"
        ),
    )
