"""Machines share readings: each remembers what any has read, and forgets what any writes to."""

from __future__ import annotations

import gzip
import re
import threading

import pytest
from attrs import evolve

from reconciler.engine.apply.executor import apply_plan
from reconciler.engine.journal.run_store import FolderStore
from reconciler.engine.remembered.own_writes import forget_written_things
from tests.engine.remembered.conftest import ARN_PREFIX, IDS, NAMES, make_fleet
from tests.support.remembered_fleets import DAY, HOUR, RememberedFleet

DESIRED = make_fleet({name: (name,) for name in NAMES})
OTHER = make_fleet({**{name: (name,) for name in NAMES}, "d": ("d", "e")})


@pytest.fixture
def machines(fleet, tmp_path) -> tuple[RememberedFleet, RememberedFleet]:
    """Two machines that share readings, of which the first has read all edges."""
    store = FolderStore(tmp_path / "shared")
    first, second = (evolve(fleet, machine=name, store=store, sent=[]) for name in ("first", "second"))
    first.plan(DESIRED)
    first.sent.clear()
    fleet.clock.advance(HOUR)
    return first, second


def list_shared(machine: RememberedFleet) -> list[str]:
    """Return the states in the names of the shared objects."""
    return sorted(key.rpartition("-")[2] for key in machine.store.list_keys())


def apply_remembering(machine: RememberedFleet, desired) -> None:
    plan = machine.plan(desired)
    with forget_written_things(machine.open_cache, machine.open_shared(), plan, machine.call):
        list(apply_plan(plan, machine.call, stop=threading.Event(), pause=lambda _: None))


def test_a_machine_without_a_cache_remembers_what_another_has_read(machines):
    _, second = machines
    plan = second.plan(DESIRED)
    assert (plan.edges.summary, second.list_edge_reads()) == (
        "edges: 0 read now, 4 remembered, oldest 1 h (limit 7 d)",
        [],
    )


def test_a_machine_reads_what_another_has_written_to_even_if_all_events_are_lost(machines):
    first, second = machines
    known = first.list_events()
    apply_remembering(first, OTHER)
    second.lost_events |= first.list_events() - known
    first.clock.advance(HOUR)
    second.plan(OTHER)
    assert second.list_edge_reads() == ["d"]


def test_a_machine_remembers_nothing_that_another_is_writing_to(machines):
    first, second = machines
    plan = first.plan(OTHER)
    with forget_written_things(first.open_cache, first.open_shared(), plan, first.call):
        assert list_shared(first) == ["read.jsonl.gz", "writing.jsonl.gz"]
        second.open_cache().close()
        second.plan(DESIRED)
        assert "d" in second.list_edge_reads()
    assert list_shared(first)[-1] == "written.jsonl.gz"


def test_shared_readings_older_than_max_age_are_deleted(machines):
    first, second = machines
    first.clock.advance(9 * DAY)
    second.plan(DESIRED)
    assert list_shared(second) == ["read.jsonl.gz"]
    assert second.list_edge_reads() == sorted(NAMES)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not compressed", id="not compressed"),
        pytest.param(gzip.compress(b"{}\n"), id="another head"),
        pytest.param(gzip.compress(b"\xff\n"), id="not JSON"),
        pytest.param(gzip.compress(b"x" * 100)[:40], id="cut"),
    ],
)
def test_a_damaged_object_is_a_warning_and_is_not_used(machines, content):
    first, second = machines
    (key,) = first.store.list_keys()
    first.store.write(key, content)
    plan = second.plan(DESIRED)
    (warning,) = plan.edges.warnings
    assert warning.startswith(f"{first.store.name}/{key} has no readings and is ignored; delete it (")
    assert second.list_edge_reads() == sorted(NAMES)


def test_objects_that_cannot_be_read_do_not_keep_the_others_from_being_used(machines):
    first, second = machines
    (key,) = first.store.list_keys()
    folder = (first.store.folder / key).parent
    for name in ("1750000000-a-read.jsonl.gz", "1750000000-b-read.jsonl.gz"):
        (folder / name).symlink_to(folder / "elsewhere")
    plan = second.plan(DESIRED)
    assert (plan.edges.warnings, second.list_edge_reads()) == (
        (
            f"{folder}/1750000000-a-read.jsonl.gz cannot be read: Too many levels of symbolic links; check who may read there; 1 more object cannot be read",
        ),
        [],
    )


class OutdatedStore:
    """A folder whose listing has an object that another run has deleted since."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        self.name, self.read, self.write, self.delete = store.name, store.read, store.write, store.delete

    def list_keys(self, prefix=""):
        yield from self._store.list_keys(prefix)
        yield f"{prefix}1750000000-a-writing.jsonl.gz"


def test_an_object_that_another_run_has_just_deleted_is_left_out(machines):
    first, second = machines
    second.store = OutdatedStore(first.store)
    plan = second.plan(DESIRED)
    assert (plan.edges.warnings, second.list_edge_reads()) == ((), [])


def test_an_object_with_a_version_that_no_thing_has_is_not_used(machines):
    first, second = machines
    (key,) = first.store.list_keys()
    content = gzip.decompress(first.store.read(key))
    first.store.write(
        key, gzip.compress(re.sub(rb'"version":[0-9]+,"d', b'"version":%d,"d' % 2**70, content))
    )
    plan = second.plan(DESIRED)
    assert ["is ignored; delete it" in warning for warning in plan.edges.warnings] == [True]
    assert second.list_edge_reads() == sorted(NAMES)


def test_the_readings_of_another_workspace_are_not_used(machines):
    first, second = machines
    (key,) = first.store.list_keys()
    content = gzip.decompress(first.store.read(key)).replace(b'\\"ws\\"', b'\\"other\\"')
    first.store.write(key, gzip.compress(content))
    plan = second.plan(DESIRED)
    assert (plan.edges.warnings, second.list_edge_reads()) == ((), sorted(NAMES))


def test_a_place_that_cannot_be_used_is_a_warning(machines, tmp_path):
    first, second = machines
    second.store = FolderStore(tmp_path / "file")
    (tmp_path / "file").write_text("")
    plan = second.plan(DESIRED)
    assert [warning.partition(":")[0] for warning in plan.edges.warnings] == [
        "the shared readings are not used",
        "the readings of this run are not shared",
    ]
    assert first.plan(DESIRED).digest == plan.digest


def test_a_forged_reading_leads_to_no_change(machines):
    first, second = machines
    (key,) = first.store.list_keys()
    content = gzip.decompress(first.store.read(key))
    forged = content.replace(IDS["a"].encode(), IDS["b"].encode())
    first.store.write(key, gzip.compress(forged))
    assert ARN_PREFIX.encode() in forged
    assert not second.plan(DESIRED)
