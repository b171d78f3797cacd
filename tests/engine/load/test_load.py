"""Loading TOML files: the desired state, or every diagnostic at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load as load_with
from reconciler.kinds.ca_certificates import CaCertificate, CaVerification
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.managed_things import ManagedThing
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Lifecycle, Origin, Resource
from reconciler.model.secret import Secret
from reconciler.model.settings import ChangeLimits, DesiredState, Settings
from tests.engine.load.invalid import CASES
from tests.engine.load.invalid.case import WORKSPACE, InvalidCase
from tests.support.input_files import create_input_files
from tests.support.json_schema_validation import assert_schema_accepts
from tests.support.pki import DAY, NOW

load_without_schema = partial(load_with, constraints=ServiceModelConstraints())


def load(path: Path, *, environ: Mapping[str, str]) -> DesiredState:
    """Load a desired state, and assert that the published schema accepts it, too."""
    desired_state = load_without_schema(path, environ=environ)
    assert_schema_accepts(path)
    return desired_state


@pytest.fixture(scope="session")
def input_files(tmp_path_factory) -> Path:
    """Certificates, keys and other files, created once."""
    folder = tmp_path_factory.mktemp("input_files") / "pki"
    create_input_files(folder)
    return folder


@pytest.fixture
def folder(tmp_path, input_files) -> Path:
    """A folder with the input files in `pki/`, and `outside.pem` next to the folder."""
    shutil.copytree(
        input_files, tmp_path / "state" / "pki", symlinks=True, ignore=shutil.ignore_patterns("pipe")
    )
    # `copytree` cannot copy a pipe.
    os.mkfifo(tmp_path / "state" / "pki" / "pipe")
    (tmp_path / "outside.pem").write_text("outside")
    return tmp_path / "state"


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else dedent(text).encode())


def load_report(path: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the diagnostics of an invalid desired state, as text."""
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(path, environ=environ or {})
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def load_text(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> DesiredState:
    write_files(folder, {"desired_state.toml": text})
    return load(folder / "desired_state.toml", environ=environ or {})


def read_pem(folder: Path, name: str) -> Pem:
    return Pem.parse((folder / name).read_text(), name)


TEXT_WITH_MANY_TYPES = """
[workspace]
name = "greenhouse"

[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification.key = { file = "pki/factory.key.pem" }
auto_registration = true
tags = { line = "A" }

[certificates.pump-1]
pem = { file = "pki/pump-1.pem" }
ca = "factory"
status = "INACTIVE"

[thing_groups.hall]
description = "The hall"

[things.pump-1]
thing_type = { id = "pump" }
thing_groups = ["hall", { id = "elsewhere" }]
certificates = ["pump-1", { arn = "arn:aws:iot:eu-west-1:123456789012:cert/0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a" }]
attributes = { site = "oslo" }
depends_on = ["ca_certificates.factory"]
lifecycle = { prevent_destroy = true, ignore_changes = ["attributes.firmware", "thing_type"] }

[managed_things.pump-1]
thing = "pump-1"
role = "DEVICE"
authentication_material = { env = "PUMP_1_QR" }
authentication_material_type = "ZWAVE_QR_BAR_CODE"
credential_locker = { id = "locker" }
meta_data = { since = "2024" }
"""
"""A desired state with fields of many types, such as PEM files, secrets, references and tables."""


class TestInvalid:
    @pytest.mark.parametrize("case", CASES, ids=[case.sentence.replace(" ", "-") for case in CASES])
    def test_an_invalid_file_is_reported_completely(self, case: InvalidCase, folder):
        write_files(folder, case.files)
        path = folder if case.is_folder else folder / "desired_state.toml"
        assert load_report(path, case.environ) == case.lines

    def test_a_missing_file_is_reported(self, tmp_path):
        expected = [
            "none.toml:1: error: no such file; expected a TOML file or a folder of TOML files; create one with `reconciler init`"
        ]
        assert load_report(tmp_path / "none.toml") == expected

    def test_a_folder_without_toml_files_is_reported(self, tmp_path):
        (tmp_path / "fleet").mkdir()
        (tmp_path / "fleet" / ".hidden.toml").write_text("nothing to see")
        assert load_report(tmp_path / "fleet") == ["fleet:1: error: the folder contains no *.toml file"]

    def test_a_pipe_is_reported(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.toml")
        assert load_report(tmp_path / "pipe.toml") == ["pipe.toml:1: error: not a regular file"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
    def test_an_unreadable_file_is_reported(self, tmp_path):
        (tmp_path / "closed.toml").touch(mode=0)
        assert load_report(tmp_path / "closed.toml") == [
            "closed.toml:1: error: cannot read the file: Permission denied"
        ]

    def test_a_file_that_is_too_large_is_reported(self, tmp_path):
        with (tmp_path / "large.toml").open("wb") as file:
            file.truncate(16 * 2**20 + 1)
        assert load_report(tmp_path / "large.toml") == [
            "large.toml:1: error: the file is too large; expected at most 16 MiB"
        ]

    def test_a_missing_workspace_is_not_reported_when_a_file_is_invalid(self, folder):
        write_files(folder, {"a.toml": "[things.pump-1]\n", "b.toml": "[workspace\n"})
        expected = ["b.toml:1: error: not valid TOML: expected ']' at the end of a table declaration"]
        assert load_report(folder) == expected

    def test_thousands_of_dangling_references_are_reported_quickly(self, folder):
        # Each reference is dangling, and the similar names of the certificates are candidates for "did you mean".
        things = "".join(f'[things.pump-{n}]\ncertificates = ["pump-{n}"]\n' for n in range(2_000))
        # Each certificate also lacks its pem.
        certificates = "".join(f"[certificates.pomp-{n}]\n" for n in range(2_000))
        write_files(folder, {"desired_state.toml": things + certificates + WORKSPACE})
        report = load_report(folder)
        assert (len(report), [line for line in report if ": error: and " in line]) == (
            2 * 51,
            [
                "desired_state.toml:102: error: and 1,950 more with the code 'dangling-reference', from this line on",
                "desired_state.toml:4051: error: and 1,950 more with the code 'conflicting-fields', from this line on",
            ],
        )


class TestValid:
    def test_the_workspace_table_becomes_settings(self, folder):
        text = """
            [workspace]
            name = "greenhouse"
            target = "aws"
            region = "eu-west-1"
            profile = "factory"
            role_arn = "arn:aws:iam::123456789012:role/deploy"
            external_id = "x"
            limits = { delete_percent = 20, replace_percent = 0 }
            quotas.iot = { CreateThing = 100, default = 2.5 }
        """
        assert load_text(folder, text).settings == Settings(
            name="greenhouse",
            target="aws",
            region="eu-west-1",
            profile="factory",
            role_arn="arn:aws:iam::123456789012:role/deploy",
            external_id="x",
            limits=ChangeLimits(delete_percent=20, replace_percent=0),
            quotas={"iot": {"CreateThing": 100.0, "default": 2.5}},
        )

    @pytest.mark.parametrize("target", ["embedded", "http://127.0.0.1:4566", "https://iot.example.com"])
    def test_a_target_is_a_name_or_a_url(self, folder, target):
        text = f'[workspace]\nname = "greenhouse"\ntarget = "{target}"\n'
        assert load_text(folder, text).settings == Settings("greenhouse", target)

    def test_fields_of_many_types_are_loaded(self, folder):
        factory, certificate = Address("ca_certificates", "factory"), Address("certificates", "pump-1")
        hall, thing = Address("thing_groups", "hall"), Address("things", "pump-1")
        managed_thing = Address("managed_things", "pump-1")
        key = (folder / "pki" / "factory.key.pem").read_text().removesuffix("\n")
        assert load_text(folder, TEXT_WITH_MANY_TYPES, {"PUMP_1_QR": "90017"}).resources == {
            factory: Resource(
                factory,
                CaCertificate(
                    pem=read_pem(folder, "pki/factory.pem"),
                    verification=CaVerification(key=Secret("file pki/factory.key.pem", key)),
                    auto_registration=True,
                    tags={"line": "A"},
                ),
            ),
            certificate: Resource(
                certificate,
                Certificate(pem=read_pem(folder, "pki/pump-1.pem"), ca="factory", status="INACTIVE"),
                frozenset({factory}),
            ),
            hall: Resource(hall, ThingGroup(description="The hall")),
            thing: Resource(
                thing,
                Thing(
                    thing_type=External("pump"),
                    thing_groups=("hall", External("elsewhere")),
                    certificates=(
                        "pump-1",
                        External(
                            "arn:aws:iot:eu-west-1:123456789012:cert/0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
                        ),
                    ),
                    attributes={"site": "oslo"},
                ),
                frozenset({hall, certificate, factory}),
                Lifecycle(prevent_destroy=True, ignore_changes=("attributes.firmware", "thing_type")),
            ),
            managed_thing: Resource(
                managed_thing,
                ManagedThing(
                    thing="pump-1",
                    role="DEVICE",
                    authentication_material=Secret("env PUMP_1_QR", "90017"),
                    authentication_material_type="ZWAVE_QR_BAR_CODE",
                    credential_locker=External("locker"),
                    meta_data={"since": "2024"},
                ),
                frozenset({thing}),
            ),
        }

    def test_a_resource_has_the_file_and_line_of_its_declaration(self, folder):
        write_files(folder, {"a.toml": '[workspace]\nname = "w"\n', "b.toml": "\n[things.a]\n[things.b]\n"})
        resources = load(folder, environ={}).resources
        origins = {str(address): resource.origin for address, resource in resources.items()}
        assert origins == {"things.a": Origin("b.toml", 2), "things.b": Origin("b.toml", 3)}

    def test_a_pem_is_the_same_as_text_and_from_a_file(self, folder):
        pem = (folder / "pki" / "pump-1.pem").read_text()
        inline = load_text(folder, f"{WORKSPACE}[certificates.a]\npem = '''\n{pem}'''\n").resources
        from_file = load_text(
            folder, f'{WORKSPACE}[certificates.a]\npem = {{ file = "pki/pump-1.pem" }}\n'
        ).resources
        assert inline == from_file

    def test_a_pem_has_the_path_of_its_file(self, folder):
        text = f'{WORKSPACE}[certificates.a]\npem = {{ file = "pki/pump-1.pem" }}\n'
        spec = load_text(folder, text).resources[Address("certificates", "a")].spec
        assert spec.pem.source == "pki/pump-1.pem"

    def test_long_text_is_read_from_a_file(self, folder):
        (folder / "capabilities.json").write_text('{"lamp": "1.0"}')
        text = f"""{WORKSPACE}
[managed_things.a]
role = "DEVICE"
authentication_material = {{ file = "pki/qr.txt" }}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
capabilities = {{ file = "capabilities.json" }}
"""
        spec = load_text(folder, text).resources[Address("managed_things", "a")].spec
        assert spec.capabilities == '{"lamp": "1.0"}'

    def test_a_line_end_after_a_secret_is_removed(self, folder):
        text = f"""{WORKSPACE}
[managed_things.a]
role = "DEVICE"
authentication_material = {{ file = "pki/qr.txt" }}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""
        spec = load_text(folder, text).resources[Address("managed_things", "a")].spec
        assert spec.authentication_material == Secret("file pki/qr.txt", "900151714358810")

    def test_a_link_inside_the_folder_is_followed(self, folder):
        (folder / "latest.pem").symlink_to("pki/pump-1.pem")
        text = f'{WORKSPACE}[certificates.a]\npem = {{ file = "latest.pem" }}\n'
        spec = load_text(folder, text).resources[Address("certificates", "a")].spec
        assert spec.pem == read_pem(folder, "pki/pump-1.pem")

    def test_a_path_is_relative_to_the_folder_of_its_toml_file(self, folder):
        write_files(
            folder, {"desired_state.toml": f'{WORKSPACE}[certificates.a]\npem.file = "pki/pump-1.pem"\n'}
        )
        desired_state = load(Path(os.path.relpath(folder / "desired_state.toml")), environ={})
        assert desired_state.resources[Address("certificates", "a")].spec.pem == read_pem(
            folder, "pki/pump-1.pem"
        )

    def test_an_unset_secret_is_a_warning(self, folder):
        text = f"""{WORKSPACE}
[managed_things.a]
role = "DEVICE"
authentication_material = {{ env = "A_QR" }}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""
        assert load_text(folder, text).warnings == (
            Diagnostic(
                "desired_state.toml",
                line=7,
                problem="env A_QR is unset or empty",
                address="managed_things.a",
                field="authentication_material",
                expected="a value before a plan uses it",
                severity="warning",
                code="unset-secret",
            ),
        )

    def test_an_expired_certificate_is_a_warning(self, folder):
        text = f'{WORKSPACE}[certificates.a]\npem = {{ file = "pki/expired.pem" }}\n'
        assert list(map(str, load_text(folder, text).warnings)) == [
            f"desired_state.toml:5: warning: certificates.a.pem: the certificate expired on {NOW - DAY:%Y-%m-%d}"
        ]

    def test_a_reference_to_a_later_table_is_valid(self, folder):
        text = f'{WORKSPACE}[things.a]\ndepends_on = ["things.b"]\n[things.b]\n'
        dependencies = {
            str(address): resource.dependencies
            for address, resource in load_text(folder, text).resources.items()
        }
        assert dependencies == {"things.a": frozenset({Address("things", "b")}), "things.b": frozenset()}

    def test_a_name_may_contain_dots(self, folder):
        text = f'{WORKSPACE}[certificates."a.b"]\npem.file = "pki/pump-1.pem"\n[things.c]\ncertificates = ["a.b"]\ndepends_on = ["certificates.a.b"]\n'
        resource = load_text(folder, text).resources[Address("things", "c")]
        assert resource.dependencies == {Address("certificates", "a.b")}


def test_an_attribute_that_a_template_builds_from_a_secret_is_not_checked_against_limits(folder):
    text = """
[workspace]
name = "ws"

[provisioned_things.a]
template = { Parameters = { S = { Type = "String" } }, Resources = { t = { Type = "AWS::IoT::Thing", Properties = { ThingName = "a", AttributePayload = { s = { Ref = "S" } } } } } }
parameters = { S = { env = "S" } }
"""
    # AWS accepts no space in an attribute's value.
    (resource,) = load_text(folder, text, {"S": "a b"}).resources.values()
    assert resource.spec.parameters == {"S": Secret("env S", "a b")}


class TestDigest:
    """The digest of the input files, which identifies them in the journal; a plan has another digest."""

    TEXT = f"""{WORKSPACE}
[certificates.a]
pem = {{ file = "pki/pump-1.pem" }}

[managed_things.a]
role = "DEVICE"
authentication_material = {{ file = "pki/qr.txt" }}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""

    def test_the_digest_does_not_depend_on_the_folder(self, folder, tmp_path):
        original_digest = load_text(folder, self.TEXT).digest
        moved_folder = folder.rename(tmp_path / "moved")
        assert load(moved_folder, environ={}).digest == original_digest

    def test_a_change_of_the_file_changes_the_digest(self, folder):
        original_digest = load_text(folder, self.TEXT).digest
        assert load_text(folder, self.TEXT + "# more\n").digest != original_digest

    def test_a_change_of_a_referenced_file_changes_the_digest(self, folder):
        original_digest = load_text(folder, self.TEXT).digest
        shutil.copy(folder / "pki" / "pump-2.pem", folder / "pki" / "pump-1.pem")
        assert load_text(folder, self.TEXT).digest != original_digest

    def test_a_change_of_a_secret_does_not_change_the_digest(self, folder):
        original_digest = load_text(folder, self.TEXT).digest
        (folder / "pki" / "qr.txt").write_text("90099")
        assert load_text(folder, self.TEXT).digest == original_digest
