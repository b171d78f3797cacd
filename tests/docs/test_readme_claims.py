"""README.md is true: its commands and code are run, its tables and pictures are compared."""

from __future__ import annotations

import difflib
import re
import xml.etree.ElementTree as ET

import pytest

from reconciler.kinds.things import Thing
from tests.docs import pictures
from tests.docs.generate import PICTURES, README, update_tables
from tests.docs.readme_runner import (
    ROOT,
    ReadmeError,
    copy_checkout,
    find_commands,
    read_recipe,
    remove_durations,
    run_reconciler,
    update_outputs,
)
from tests.support.desired_states import (
    apply,
    converge,
    list_failures,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)

REGENERATE = "run python -m tests.docs.generate"
PAPERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/glossary.md")


@pytest.fixture(scope="module")
def readme():
    return README.read_text(encoding="utf-8")


@pytest.fixture
def cloud():
    from tests.support.registry_client import Cloud

    return Cloud()


def diff_texts(readme: str, actual: str) -> str:
    """Return the lines that differ, or an empty string."""
    lines = difflib.unified_diff(
        readme.splitlines(), actual.splitlines(), "README.md", "actual", lineterm="", n=1
    )
    return "\n".join(lines)


def test_every_command_and_every_print_outputs_what_the_readme_shows(readme, tmp_path):
    updated = update_outputs(readme, copy_checkout(tmp_path / "journey"))
    assert diff_texts(remove_durations(readme), remove_durations(updated)) == "", REGENERATE


def test_the_tables_match_the_kinds_and_the_commands(readme):
    assert diff_texts(readme, update_tables(readme)) == "", REGENERATE


def test_the_stored_pictures_are_equal_to_what_the_commands_draw_now(tmp_path):
    drawn = pictures.draw_pictures(copy_checkout(tmp_path / "pictures"))
    stored = {path.name: path.read_text(encoding="utf-8") for path in PICTURES.glob("*.svg")}
    assert sorted(stored) == sorted(drawn)
    for name, picture in stored.items():
        assert pictures.remove_digest(picture) == pictures.remove_digest(drawn[name]), f"{name}: {REGENERATE}"


def test_the_readme_shows_every_picture_and_no_picture_loads_anything(readme):
    names = [path.name for path in PICTURES.iterdir()]
    assert sorted(re.findall(r'src="\.github/pictures/([^"]+)"', readme)) == sorted(names)
    for path in PICTURES.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        ET.fromstring(text)
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+|@import|@font-face|<script", text) == []


@pytest.mark.parametrize("paper", PAPERS)
def test_every_linked_file_exists(paper):
    path = ROOT / paper
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    links = [target for target in targets if "://" not in target]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_every_named_make_target_exists(paper):
    text = (ROOT / paper).read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^\$ )make ([a-z]+)", text, re.MULTILINE):
        assert read_recipe(target) != []


def test_make_runs_the_commands_that_the_readme_shows(readme):
    assert [command for command in find_commands(readme) if command.startswith("make ")][:2] == [
        "make apply",
        "make test",
    ]
    assert [line for line in read_recipe("apply") if not line.startswith("echo")] == [
        "$(BIN)/reconciler apply --yes",
        "$(BIN)/reconciler plan --detailed-exitcode",
    ]
    assert read_recipe("test") == ["$(BIN)/python -m pytest -n auto --dist loadgroup"]


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ make nothing\n```",
        "```console\n$ rm -rf /\n```",
        "```console\n$ reconciler plan --detailed-exitcode\n```",
        "```diff\n-no such line\n+another\n```",
    ],
)
def test_a_readme_that_cannot_be_followed_is_rejected(block, tmp_path):
    with pytest.raises(ReadmeError):
        update_outputs(block, copy_checkout(tmp_path / "journey"))


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        (
            "$ reconciler registry path\nelsewhere\n",
            "$ reconciler registry path\n.reconciler/registry.sqlite3\n",
        ),
        ("$ reconciler validate\n…\n  0  things\n", "$ reconciler validate\n…\n  3  managed things\n"),
        (
            "$ reconciler validate\n…\n  3  managed things\n",
            "$ reconciler validate\n…\n  3  managed things\n",
        ),
    ],
)
def test_a_wrong_output_is_corrected_and_a_right_one_is_kept(shown, actual, tmp_path):
    assert (
        update_outputs(f"```console\n{shown}```", copy_checkout(tmp_path / "journey"))
        == f"```console\n{actual}```"
    )


# ── claims of the README in its comparison, guarantees and known limits ──


def test_a_thing_edited_after_planning_is_not_overwritten(cloud):
    converge(make_state(make_ca(), *make_device("d", site="oslo")), cloud)
    plan = plan_state(make_state(make_ca(), *make_device("d", site="bergen")), cloud)
    cloud.iot.update_thing(thingName="d", attributePayload={"attributes": {"by": "hand"}, "merge": True})
    (failure,) = list_failures(apply(plan, cloud))
    assert failure == (
        "failed things.d: things.d: was changed after the plan was made (attributes.by); nothing of this step was sent; "
        "run plan again"
    )
    assert cloud.iot.describe_thing(thingName="d")["attributes"] == {"site": "oslo", "by": "hand"}


def test_an_ignored_field_keeps_its_live_value_when_other_fields_change(cloud):
    def build_state(site):
        spec = Thing(attributes={"site": site, "firmware": "1"})
        return make_state(make_resource("things", "d", spec, ignore_changes=("attributes.firmware",)))

    converge(build_state("oslo"), cloud)
    cloud.iot.update_thing(thingName="d", attributePayload={"attributes": {"firmware": "2"}, "merge": True})
    assert not plan_state(build_state("oslo"), cloud)
    converge(build_state("bergen"), cloud)
    assert cloud.iot.describe_thing(thingName="d")["attributes"] == {"site": "bergen", "firmware": "2"}


def test_destroy_succeeds_when_a_foreign_policy_is_attached(cloud):
    fleet = make_state(make_ca(), *make_device("d", site="oslo"))
    converge(fleet, cloud)
    (arn,) = cloud.iot.list_thing_principals(thingName="d")["principals"]
    cloud.iot.create_policy(policyName="theirs", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    cloud.iot.attach_policy(policyName="theirs", target=arn)
    assert list_failures(apply(plan_state(fleet, cloud, destroy=True), cloud)) == []
    assert (cloud.read_content()["certificates"], cloud.read_content()["things"]) == ({}, {})
    assert [policy["policyName"] for policy in cloud.iot.list_policies()["policies"]] == ["theirs"]


def test_prevent_destroy_rejects_destroy(tmp_path, monkeypatch):
    monkeypatch.chdir(copy_checkout(tmp_path / "journey"))
    assert run_reconciler("apply", "--yes")[0] == 0
    assert run_reconciler("destroy", "--yes") == (
        3,
        (
            "error: the plan is rejected; nothing was sent\n"
            "  - things.gateway-1: cannot delete: its lifecycle.prevent_destroy forbids that; "
            "to allow it, first apply its table with prevent_destroy = false\n"
        ),
    )
