"""The loading benchmark loads the same fleet from each form of manifest, and prints complete tables."""

from __future__ import annotations

import re

from reconciler.workspace import Workspace
from tests.benchmarks.loading import SOURCES, load_million, main, write_rows


def test_the_fleet_is_the_same_in_each_form_of_manifest(tmp_path):
    write_rows(tmp_path, 3, [*SOURCES])
    specs = {}
    for source in SOURCES:
        resources = Workspace(tmp_path / source / "desired_state.toml").desired.resources
        specs[source] = {str(address): resource.spec for address, resource in resources.items()}
    assert specs == dict.fromkeys(SOURCES, specs["CSV"])
    assert specs["CSV"]["things.meter-0000002"].attributes == {
        "site": "hamar",
        "firmware": "1.2",
        "batch": "batch-0",
        "owner": "acme",
    }


def test_the_command_prints_a_ratio_for_each_load_and_each_form_of_manifest(capsys):
    main(["--certificates", "2", "--rows", "20"])
    rows = re.findall(
        r"^\| (\S+) +\| ([\w ]+?) +\|(?: +[\d.]+ \|){3}$", capsys.readouterr().out, re.MULTILINE
    )
    assert rows == [("2", "first load"), ("2", "second load"), *(("20", source) for source in SOURCES)]


def test_a_large_manifest_is_loaded_in_its_own_process():
    text = load_million(5)
    assert re.fullmatch(r"5 rows of CSV: \d+ s of processor time, \d+ MiB at most\n", text)
