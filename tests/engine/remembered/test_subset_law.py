"""A plan with remembered edges changes nothing that a plan with all edges would not change."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.engine.apply.executor import apply_plan
from reconciler.model.edge_readings import RememberedSettings
from reconciler.model.errors import PlanRejectedError
from tests.engine.remembered.conftest import ARN_PREFIX, IDS, NAMES, PEMS, make_fleet, prepare_fleet
from tests.support.registry_client import Cloud
from tests.support.remembered_fleets import DAY, RememberedFleet

MAX_AGE = RememberedSettings(max_age="7d", scrub="0s")


WISHES = {"a": ("a",), "b": ("b", "e"), "c": ("c",), "d": ()}

wishes = st.dictionaries(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(sorted(PEMS)), max_size=2, unique=True).map(lambda names: tuple(sorted(names))),
    min_size=1,
)
things, certificates = st.sampled_from((*NAMES, "foreign")), st.sampled_from(sorted(PEMS))
edits = st.one_of(
    st.tuples(st.just("attach"), things, certificates),
    st.tuples(st.just("detach"), things, certificates),
    st.tuples(st.just("move"), things, certificates),
    st.tuples(st.just("update"), things, certificates),
    st.tuples(st.just("recreate"), things, certificates),
    st.tuples(st.just("deactivate"), things, certificates),
    st.tuples(st.just("register"), things, certificates),
)
histories = st.lists(st.tuples(edits, st.booleans(), st.sampled_from((1.0, 3600.0, 90_000.0))), max_size=5)
poisons = st.lists(
    st.one_of(
        st.tuples(
            st.just("principals"), st.sampled_from(NAMES), st.lists(certificates, max_size=2, unique=True)
        ),
        st.tuples(st.just("version"), st.sampled_from(NAMES), st.integers(1, 3)),
        st.tuples(st.just("age"), st.sampled_from(NAMES), st.sampled_from((-1e6, -DAY, 0.0, DAY))),
        st.tuples(st.just("bytes"), st.sampled_from(NAMES), st.binary(max_size=20)),
        st.tuples(st.just("forgotten"), st.sampled_from(NAMES), st.just(None)),
    ),
    max_size=3,
)


def make_edit(cloud: Cloud, edit: tuple[str, str, str]) -> None:
    """Make an edit by hand, as far as the registry accepts it."""
    action, thing, certificate = edit
    attachment = {"thingName": thing, "principal": ARN_PREFIX + IDS[certificate]}
    with suppress(ClientError):
        match action:
            case "attach":
                cloud.iot.attach_thing_principal(**attachment)
            case "detach":
                cloud.iot.detach_thing_principal(**attachment)
            case "move":
                for holder in cloud.iot.list_principal_things(principal=attachment["principal"])["things"]:
                    cloud.iot.detach_thing_principal(**{**attachment, "thingName": holder})
                cloud.iot.attach_thing_principal(**attachment)
            case "update":
                cloud.iot.update_thing(thingName=thing, attributePayload={"attributes": {"by": "hand"}})
            case "recreate":
                for principal in cloud.iot.list_thing_principals(thingName=thing)["principals"]:
                    cloud.iot.detach_thing_principal(thingName=thing, principal=principal)
                cloud.iot.delete_thing(thingName=thing)
                cloud.iot.create_thing(thingName=thing)
            case "deactivate":
                cloud.iot.update_certificate(certificateId=IDS[certificate], newStatus="INACTIVE")
            case "register":
                cloud.iot.register_certificate_without_ca(certificatePem=PEMS[certificate], status="ACTIVE")


def poison_cache(fleet: RememberedFleet, poison) -> None:
    """Change a reading in the cache."""
    kind, name, value = poison
    cache = fleet.open_cache()
    try:
        thing = cache.find(name)
        if thing is None:
            return
        match kind:
            case "principals":
                template = b'["' + (ARN_PREFIX.encode()) + b'%s","NON_EXCLUSIVE_THING","ACTIVE@1750000000"]'
                items = b",".join(template.replace(b"%s", IDS[certificate].encode()) for certificate in value)
                changed = thing._replace(principals=b"[" + items + b"]")
            case "version":
                changed = thing._replace(version=value)
            case "age":
                changed = thing._replace(read_at=thing.read_at + value)
            case "bytes":
                changed = thing._replace(principals=value)
            case _:
                cache.forget([name])
                return
        cache.forget([name])
        cache.store([changed])
    finally:
        cache.close()


def list_steps(plan):
    return {str(step.address): (step.change, step.calls, step.precondition) for step in plan.steps}


def try_plan(fleet: RememberedFleet, desired, read: str):
    try:
        return fleet.plan(desired, read=read, allow_cascade=True)
    except PlanRejectedError as error:
        return error


def identify(plan) -> str:
    """Return the digest of a plan, or why it was rejected."""
    return str(plan) if isinstance(plan, PlanRejectedError) else plan.digest


def apply_and_list_writes(fleet: RememberedFleet, plan) -> list[str]:
    """Apply a plan, and return the calls that write."""
    fleet.sent.clear()
    list(apply_plan(plan, fleet.call, stop=threading.Event(), pause=lambda _: None))
    return sorted(
        str((call, call.params))
        for call in fleet.sent
        if not call.operation.startswith(("List", "Describe", "Get"))
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> RememberedFleet:
    """A fleet in the desired state whose edges were read twice, so that they are remembered."""
    desired = make_fleet(WISHES)
    fleet = prepare_fleet(Cloud(), tmp_path_factory.mktemp("prepared"), desired)
    assert not fleet.plan(desired)
    assert fleet.list_edge_reads() == []
    return fleet


@given(wishes=st.one_of(st.just(WISHES), wishes), history=histories, poison=poisons)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_plan_with_remembered_edges_is_a_part_of_the_plan_with_all_edges(
    prepared, tmp_path, wishes, history, poison
):
    fleet = RememberedFleet(prepared.cloud, tmp_path / "fleet", settings=MAX_AGE).copy_from(prepared)
    desired = make_fleet(wishes)
    for edit, is_lost, seconds in history:
        known = fleet.list_events()
        make_edit(fleet.cloud, edit)
        fleet.lost_events |= (fleet.list_events() - known) if is_lost else set()
        fleet.clock.advance(seconds)
    for item in poison:
        poison_cache(fleet, item)
    whole_plan = try_plan(fleet, desired, "all")
    part = try_plan(fleet, desired, "changed")
    if not (isinstance(whole_plan, PlanRejectedError) or isinstance(part, PlanRejectedError)):
        assert list_steps(part).items() <= list_steps(whole_plan).items()
        twin = RememberedFleet(prepared.cloud, tmp_path / "twin", settings=MAX_AGE).copy_from(fleet)
        whole_writes = apply_and_list_writes(twin, whole_plan)
        assert set(apply_and_list_writes(fleet.open(), part)) <= set(whole_writes)
    fleet.clock.advance(8 * DAY)
    assert identify(try_plan(fleet, desired, "changed")) == identify(try_plan(fleet, desired, "all"))
