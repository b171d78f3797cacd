"""A fleet is exported by the installed command, and planned again from what was written."""

from __future__ import annotations

import tomllib


def test_the_exported_file_of_a_journey_plans_empty(applied):
    ended = applied.run("export", "--out", "again.toml", "--pem-dir", "exported")
    assert (ended.code, ended.out, ended.err) == (0, "", "wrote again.toml: 6 resources\n")
    planned = applied.run("plan", "--detailed-exitcode", "-f", "again.toml")
    assert (planned.code, planned.out.splitlines()[-1][:11]) == (0, "No changes:")
    settings = tomllib.loads((applied.path / "again.toml").read_text())["workspace"]
    assert settings == {"name": "greenhouse", "target": "embedded", "region": "eu-west-1"}
    again = applied.run("export", "--out", "again.toml")
    assert (again.code, again.err) == (
        1,
        "error: again.toml: file already exists and was not overwritten; choose another name\n",
    )
