"""`reconciler adopt` sets marks and nothing else, and adds to the file without touching what is in it."""

from __future__ import annotations

import tomllib

import pytest

from tests.support.pki import Authority
from tests.support.registry_client import Cloud

HEAD = """\
# Mine, with   odd spacing.
[workspace]
name = "greenhouse"   # keep me
"""


@pytest.fixture
def place(run, tmp_path):
    """A file with nothing but its workspace, beside a registry that somebody else has filled."""
    (tmp_path / "desired_state.toml").write_text(HEAD)
    (tmp_path / ".reconciler").mkdir()
    cloud = Cloud(tmp_path / ".reconciler/registry.sqlite3")
    pem = Authority("Theirs").device("hand")
    made = cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
    cloud.iot.create_thing(thingName="hand", attributePayload={"attributes": {"site": "oslo"}})
    cloud.iot.attach_thing_principal(thingName="hand", principal=made["certificateArn"])
    cloud.iot.create_thing(thingName="other")
    cloud.iot.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    return run, tmp_path / "desired_state.toml", cloud, made["certificateId"]


def test_a_thing_and_its_certificate_are_adopted_into_the_file_and_only_marked(place):
    run, file, cloud, identity = place
    before = cloud.content()
    code, out, err = run("adopt", "things.hand", f"certificates.{identity}", "--yes")
    assert (code, out.splitlines()[-1].partition(" in ")[0]) == (0, "✔ Done")
    assert err.splitlines()[0] == "adding 2 tables at the end of desired_state.toml"
    text = file.read_text()
    assert text.startswith(HEAD + "\n")
    said = tomllib.loads(text)
    assert said["things"] == {"hand": {"attributes": {"site": "oslo"}, "certificates": ["hand"]}}
    assert list(said["certificates"]) == ["hand"]
    after = cloud.content()
    assert after["certificates"] == before["certificates"]
    assert after["things"]["other"] == before["things"]["other"]
    assert after["things"]["hand"] == {**before["things"]["hand"], "groups": ["reconciler-greenhouse"]}
    assert after["policies"]["p"] == before["policies"]["p"]
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_what_is_in_the_file_already_is_adopted_and_the_file_stays(place):
    run, file, cloud, _ = place
    text = HEAD + '\n[policies.p]\ndocument = { Version = "2012-10-17", Statement = [] }\n'
    file.write_text(text)
    assert run("apply", "--yes")[0] == 3
    assert run("adopt", "policies.p", "--yes")[0] == 0
    assert file.read_text() == text
    assert cloud.content()["policies"]["p"]["tags"] == {
        "reconciler:name": "p",
        "reconciler:workspace": "greenhouse",
    }


def test_without_a_yes_neither_the_file_nor_the_registry_changes(place):
    run, file, cloud, _ = place
    before = cloud.content()
    code, out, err = run("adopt", "policies.p")
    assert (code, out.splitlines()[0]) == (1, "Plan for greenhouse")
    assert "stdin is not a terminal" in err
    assert (file.read_text(), cloud.content()) == (HEAD, before)


def test_what_is_not_there_is_told_with_the_nearest_and_nothing_is_adopted(place):
    run, file, cloud, _ = place
    before = cloud.content()
    assert run("adopt", "policies.p", "things.hnd", "--yes") == (
        1,
        "",
        (
            "error: nothing was adopted\n"
            "things.hnd: no unmanaged resource has that name; did you mean things.hand?\n"
        ),
    )
    assert (file.read_text(), cloud.content()) == (HEAD, before)


def test_what_another_workspace_owns_is_not_free(place):
    run, file, cloud, _ = place
    cloud.iot.tag_resource(
        resourceArn=cloud.iot.get_policy(policyName="p")["policyArn"],
        tags=[{"Key": "reconciler:workspace", "Value": "theirs"}],
    )
    code, out, err = run("adopt", "policies.p", "--yes")
    assert (code, out, err.splitlines()[0]) == (1, "", "error: nothing was adopted")
    assert file.read_text() == HEAD


def test_a_refused_plan_leaves_the_file_as_it_was(place):
    run, file, _, _ = place
    text = HEAD + "\n[workspace.limits]\ndelete_percent = 10\n"
    file.write_text(text)
    assert run("adopt", "policies.p", "--yes")[0] == 0
    adopted = file.read_text()
    code, out, err = run("adopt", "policies.p", "things.other", "--yes")
    assert (code, out, file.read_text()) == (3, "", adopted)
    assert err.splitlines() == [
        "adding 1 table at the end of desired_state.toml",
        "error: the plan is refused; nothing was sent",
        "  - policies.p: cannot adopt: already managed by this workspace; remove it from --adopt",
    ]


def test_what_else_in_the_file_is_unmarked_is_left_for_another_time(place):
    run, file, cloud, _ = place
    text = HEAD + '\n[policies.p]\ndocument = { Version = "2012-10-17", Statement = [] }\n'
    file.write_text(text)
    assert run("adopt", "things.other", "--yes")[0] == 0
    assert cloud.content()["policies"]["p"]["tags"] == {}
    assert cloud.content()["things"]["other"]["groups"] == ["reconciler-greenhouse"]


def test_in_a_folder_of_files_it_goes_into_one_of_its_own(place):
    run, file, _, _ = place
    assert run("adopt", "policies.p", "--yes", "-f", ".")[0] == 0
    assert file.read_text() == HEAD
    assert list(tomllib.loads((file.parent / "adopted.toml").read_text())["policies"]) == ["p"]


def test_certificates_may_become_files(place):
    run, file, _, identity = place
    assert run("adopt", f"certificates.{identity}", "--pem-dir", "pki", "--yes")[0] == 0
    said = tomllib.loads(file.read_text())["certificates"]["hand"]
    assert said["pem"] == {"file": "pki/certificates/hand.pem"}
    assert (file.parent / said["pem"]["file"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
