"""Manifests in S3: read with the workspace's credentials, and pinned by their version or ETag."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler import Workspace
from reconciler.cli.main import cli
from reconciler.model.errors import InvalidDesiredStateError, PlanRejectedError

URL = "s3://fleet/lists/devices.csv"
TEXT = f"""
[workspace]
name = "greenhouse"
[things."pump-{{n}}"]
for_each = {{ file = "{URL}" }}
"""


@pytest.fixture
def client(s3_client) -> Iterator[object]:
    """A client of the server with an empty bucket; the workspace's credentials are for the same server."""
    s3_client.create_bucket(Bucket="fleet")
    yield s3_client
    for version in s3_client.list_object_versions(Bucket="fleet").get("Versions", ()):
        s3_client.delete_object(Bucket="fleet", Key=version["Key"], VersionId=version["VersionId"])
    s3_client.delete_bucket(Bucket="fleet")


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "desired_state.toml"
    path.write_text(TEXT)
    return path


def put(client: object, text: str) -> str:
    """Write the manifest, and return its version, or its ETag without versions."""
    response = client.put_object(Bucket="fleet", Key="lists/devices.csv", Body=text.encode())
    return response.get("VersionId") or response["ETag"].strip('"')


def test_an_object_is_pinned_by_its_etag_without_versions(client, path):
    etag = put(client, "n\n1\n2\n")
    desired = Workspace(path).desired
    (source,) = desired.manifest_sources
    assert ([str(address) for address in desired.resources], source.form, source.name, source.version) == (
        ["things.pump-1", "things.pump-2"],
        "s3",
        URL,
        etag,
    )
    assert etag == hashlib.md5(b"n\n1\n2\n", usedforsecurity=False).hexdigest()


def test_a_new_version_changes_the_digest_even_with_the_same_rows(client, path):
    client.put_bucket_versioning(Bucket="fleet", VersioningConfiguration={"Status": "Enabled"})
    states, versions = [], []
    for _ in range(2):
        versions.append(put(client, "n\n1\n"))
        states.append(Workspace(path).desired)
    sources = [state.manifest_sources[0] for state in states]
    assert [source.version for source in sources] == versions
    assert sources[0].digest == sources[1].digest
    assert states[0].digest != states[1].digest
    assert states[0].files_digest == states[1].files_digest


def test_a_saved_plan_of_another_version_is_rejected(client, path):
    put(client, "n\n1\n")
    workspace = Workspace(path)
    plan = workspace.plan()
    workspace.save(plan, path.parent / "plan.json")
    assert json.loads((path.parent / "plan.json").read_text())["manifest_sources"] == [
        {"form": "s3", "name": URL, "rows": 1, "digest": plan.manifest_sources[0].digest, "version": plan.manifest_sources[0].version}
    ]  # fmt: skip
    put(client, "n\n2\n")
    new = Workspace(path)
    with pytest.raises(PlanRejectedError) as caught:
        new.open_plan(path.parent / "plan.json")
    expected = f"the SHA-256 of the desired state was {plan.file_digest} when the plan was saved, and is {new.desired.digest} now; save a new plan"
    assert caught.value.reasons == (expected,)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (URL, f"cannot read {URL}: An error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist.; correct the key, or upload the object"),
        ("s3://fleet/devices.sqlite3", "'s3://fleet/devices.sqlite3' cannot be read from S3; expected a name that ends in .csv, .json, .jsonl or .parquet; a database must be a file"),
        ("s3://fleet.csv", "'s3://fleet.csv' is not a valid URL; expected s3://BUCKET/KEY"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("client")
def test_an_object_that_cannot_be_read_is_an_error(path, url, problem):
    path.write_text(TEXT.replace(URL, url))
    with pytest.raises(InvalidDesiredStateError) as caught:
        _ = Workspace(path).desired
    prefix = "desired_state.toml:5: error: things.pump-{n}.for_each.file: "
    assert [str(diagnostic) for diagnostic in caught.value.diagnostics] == [f"{prefix}{problem}"]


@pytest.mark.usefixtures("client")
def test_an_environment_cannot_be_declared_by_an_object(path):
    path.write_text(
        '[workspace]\nname = "a"\n[environments."{n}"]\nfor_each = { file = "s3://fleet/a.csv" }\n'
    )
    with pytest.raises(InvalidDesiredStateError) as caught:
        _ = Workspace(path).desired
    assert str(caught.value.diagnostics[0]) == (
        "desired_state.toml:4: error: environments.{n}.for_each.file: an object in S3 is not valid here; "
        "expected a file: the account of an environment is known only after its manifest is read"
    )


@pytest.mark.parametrize("exists", [True, False])
def test_permissions_allow_reading_the_object(client, path, exists):
    if exists:
        put(client, "n\n1\n")
    result = CliRunner().invoke(cli, ["-f", str(path), "permissions"], prog_name="reconciler")
    statement = {
        "Sid": "ReadOutside",
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::fleet/lists/devices.csv"],
    }
    assert (result.exit_code, statement in json.loads(result.stdout)["Statement"]) == (0, True)
    assert ("run the command again with it, for the whole policy" in result.stderr) == (not exists)


def test_an_offline_command_warns_of_an_object_that_it_does_not_read(client, path):
    put(client, "n\n1\n")
    result = CliRunner().invoke(
        cli, ["-f", str(path), "validate"], env={"NO_COLOR": "1"}, prog_name="reconciler"
    )
    expected = """\
warning: desired_state.toml:5  things.pump-{n}.for_each.file  [unread-object]
    5 | for_each = …
      | ^^^^^^^^
    s3://fleet/lists/devices.csv is not read offline, so its rows are not checked

1 warning

"""
    assert (result.exit_code, result.stderr) == (0, expected)
