"""`reconciler export` counts unmanaged resources, and advises a command that imports them."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.test_adopt_globs import NAMES, WORKSPACE_TABLE, cloud

__all__ = ["cloud"]


def test_a_pattern_that_matches_nothing_is_an_error_and_no_file_is_written(run, tmp_path, cloud):
    assert run("export", "thigs.*", "policies", "things.pump-9", "--out", "exported.toml") == (
        1,
        "",
        (
            "error: nothing was exported\n"
            "  - 'thigs.*': matches no resource that can be exported; did you mean 'things'?\n"
            "  - 'things.pump-9': matches no resource that can be exported; did you mean 'things.pump-5'?\n"
        ),
    )
    assert not (tmp_path / "exported.toml").exists()


def test_an_export_of_an_empty_account_has_a_note(run, tmp_path):
    (tmp_path / "desired_state.toml").write_text(WORKSPACE_TABLE)
    assert run("export", "--out", "exported.toml") == (
        0,
        "",
        (
            "wrote exported.toml: 0 resources\n"
            "nothing to export: the account has no resources except those of other workspaces\n"
        ),
    )


def test_unmanaged_resources_of_every_kind_are_counted_and_managed_ones_are_not(run, cloud):
    assert run("adopt", "*.pump-0", "--yes")[0] == 0
    assert run("export")[2].splitlines() == [
        "not managed yet: 14 resources",
        "  account.audit (1): account.audit",
        "  account.indexing (1): account.indexing",
        "  account.logging (1): account.logging",
        "  policies (1): policies.p",
        "  certificates (5): certificates.pump-1, certificates.pump-2, certificates.pump-3 and 2 more",
        "  things (5): things.pump-1, things.pump-2, things.pump-3 and 2 more",
        "to import them, run `reconciler adopt --all`",
    ]


@pytest.mark.parametrize(
    ("adopted", "words", "advice"),
    [
        ([], ["--out", "exported.toml"], "reconciler -f exported.toml apply --adopt '*'"),
        ([], ["--out", "exported.toml", "--as-fleet"], "reconciler -f exported.toml apply --adopt '*'"),
        ([], ["things", "*.pump-1"], "reconciler adopt things '*.pump-1'"),
        # An apply of this file would delete pump-0, which it does not declare.
        (["*.pump-0"], ["*.pump-1", "--out", "exported.toml"], "reconciler adopt '*.pump-1'"),
    ],
)
def test_the_advised_command_imports_what_was_exported_and_deletes_nothing(
    run, cloud, adopted, words, advice
):
    if adopted:
        assert run("adopt", *adopted, "--yes")[0] == 0
    before = cloud.read_content()["things"]
    err = run("export", *words)[2]
    command = re.findall(r"^to import (?:it|them), run `(.*)`$", err, re.MULTILINE)
    assert command == [advice]
    code, out, _ = run(*shlex.split(advice)[1:], "--yes")
    assert code == 0, out
    owned = {name for name, thing in cloud.read_content()["things"].items() if thing["groups"]}
    exported = {name for name in NAMES if "*.pump-1" not in words or "things" in words} or {"pump-1"}
    assert owned == exported | {name.removeprefix("*.") for name in adopted}
    assert cloud.read_content()["things"].keys() == before.keys()
