"""A fleet is exported to a new file, and the plan of the exported file is empty."""

from __future__ import annotations

import tomllib


def test_the_plan_of_an_exported_file_is_empty_and_the_file_is_not_overwritten(applied_folder):
    exported = applied_folder.run("export", "--out", "exported.toml", "--pem-dir", "exported")
    assert (exported.exit_code, exported.stdout, exported.stderr) == (
        0,
        "",
        "wrote exported.toml: 6 resources\n",
    )
    planned = applied_folder.run("plan", "--detailed-exitcode", "-f", "exported.toml")
    assert (planned.exit_code, planned.stdout.splitlines()[-1][:11]) == (0, "No changes:")
    settings = tomllib.loads((applied_folder.path / "exported.toml").read_text())["workspace"]
    assert settings == {"name": "greenhouse", "target": "embedded", "region": "eu-west-1"}
    repeated = applied_folder.run("export", "--out", "exported.toml")
    assert (repeated.exit_code, repeated.stderr) == (
        1,
        "error: exported.toml: file already exists and was not overwritten; choose another name\n",
    )
