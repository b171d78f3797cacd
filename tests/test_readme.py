"""The README says what is so: its commands, its code, its tables, its pictures, its claims."""

from __future__ import annotations

import difflib
import re
import xml.etree.ElementTree as ET

import pytest

from reconciler.kinds.things import Thing
from tests.docs import journey, pictures
from tests.docs.generate import PICTURES, README, tabulated
from tests.docs.journey import ROOT, UntrueError, checkout, commands, recipe, retold, run
from tests.support.desired_states import ca, converge, device, failures, plan_of, resource, state
from tests.support.desired_states import run as applied

AGAIN = "python -m tests.docs.generate writes it anew"


@pytest.fixture(scope="module")
def readme():
    return README.read_text(encoding="utf-8")


@pytest.fixture
def cloud():
    from tests.support.registry_client import Cloud

    return Cloud()


def differences(said: str, is_so: str) -> str:
    lines = difflib.unified_diff(
        said.splitlines(), is_so.splitlines(), "README.md says", "is so", lineterm="", n=1
    )
    return "\n".join(lines)


def test_every_command_shows_and_every_print_prints_what_the_readme_says(readme, tmp_path):
    told = retold(readme, checkout(tmp_path / "journey"))
    assert differences(journey.steady(readme), journey.steady(told)) == "", AGAIN


def test_the_tables_are_what_the_kinds_and_the_commands_say(readme):
    assert differences(readme, tabulated(readme)) == "", AGAIN


def test_the_pictures_are_what_the_commands_draw(tmp_path):
    drawn = pictures.pictures(checkout(tmp_path / "pictures"))
    there = {path.name: path.read_text(encoding="utf-8") for path in PICTURES.glob("*.svg")}
    assert sorted(there) == sorted(drawn)
    for name, picture in there.items():
        assert pictures.steady(picture) == pictures.steady(drawn[name]), f"{name}: {AGAIN}"


def test_every_picture_is_shown_and_reaches_for_nothing(readme):
    names = [path.name for path in PICTURES.iterdir()]
    assert sorted(re.findall(r'src="\.github/pictures/([^"]+)"', readme)) == sorted(names)
    for path in PICTURES.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        ET.fromstring(text)
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+|@import|@font-face|<script", text) == []


def test_every_file_that_a_paper_links_to_is_there():
    for paper in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / paper).read_text(encoding="utf-8")
        links = [found for found in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in found]
        assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_target_of_make_that_a_paper_names_is_there():
    for paper in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / paper).read_text(encoding="utf-8")
        for target in re.findall(r"(?:`|^\$ )make ([a-z]+)", text, re.MULTILINE):
            assert recipe(target) != []


def test_the_readme_shows_both_make_targets_and_make_runs_what_the_journey_runs(readme):
    assert [command for command in commands(readme) if command.startswith("make ")][:2] == [
        "make apply",
        "make test",
    ]
    assert [line for line in recipe("apply") if not line.startswith("echo")] == [
        "$(BIN)/reconciler apply --yes",
        "$(BIN)/reconciler plan --detailed-exitcode",
    ]
    assert recipe("test") == ["$(BIN)/python -m pytest -n auto --dist loadgroup"]


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ make nothing\n```",
        "```console\n$ rm -rf /\n```",
        "```console\n$ reconciler plan --detailed-exitcode\n```",
        "```diff\n-no such line\n+another\n```",
    ],
)
def test_a_readme_that_cannot_be_followed_is_refused(block, tmp_path):
    with pytest.raises(UntrueError):
        retold(block, checkout(tmp_path / "journey"))


@pytest.mark.parametrize(
    ("said", "is_so"),
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
def test_what_is_shown_wrongly_is_set_right(said, is_so, tmp_path):
    assert retold(f"```console\n{said}```", checkout(tmp_path / "journey")) == f"```console\n{is_so}```"


# ── what the README claims beside Terraform, and as a promise or a limit ──


def test_a_thing_edited_after_planning_is_not_overwritten(cloud):
    converge(state(ca(), *device("d", site="oslo")), cloud)
    plan = plan_of(state(ca(), *device("d", site="bergen")), cloud)
    cloud.iot.update_thing(thingName="d", attributePayload={"attributes": {"by": "hand"}, "merge": True})
    (failure,) = failures(applied(plan, cloud))
    assert failure == (
        "failed things.d: things.d was changed since the plan was made (attributes.by); nothing of this step was sent; "
        "plan again"
    )
    assert cloud.iot.describe_thing(thingName="d")["attributes"] == {"site": "oslo", "by": "hand"}


def test_what_is_ignored_is_left_as_it_is_found_whatever_else_changes(cloud):
    def fleet(site):
        spec = Thing(attributes={"site": site, "firmware": "1"})
        return state(resource("things", "d", spec, ignore_changes=("attributes.firmware",)))

    converge(fleet("oslo"), cloud)
    cloud.iot.update_thing(thingName="d", attributePayload={"attributes": {"firmware": "2"}, "merge": True})
    assert not plan_of(fleet("oslo"), cloud)
    converge(fleet("bergen"), cloud)
    assert cloud.iot.describe_thing(thingName="d")["attributes"] == {"site": "bergen", "firmware": "2"}


def test_a_policy_that_somebody_attached_does_not_stand_in_the_way_of_destroy(cloud):
    fleet = state(ca(), *device("d", site="oslo"))
    converge(fleet, cloud)
    (arn,) = cloud.iot.list_thing_principals(thingName="d")["principals"]
    cloud.iot.create_policy(policyName="theirs", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    cloud.iot.attach_policy(policyName="theirs", target=arn)
    assert failures(applied(plan_of(fleet, cloud, destroy=True), cloud)) == []
    assert (cloud.content()["certificates"], cloud.content()["things"]) == ({}, {})
    assert [policy["policyName"] for policy in cloud.iot.list_policies()["policies"]] == ["theirs"]


def test_prevent_destroy_holds_for_destroy_too(tmp_path, monkeypatch):
    monkeypatch.chdir(checkout(tmp_path / "journey"))
    assert run("apply", "--yes")[0] == 0
    assert run("destroy", "--yes") == (
        3,
        (
            "error: the plan is refused; nothing was sent\n"
            "  - things.gateway-1: the plan would delete it, and its lifecycle.prevent_destroy forbids that\n"
        ),
    )
