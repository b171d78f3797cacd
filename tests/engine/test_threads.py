"""Threads can decode the first value of a class at the same time."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from threading import Barrier, Thread

import msgspec

from {module} import {names}

sys.setswitchinterval(1e-6)
barrier = Barrier(8)


def decode_each():
    for decoded_class in ({names},):
        barrier.wait()
        try:
            msgspec.json.decode(b'{{"a": 1}}', type=decoded_class)
        except msgspec.ValidationError:
            pass


threads = [Thread(target=decode_each) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
CLASSES = {
    "reconciler.rollout.messages": "TaskResponse, TaskRequest, TaskEvent",
    "reconciler.engine.journal.team_history": "Run, RunStep, RunCall",
    "reconciler.render.json.plan_file": "PlanDocument",
}


@pytest.mark.parametrize("module", CLASSES)
def test_threads_that_decode_their_first_value_at_once_do_not_crash(module):
    program = PROGRAM.format(module=module, names=CLASSES[module])
    for _ in range(3):
        process = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
        assert (process.returncode, process.stderr) == (0, b"")
