"""The threads that send calls share one processor, which processes choose differently."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from reconciler import Workspace
from reconciler.aws.caller import Caller
from reconciler.engine.plan.refresh import refresh
from reconciler.engine.processors import stay_on_one_processor
from reconciler.kinds.things import Thing
from tests.support.desired_states import make_resource, make_state

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux lets a thread choose its processors"
)


def list_processors_in_new_thread() -> set[int]:
    processors = set[int]()
    thread = threading.Thread(target=lambda: processors.update(os.sched_getaffinity(0)))
    thread.start()
    thread.join()
    return processors


def test_a_block_and_the_threads_that_it_starts_stay_on_one_processor():
    allowed = os.sched_getaffinity(0)

    with stay_on_one_processor():
        in_block, in_thread = os.sched_getaffinity(0), list_processors_in_new_thread()
        with stay_on_one_processor():
            in_nested_block = os.sched_getaffinity(0)

    assert in_block == in_thread == in_nested_block
    assert len(in_block) == 1
    assert os.sched_getaffinity(0) == allowed


def test_an_error_in_a_block_ends_its_stay_on_one_processor():
    allowed = os.sched_getaffinity(0)

    with pytest.raises(KeyError), stay_on_one_processor():
        raise KeyError

    assert os.sched_getaffinity(0) == allowed


@pytest.mark.parametrize(("pid", "processor"), [(7, 3), (8, 5), (9, 2), (10, 3)])
def test_processes_with_consecutive_numbers_get_different_processors(monkeypatch, pid, processor):
    chosen = []
    monkeypatch.setattr(os, "getpid", lambda: pid)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _thread: {5, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _thread, processors: chosen.append(processors))

    with stay_on_one_processor():
        pass

    assert chosen == [{processor}, [2, 3, 5]]


@pytest.mark.parametrize("forbidden", ["sched_getaffinity", "sched_setaffinity"])
def test_a_block_runs_where_the_system_forbids_to_choose_a_processor(monkeypatch, forbidden):
    def forbid(*_arguments: object) -> None:
        raise PermissionError

    allowed = os.sched_getaffinity(0)
    monkeypatch.setattr(os, forbidden, forbid)

    with stay_on_one_processor():
        has_run = True

    monkeypatch.undo()
    assert has_run
    assert os.sched_getaffinity(0) == allowed


def test_the_reads_of_a_plan_are_sent_from_one_processor(cloud):
    processors = set[int]()

    def call(request):
        processors.update(os.sched_getaffinity(0))
        return cloud.call(request)

    refresh(make_state(make_resource("things", "pump-1", Thing())), call, lambda *_: None)

    assert len(processors) == 1


def test_the_calls_of_an_apply_are_sent_from_one_processor(tmp_path, monkeypatch):
    file = tmp_path / "desired_state.toml"
    file.write_text('[workspace]\nname = "demo"\n[things.pump-1]\n')
    workspace = Workspace(file)
    plan, processors = workspace.plan(), set[int]()
    send = Caller.__call__

    def record_and_send(caller, call):
        processors.update(os.sched_getaffinity(0))
        return send(caller, call)

    monkeypatch.setattr(Caller, "__call__", record_and_send)

    assert workspace.apply(plan).ok
    assert len(processors) == 1
