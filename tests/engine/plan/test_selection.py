"""Selectors name some of the resources, as dbt users know it; a part of a plan is whole or refused."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.graph import build_graph
from reconciler.engine.plan.selection import Selector, select_addresses
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError, SelectionError
from reconciler.model.settings import ChangeLimits
from tests.support.desired_states import ca, converge, device, managed, plan_of, resource, run, state
from tests.support.examples import examples
from tests.support.registry_client import Cloud

NEEDS = {
    "ca_certificates.alpha": [],
    "certificates.a": ["ca_certificates.alpha"],
    "certificates.b": ["ca_certificates.alpha"],
    "policies.a+b,c": [],
    "things.a": ["certificates.a"],
    "things.b": ["certificates.b"],
    "managed_things.a": ["things.a"],
    "managed_things.a.long.name": [],
}
GRAPH = build_graph(
    {Address.parse(name): frozenset(map(Address.parse, needs)) for name, needs in NEEDS.items()}
)


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def named(*wanted: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return sorted(map(str, select_addresses(GRAPH, wanted, exclude)))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((), sorted(NEEDS)),
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
def test_a_selector_names_these(wanted, found):
    assert named(*wanted) == found


def test_what_is_excluded_is_left_out_of_what_is_selected():
    assert named("things managed_things.a", exclude=("*.b", "managed_things")) == ["things.a"]
    assert named(exclude=("+things.a+",)) == [
        "certificates.b", "managed_things.a.long.name", "policies.a+b,c", "things.b",
    ]  # fmt: skip


def test_every_selector_that_names_nothing_is_told_with_the_nearest_that_does():
    with pytest.raises(SelectionError) as error:
        named("thngs", "certificates.aa", "+things.c+", "role_aliases", "zzz*", exclude=("nope.nope",))
    assert error.value.problems == (
        "'thngs' names nothing; did you mean 'things'?",
        "'certificates.aa' names nothing; did you mean 'certificates.a'?",
        "'+things.c+' names nothing; did you mean 'things.b'?",
        "'role_aliases': there are no role aliases",
        "'zzz*' names nothing",
        "'nope.nope' names nothing",
    )


@given(st.text("+0123456789abc.,*"))
def test_any_word_is_read_as_some_selector(word):
    found = Selector.parse(word)
    assert len(found.base) <= len(word)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20), st.integers(0, 7))
@examples(50)
def test_the_ancestors_and_descendants_are_networkx_own(pairs, at):
    names = [Address("things", str(number)) for number in range(8)]
    needs = {
        name: frozenset(names[low] for low, high in pairs if high == place > low)
        for place, name in enumerate(names)
    }
    made, start = build_graph(needs), names[at]
    assert select_addresses(made, [f"+{start}"]) == {start} | nx.ancestors(made, start)
    assert select_addresses(made, [f"{start}+"]) == {start} | nx.descendants(made, start)


# ── a part of a plan ────────────────────────────────────────────────────────────────────────────


def fleet(site: str = "oslo"):
    return state(
        ca(), *device("a", site=site), *device("b", site=site), resource("thing_groups", "g", ThingGroup())
    )


def steps(plan) -> list[str]:
    return [f"{step.change.action} {step.address}" for step in plan.steps]


def test_a_part_of_a_plan_has_the_calls_that_the_whole_has_for_it(cloud):
    converge(fleet(), cloud)
    whole = plan_of(fleet("bergen"), cloud)
    part = plan_of(fleet("bergen"), cloud, select=["things.a"])
    assert part.steps == tuple(step for step in whole.steps if str(step.address) == "things.a")
    assert (part.unchanged, part.estimate.total_calls, part.digest == whole.digest) == (0, 1, False)


def test_what_was_left_out_is_done_by_the_next_plan_and_nothing_else(cloud):
    converge(fleet(), cloud)
    run(plan_of(fleet("bergen"), cloud, exclude=["things.a"]), cloud)
    assert steps(plan_of(fleet("bergen"), cloud)) == ["update things.a"]


def test_the_marks_of_the_workspace_come_along_with_what_needs_them(cloud):
    assert steps(plan_of(fleet(), cloud, select=["+things.a"])) == [
        "create ca_certificates.alpha",
        "create policies.reconciler-ws-retired",
        "create thing_groups.reconciler-ws",
        "create certificates.a",
        "create things.a",
    ]
    assert steps(plan_of(fleet(), cloud, select=["thing_groups.g"])) == ["create thing_groups.g"]


def test_a_creation_without_what_it_needs_is_refused_with_what_would_bring_it(cloud):
    with pytest.raises(PlanRejectedError) as error:
        plan_of(fleet(), cloud, select=["things.a"])
    assert error.value.reasons == (
        (
            "things.a: it waits for the change of certificates.a, which is not selected; "
            "select certificates.a as well, or leave things.a out"
        ),
    )


def test_a_deletion_whose_user_is_not_selected_is_refused(cloud):
    converge(fleet(), cloud)
    less = state(ca(), *device("b"), resource("thing_groups", "g", ThingGroup()))
    (going,) = (step for step in plan_of(less, cloud).steps if step.address.kind == "certificates")
    with pytest.raises(PlanRejectedError) as error:
        plan_of(less, cloud, select=[str(going.address)])
    assert error.value.reasons == (
        (
            f"{going.address}: it waits for the change of things.a, which is not selected; "
            f"select things.a as well, or leave {going.address} out"
        ),
    )


def test_a_certificate_that_a_selected_thing_lets_go_is_still_ours_to_delete_afterwards(cloud):
    """The thing marks it on its way out, although its deletion is not selected."""
    converge(fleet(), cloud)
    less = state(ca(), *device("b", site="oslo"), resource("thing_groups", "g", ThingGroup()))
    run(plan_of(less, cloud, select=["things.a"]), cloud)
    converge(less, cloud)
    assert len(cloud.content()["certificates"]) == 1


def test_everything_selected_is_the_whole_plan_even_of_a_destroy(cloud):
    converge(fleet(), cloud)
    whole = plan_of(fleet(), cloud, destroy=True)
    assert plan_of(fleet(), cloud, destroy=True, select=["*"]).steps == whole.steps


def test_limits_are_held_to_what_is_selected(cloud):
    converge(state(ca(), *device("a"), *device("b")), cloud)
    one_less = state(ca(), *device("b"), limits=ChangeLimits(delete_percent=1))
    with pytest.raises(PlanRejectedError):
        plan_of(one_less, cloud)
    assert steps(plan_of(one_less, cloud, select=["things.b"])) == []


def test_a_new_managed_thing_waits_for_those_that_go_and_may_free_its_code(cloud):
    converge(state(managed("a", "90001")), cloud)
    with pytest.raises(PlanRejectedError) as error:
        plan_of(state(managed("b", "90002")), cloud, select=["managed_things.b"])
    assert error.value.reasons == (
        (
            "managed_things.b: it waits for the change of managed_things.a, which is not selected; "
            "select managed_things.a as well, or leave managed_things.b out"
        ),
    )
