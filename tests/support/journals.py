"""Journals with a predictable clock, and plans whose runs these journals record."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import evolve

from reconciler.engine.journal.journal import Journal
from reconciler.engine.ownership.process import identify_this_process
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create
from reconciler.model.plan import Estimate, Plan, Step, Target
from reconciler.model.resource import Resource
from reconciler.model.run import RunRecord
from reconciler.model.secret import walk_secrets

TARGET = Target("embedded", "eu-west-1", "123456789012")
THIS_PROCESS = identify_this_process({})
OTHER_HOST = evolve(THIS_PROCESS, host="elsewhere")
"""A process on another host: whether it still runs cannot be checked, so its unfinished runs count as crashed."""

_START_SECONDS = 1_000_000_000


def create_clock() -> Callable[[], float]:
    """Return a clock that ticks, by one second, each time its time is requested."""
    return itertools.count(float(_START_SECONDS)).__next__


def convert_tick_to_date(number: int) -> datetime.datetime:
    """Return the date that a clock of `create_clock` returns at its tick `number`; the first tick is 0."""
    return datetime.datetime.fromtimestamp(_START_SECONDS + number, datetime.UTC)


def build_address(name: str) -> Address:
    """Return the address of a thing group."""
    return Address("thing_groups", name)


def make_group_creation(name: str) -> Create:
    """Return the change that creates a thing group."""
    return Create(Resource(build_address(name), None))


def make_group_plan(names: Iterable[str], workspace: str = "ws", **params: object) -> Plan:
    """Return a plan that creates thing groups, with one call each; the names `"ab"` are `a` and `b`.

    Every call has the parameters `params`.
    """
    call = ApiCall("iot", "Make", params)
    steps = tuple(Step(make_group_creation(name), (call,)) for name in names)
    secrets = frozenset(walk_secrets(params))
    return Plan(workspace, TARGET, steps, "d" * 64, Estimate({}, 0.0), secrets=secrets)


def open_journal(folder: Path, **options: object) -> Journal:
    return Journal(folder / "journal.sqlite3", **{"clock": create_clock(), **options})


def read_record_of_only_run(journal: Journal) -> RunRecord:
    """Return the record of the only run in the journal."""
    (run,) = journal.list_runs()
    record = journal.read_record(run.id)
    assert record
    return record
