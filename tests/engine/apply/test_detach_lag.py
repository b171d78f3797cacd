"""Deletions wait while AWS still sees what earlier steps have removed."""

from __future__ import annotations

import time

from attrs import evolve

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.registry import Registry
from tests.support.desired_states import apply, converge, list_failures, make_resource, make_state, plan_state
from tests.support.registry_client import SETTINGS, Cloud


def test_groups_are_deleted_after_the_lag_of_their_children_and_members():
    cloud = Cloud()
    now = time.time()
    cloud.registry = Registry(":memory:", evolve(SETTINGS, detach_lag_seconds=5.0, clock=lambda: now))
    groups = [
        make_resource("thing_groups", "top", ThingGroup()),
        make_resource("thing_groups", "below", ThingGroup(parent="top")),
        make_resource("billing_groups", "b", BillingGroup()),
    ]
    converge(make_state(*groups, make_resource("things", "a", Thing(billing_group="b"))), cloud)
    plan = plan_state(make_state(make_resource("things", "a", Thing())), cloud)
    pauses = []

    def pause(seconds):
        nonlocal now
        pauses.append(seconds)
        now += seconds

    assert list_failures(apply(plan, cloud, pause=pause)) == []
    assert sum(pauses) >= 5.0
