"""`reconciler adopt` sets ownership tags and markers and appends tables to the file.

Nothing else in the file or the registry changes.
"""

from __future__ import annotations

import tomllib

import pytest

from tests.support.pki import Authority, compute_certificate_id
from tests.support.registry_client import Cloud

PEM = Authority("Theirs").get_device_pem("hand")
CERTIFICATE_ID = compute_certificate_id(PEM)
WORKSPACE_TABLE = """\
# Mine, with   odd spacing.
[workspace]
name = "greenhouse"   # keep me
"""


@pytest.fixture
def file(run, tmp_path):
    """Write a desired state that declares only its workspace."""
    path = tmp_path / "desired_state.toml"
    path.write_text(WORKSPACE_TABLE)
    return path


@pytest.fixture
def cloud(file):
    """Return the file's registry with unmanaged resources.

    These are two things, a certificate of one of them, and a policy.
    """
    (file.parent / ".reconciler").mkdir()
    cloud = Cloud(file.parent / ".reconciler/registry.sqlite3")
    certificate = cloud.iot.register_certificate_without_ca(certificatePem=PEM, status="ACTIVE")
    cloud.iot.create_thing(thingName="hand", attributePayload={"attributes": {"site": "oslo"}})
    cloud.iot.attach_thing_principal(thingName="hand", principal=certificate["certificateArn"])
    cloud.iot.create_thing(thingName="other")
    cloud.iot.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    return cloud


def test_an_adopted_thing_and_its_certificate_are_appended_to_the_file(run, file, cloud):
    before = cloud.read_content()
    code, out, err = run("adopt", "things.hand", f"certificates.{CERTIFICATE_ID}", "--yes")
    assert (code, out.splitlines()[-1].partition(" in ")[0]) == (0, "✔ Apply complete")
    assert err.splitlines()[0] == "adding 2 tables at the end of desired_state.toml"
    text = file.read_text()
    assert text.startswith(WORKSPACE_TABLE + "\n")
    tables = tomllib.loads(text)
    assert tables["things"] == {"hand": {"attributes": {"site": "oslo"}, "certificates": ["hand"]}}
    assert list(tables["certificates"]) == ["hand"]
    after = cloud.read_content()
    assert after["certificates"] == before["certificates"]
    assert after["things"]["other"] == before["things"]["other"]
    assert after["things"]["hand"] == {**before["things"]["hand"], "groups": ["reconciler-greenhouse"]}
    assert after["policies"]["p"] == before["policies"]["p"]
    assert run("plan", "--detailed-exitcode")[0] == 0


def test_show_finds_a_resource_that_the_workspace_does_not_manage(run, file, cloud):
    assert run("show", "things.hand") == (
        0,
        (
            "things.hand\n"
            "live         hand · version 1 · not managed by this workspace\n"
            "\n"
            "  field            desired           live\n"
            "  attributes.site  -                 oslo\n"
            f"  certificates     -                 [{CERTIFICATE_ID[:12]}…]\n"
            "  exclusive        -                 false\n"
            "\n"
            "not in the file; left unchanged\n"
        ),
        "",
    )


def test_adopting_a_declared_resource_does_not_change_the_file(run, file, cloud):
    text = WORKSPACE_TABLE + '\n[policies.p]\ndocument = { Version = "2012-10-17", Statement = [] }\n'
    file.write_text(text)
    assert run("apply", "--yes")[0] == 3
    assert run("adopt", "policies.p", "--yes")[0] == 0
    assert file.read_text() == text
    assert cloud.read_content()["policies"]["p"]["tags"] == {
        "reconciler:name": "p",
        "reconciler:workspace": "greenhouse",
    }


def test_without_confirmation_neither_the_file_nor_the_registry_changes(run, file, cloud):
    before = cloud.read_content()
    code, out, err = run("adopt", "policies.p")
    assert (code, out.splitlines()[0]) == (1, "Plan for greenhouse")
    assert "stdin is not a terminal" in err
    assert (file.read_text(), cloud.read_content()) == (WORKSPACE_TABLE, before)


def test_a_missing_resource_is_reported_with_the_closest_name_and_nothing_is_adopted(run, file, cloud):
    before = cloud.read_content()
    assert run("adopt", "policies.p", "things.hnd", "--yes") == (
        1,
        "",
        (
            "error: nothing was adopted\n"
            "things.hnd: no unmanaged resource has that name; did you mean 'things.hand'?\n"
        ),
    )
    assert (file.read_text(), cloud.read_content()) == (WORKSPACE_TABLE, before)


def test_a_resource_of_another_workspace_cannot_be_adopted(run, file, cloud):
    cloud.iot.tag_resource(
        resourceArn=cloud.iot.get_policy(policyName="p")["policyArn"],
        tags=[{"Key": "reconciler:workspace", "Value": "theirs"}],
    )
    code, out, err = run("adopt", "policies.p", "--yes")
    assert (code, out, err.splitlines()[0]) == (1, "", "error: nothing was adopted")
    assert file.read_text() == WORKSPACE_TABLE


def test_a_rejected_plan_leaves_the_file_unchanged(run, file, cloud):
    assert run("adopt", "policies.p", "--yes")[0] == 0
    text_with_policy = file.read_text()
    code, out, err = run("adopt", "policies.p", "things.other", "--yes")
    assert (code, out, file.read_text()) == (3, "", text_with_policy)
    assert err.splitlines() == [
        "adding 1 table at the end of desired_state.toml",
        "error: the plan is rejected; nothing was sent",
        "  - policies.p: cannot adopt: already managed by this workspace; plan without adopting it",
    ]


def test_only_the_named_resources_are_adopted(run, file, cloud):
    text = WORKSPACE_TABLE + '\n[policies.p]\ndocument = { Version = "2012-10-17", Statement = [] }\n'
    file.write_text(text)
    assert run("adopt", "things.other", "--yes")[0] == 0
    assert cloud.read_content()["policies"]["p"]["tags"] == {}
    assert cloud.read_content()["things"]["other"]["groups"] == ["reconciler-greenhouse"]


def test_in_a_folder_of_files_new_tables_are_written_to_adopted_toml(run, file, cloud):
    assert run("adopt", "policies.p", "--yes", "-f", ".")[0] == 0
    assert file.read_text() == WORKSPACE_TABLE
    assert list(tomllib.loads((file.parent / "adopted.toml").read_text())["policies"]) == ["p"]


def test_adopted_certificates_can_be_written_to_files(run, file, cloud):
    assert run("adopt", f"certificates.{CERTIFICATE_ID}", "--pem-dir", "pki", "--yes")[0] == 0
    table = tomllib.loads(file.read_text())["certificates"]["hand"]
    assert table["pem"] == {"file": "pki/certificates/hand.pem"}
    assert (file.parent / table["pem"]["file"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
