"""Every night, a plan with remembered edges finds what others edited by day, and changes nothing else.

CloudTrail loses one percent of the events and delivers the others up to 15 minutes late.
"""

from __future__ import annotations

import random

import pytest

from reconciler.model.edge_readings import RememberedSettings
from tests.support.direct_client import ManualClock
from tests.support.virtual_nights import CALLS_PER_SECOND, Night, start_cloud, start_fleet

DEVICES, NIGHTS, EDITS = 300, 28, 20
READS = 120
"""The edges that each night reads: of about 50 things that were edited or changed, and of 70 in turn."""

SETTINGS = RememberedSettings(max_age="7d", scrub=f"{READS / CALLS_PER_SECOND:.0f}s", unexplained="warn")


@pytest.fixture(scope="module")
def nights(tmp_path_factory) -> list[Night]:
    folder, clock = tmp_path_factory.mktemp("nights"), ManualClock()
    random.seed(17)  # which edges a scrub reads
    cloud = start_cloud(folder, clock, seed=17)
    fleet = start_fleet(cloud, folder, DEVICES, SETTINGS, call=cloud.call, clock=clock, pause=clock.advance)
    reports = [fleet.plan_and_apply(fleet.edit_for_a_day(EDITS)) for _ in range(NIGHTS)]
    fleet.close()
    return reports


def test_every_delivered_edit_is_found_the_same_night_and_every_lost_one_within_max_age(nights):
    assert {night.missed for night in nights} == {frozenset()}
    assert min(len(night.found_things) for night in nights) >= EDITS // 2


def test_some_events_are_lost_and_the_scrub_finds_their_edits(nights):
    ages = [age for night in nights for age in night.lost_ages]
    assert sum(night.lost_events for night in nights) >= len(ages) >= 3
    assert max(ages) <= SETTINGS.max_age_seconds


def test_no_plan_changes_a_thing_that_matches_the_file(nights):
    assert {night.wrong for night in nights} == {frozenset()}


def test_every_apply_repairs_what_its_plan_found_and_nothing_else(nights):
    assert {(night.failures, night.unrepaired) for night in nights} == {((), frozenset())}


def test_a_night_reads_no_more_edges_than_the_scrub_allows_and_others_edited(nights):
    assert [night.edge_reads for night in nights if night.edge_reads > night.expected_reads] == []
    assert sum(night.edge_reads for night in nights) < NIGHTS * DEVICES / 2
