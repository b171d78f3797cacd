"""The benchmark of a very large fleet loads and plans it in processes of their own."""

from __future__ import annotations

from tests.benchmarks.million import COLUMNS, STAGES, measure_stages

DEVICES = 5


def test_each_stage_has_the_whole_fleet_and_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")  # restored at the end: the benchmark sets it
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in measure_stages(tmp_path, DEVICES, [*STAGES])]
    assert [(row["stage"], row["devices"], row["result"]) for row in rows] == [
        ("load", "5", "5 resources"),
        ("create", "5", "6 steps"),  # and the workspace's group
        ("no-op", "5", "0 steps, edges: 5 read now, 0 remembered (limit 7 d)"),  # all have their turn
    ]
    assert all(int(row["peak MiB"]) >= 20 for row in rows)
