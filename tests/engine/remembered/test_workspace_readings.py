"""A workspace's cache of readings can be damaged, replaced or deleted at any time."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from reconciler import Workspace
from reconciler.engine.remembered.cache import ReadingCache

FILE = """
[workspace]
name = "greenhouse"
target = "embedded"
read = "changed"

[workspace.remembered]
scrub = "0s"

[things.pump]
attributes = { color = "amber" }
"""
ALL_READ = "edges: 1 read now, 0 remembered (limit 7 d)"


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """An applied workspace."""
    (tmp_path / "desired_state.toml").write_text(FILE)
    workspace = Workspace(tmp_path / "desired_state.toml")
    workspace.apply(workspace.plan())
    return workspace


@pytest.fixture
def cache_path(workspace, tmp_path):
    """The path of the workspace's cache."""
    workspace.plan()
    (path,) = (tmp_path / ".reconciler" / "readings").glob("*.sqlite3")
    return path


def change_color(workspace, tmp_path):
    """Change the file."""
    (tmp_path / "desired_state.toml").write_text(FILE.replace("amber", "blue"))
    return Workspace(tmp_path / "desired_state.toml")


def test_a_cache_that_cannot_be_opened_is_a_warning_and_everything_is_read(workspace, cache_path):
    cache_path.unlink()
    cache_path.mkdir()
    edges = workspace.plan().edges
    assert edges.summary == ALL_READ
    assert [str(cache_path) in warning for warning in edges.warnings] == [True]
    assert edges.warnings[0].endswith("; all edges are read")


def test_an_apply_does_not_need_the_cache(workspace, cache_path, tmp_path):
    cache_path.unlink()
    cache_path.mkdir()
    changed = change_color(workspace, tmp_path)
    assert changed.apply(changed.plan()).ok


def test_a_link_in_place_of_the_cache_is_deleted_and_its_target_is_not_changed(
    workspace, cache_path, tmp_path
):
    other = tmp_path / "other.sqlite3"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE precious (value)")
    connection.close()
    content = other.read_bytes()
    cache_path.unlink()
    cache_path.symlink_to(other)
    assert workspace.plan().edges.summary == ALL_READ
    assert (cache_path.is_symlink(), other.read_bytes()) == (False, content)


def test_readings_during_an_apply_are_not_kept_if_the_cache_was_deleted_meanwhile(
    workspace, cache_path, tmp_path
):
    changed = change_color(workspace, tmp_path)
    plan = changed.plan()
    scope = changed._readings_scope
    names = []

    def replace_cache(_outcome):
        cache_path.unlink()
        changed.plan()
        with closing(ReadingCache(cache_path.parent, scope)) as cache:
            names.append([thing.name for thing in cache.iterate_things()])

    changed.apply(plan, on_outcome=replace_cache)
    with closing(ReadingCache(cache_path.parent, scope)) as cache:
        assert (names[-1], list(cache.iterate_things())) == (["pump"], [])


def test_readings_during_an_apply_that_reads_all_are_not_kept(workspace, cache_path, tmp_path):
    changed = change_color(workspace, tmp_path)
    cache_path.unlink()
    plan = changed.plan(read="all")
    assert not cache_path.exists()
    readings = []

    def plan_and_list(_outcome):
        changed.plan()
        with closing(ReadingCache(cache_path.parent, changed._readings_scope)) as cache:
            readings.append(list(cache.iterate_things()))

    changed.apply(plan, on_outcome=plan_and_list)
    assert readings[-1] == []


def test_the_feed_is_tested_with_a_run_after_one_whose_events_it_does_not_have(
    workspace, cache_path, tmp_path
):
    changed = change_color(workspace, tmp_path)
    scope, now = changed._readings_scope, time.time()
    with closing(ReadingCache(cache_path.parent, scope)) as cache:
        cache.write_times(lease_since=now - 7300, lease_until=now - 7200)
    plan = changed.plan()
    lost = "no remembered edge is used: CloudTrail does not have the writes of our last run"
    assert plan.edges.warnings == (lost,)
    changed.apply(plan)
    assert changed.plan().edges.warnings == ()
