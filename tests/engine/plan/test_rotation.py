"""Rotation never leaves a device without a certificate, whether AWS issued the certificates or not."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from reconciler.engine.plan import refresh
from reconciler.engine.plan.waves import find_rotations, restrict_plan, split_into_waves
from reconciler.kinds.certificates import Certificate, Rotation
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.output_file import OutputFile
from reconciler.model.plan import Note
from reconciler.model.settings import ChangeLimits
from tests.support.desired_states import (
    AUTHORITIES,
    QUOTAS,
    apply,
    converge,
    list_failures,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.pki import compute_certificate_id

DAY_SECONDS = 86_400


def get_certificate_id(name: str, generation: int = 1) -> str:
    return compute_certificate_id(AUTHORITIES["alpha"].get_device_pem(name, generation))


def list_calls(plan) -> list[tuple[str, list[str]]]:
    """Return the address and the operations of each step."""
    return [(str(step.address), [call.operation for call in step.calls]) for step in plan.steps]


def make_signing_request(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


class TestWithoutGracePeriod:
    """The old certificate is deleted in the same step."""

    def test_the_new_certificate_is_attached_before_the_old_one_is_deleted(self, cloud):
        converge(make_state(make_ca(), *make_device("a")), cloud)
        plan = plan_state(make_state(make_ca(), *make_device("a", 2)), cloud)
        assert list_calls(plan) == [
            (
                "certificates.a",
                [
                    "RegisterCertificate",
                    "AttachThingPrincipal",
                    "AttachPolicy",  # the deny-all policy, to the old certificate
                    "DetachThingPrincipal",
                    "UpdateCertificate",
                    "DeleteCertificate",
                ],
            )
        ]

    def test_the_device_has_an_active_certificate_after_every_call(self, cloud):
        converge(make_state(make_ca(), *make_device("a")), cloud)
        plan = plan_state(make_state(make_ca(), *make_device("a", 2)), cloud)
        planned_calls = [call for step in plan.steps for call in step.calls]
        has_active_certificate = []

        def call_and_check(call):
            response = cloud.call(call)
            if call in planned_calls:  # not a read before the step
                content = cloud.read_content()
                attached_ids = [identity for identity, _ in content["things"]["a"]["principals"]]
                active_ids = [
                    identity for identity in attached_ids if content["certificates"][identity][0] == "ACTIVE"
                ]
                has_active_certificate.append(bool(active_ids))
            return response

        apply(plan, SimpleNamespace(call=call_and_check))
        assert has_active_certificate == [True] * plan.estimate.total_calls

    def test_policies_attached_by_others_are_attached_to_the_new_certificate(self, cloud):
        converge(make_state(make_ca(), *make_device("a")), cloud)
        policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}'
        cloud.iot.create_policy(policyName="by-hand", policyDocument=policy)
        arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{get_certificate_id('a')}"
        cloud.iot.attach_policy(policyName="by-hand", target=arn)
        converge(make_state(make_ca(), *make_device("a", 2)), cloud)
        targets = cloud.iot.list_targets_for_policy(policyName="by-hand")["targets"]
        assert [target.rpartition("/")[2] for target in targets] == [get_certificate_id("a", 2)]


class TestGracePeriod:
    """Both certificates stay until the grace period ends."""

    @staticmethod
    def make_state_of_generation(generation: int):
        certificate, thing = make_device("a", generation)
        return make_state(
            make_ca(), replace(certificate, spec=evolve(certificate.spec, rotation=Rotation("7d"))), thing
        )

    def test_both_certificates_are_attached_and_active(self, cloud):
        converge(self.make_state_of_generation(1), cloud)
        converge(self.make_state_of_generation(2), cloud)
        content = cloud.read_content()
        assert {name: status for name, (status, _) in content["certificates"].items()} == {
            get_certificate_id("a"): "ACTIVE",
            get_certificate_id("a", 2): "ACTIVE",
        }
        assert sorted(name for name, _ in content["things"]["a"]["principals"]) == sorted(
            content["certificates"]
        )
        assert plan_state(self.make_state_of_generation(2), cloud).steps == ()

    def test_the_plan_of_a_rotation_has_the_end_of_its_grace_period(self, cloud):
        converge(self.make_state_of_generation(1), cloud)
        earliest = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)
        (note,) = plan_state(self.make_state_of_generation(2), cloud).notes
        latest = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)
        assert (note.level, note.address) == ("info", Address("certificates", "a"))
        assert note.text in [
            f"the old device certificate stays attached until {end:%Y-%m-%d %H:%M} UTC if this plan is applied now; "
            "an apply after that deletes it"
            for end in (earliest, latest)
        ]

    def test_a_note_has_the_end_of_the_grace_period(self, cloud):
        converge(self.make_state_of_generation(1), cloud)
        converge(self.make_state_of_generation(2), cloud)
        creation_date = cloud.iot.describe_certificate(certificateId=get_certificate_id("a", 2))[
            "certificateDescription"
        ]["creationDate"]
        until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(creation_date.timestamp() + 7 * DAY_SECONDS))
        text = f"kept with its successor until {until} UTC"
        old_address = Address("certificates", f"a:{get_certificate_id('a')[:12]}")
        assert plan_state(self.make_state_of_generation(2), cloud).notes == (Note("info", text, old_address),)

    @pytest.mark.parametrize("periods", [("1d", "7d"), ("7d", "1d")])
    def test_a_certificate_of_two_things_is_kept_until_the_later_grace_period_ends(self, cloud, periods):
        def make_state_of_two(generation):
            resources = []
            for name, period in zip(("a", "b"), periods, strict=True):
                certificate, thing = make_device(name, generation)
                certificate_with_rotation = replace(
                    certificate, spec=evolve(certificate.spec, rotation=Rotation(period))
                )
                resources += [certificate_with_rotation, thing]
            return make_state(make_ca(), *resources)

        converge(make_state_of_two(1), cloud)
        converge(make_state_of_two(2), cloud)
        old_certificate = cloud.iot.describe_certificate(certificateId=get_certificate_id("a"))
        arn = old_certificate["certificateDescription"]["certificateArn"]
        cloud.iot.attach_thing_principal(thingName="b", principal=arn)
        name_with_longer_period = "a" if periods[0] == "7d" else "b"
        creation_date = cloud.iot.describe_certificate(
            certificateId=get_certificate_id(name_with_longer_period, 2)
        )["certificateDescription"]["creationDate"]
        until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(creation_date.timestamp() + 7 * DAY_SECONDS))
        note = plan_state(make_state_of_two(2), cloud).notes[0]
        assert (str(note.address), note.text) == (
            f"certificates.a:{get_certificate_id('a')[:12]}",
            f"kept with its successor until {until} UTC",
        )

    def test_the_old_certificate_is_deleted_after_the_grace_period(self, cloud, monkeypatch):
        converge(self.make_state_of_generation(1), cloud)
        converge(self.make_state_of_generation(2), cloud)
        later = time.time() + 8 * DAY_SECONDS
        monkeypatch.setattr(refresh, "time", SimpleNamespace(time=lambda: later))
        converge(self.make_state_of_generation(2), cloud)
        assert cloud.read_content()["certificates"] == {get_certificate_id("a", 2): ("ACTIVE", "DEFAULT")}
        assert plan_state(self.make_state_of_generation(2), cloud).steps == ()

    def test_the_delete_after_the_grace_period_does_not_count_against_limits(self, cloud, monkeypatch):
        strict_limits = ChangeLimits(delete_count=0)
        converge(self.make_state_of_generation(1), cloud)
        converge(self.make_state_of_generation(2), cloud)
        later = time.time() + 8 * DAY_SECONDS
        monkeypatch.setattr(refresh, "time", SimpleNamespace(time=lambda: later))
        desired = self.make_state_of_generation(2)
        plan = plan_state(evolve(desired, settings=evolve(desired.settings, limits=strict_limits)), cloud)
        assert [(step.change.action, str(step.address)) for step in plan.steps] == [
            ("update", "things.a"),
            ("delete", f"certificates.a:{get_certificate_id('a')[:12]}"),
        ]
        assert plan.notes == ()

    def test_destroy_deletes_old_and_new_certificate_without_a_warning(self, cloud, monkeypatch):
        converge(self.make_state_of_generation(1), cloud)
        converge(self.make_state_of_generation(2), cloud)
        for days in (0, 8):  # during the grace period, and after it
            later = time.time() + days * DAY_SECONDS
            monkeypatch.setattr(refresh, "time", SimpleNamespace(time=lambda later=later: later))
            plan = plan_state(self.make_state_of_generation(2), cloud, destroy=True)
            deleted_addresses = [
                str(step.address) for step in plan.steps if step.address.kind == "certificates"
            ]
            assert (deleted_addresses, plan.notes) == (
                ["certificates.a", f"certificates.a:{get_certificate_id('a')[:12]}"],
                (),
            )

    def test_destroy_warns_of_a_certificate_that_others_attached(self, cloud):
        converge(make_state(make_ca(), *make_device("a")), cloud)
        certificate = cloud.iot.create_keys_and_certificate(setAsActive=True)
        cloud.iot.attach_thing_principal(thingName="a", principal=certificate["certificateArn"])
        (note,) = plan_state(make_state(make_ca(), *make_device("a")), cloud, destroy=True).notes
        assert (note.level, note.address) == (
            "warning",
            Address("certificates", f"a:{certificate['certificateId'][:12]}"),
        )

    def test_a_grace_period_of_zero_days_ends_at_once(self, cloud):
        def make_state_without_days(generation):
            desired = self.make_state_of_generation(generation)
            certificate = desired.resources[Address("certificates", "a")]
            changed_certificate = replace(certificate, spec=evolve(certificate.spec, rotation=Rotation("0d")))
            return evolve(
                desired, resources={**desired.resources, changed_certificate.address: changed_certificate}
            )

        converge(make_state_without_days(1), cloud)
        converge(make_state_without_days(2), cloud)
        plan = plan_state(make_state_without_days(2), cloud)
        assert ([str(step.address) for step in plan.steps], plan.notes) == (
            ["things.a", f"certificates.a:{get_certificate_id('a')[:12]}"],
            (),
        )


class TestWaves:
    """A fleet is rotated in waves: a part of its devices at a time."""

    NAMES = ("a", "b", "c", "d", "e")

    def make_fleet(self, generation: int, **attributes: str):
        return make_state(
            make_ca(), *(part for name in self.NAMES for part in make_device(name, generation, **attributes))
        )

    def test_each_rotation_is_in_one_wave_and_other_changes_are_in_none(self, cloud):
        converge(self.make_fleet(1), cloud)
        plan = plan_state(self.make_fleet(2, site="oslo"), cloud)
        waves = split_into_waves(plan, percent=40, quotas=QUOTAS)
        assert [[str(step.address) for step in wave.steps] for wave in waves] == [
            ["certificates.a", "certificates.b"],
            ["certificates.c", "certificates.d"],
            ["certificates.e"],
        ]

    def test_applying_every_wave_rotates_the_fleet(self, cloud):
        converge(self.make_fleet(1), cloud)
        plan = plan_state(self.make_fleet(2), cloud)
        assert [
            list_failures(apply(wave, cloud)) for wave in split_into_waves(plan, percent=40, quotas=QUOTAS)
        ] == [[], [], []]
        assert plan_state(self.make_fleet(2), cloud).steps == ()

    def test_attaching_a_new_certificate_that_is_already_registered_is_a_rotation(self, cloud):
        converge(self.make_fleet(1), cloud)
        pem = AUTHORITIES["alpha"].get_device_pem("a", 2)
        cloud.iot.register_certificate(certificatePem=pem, status="ACTIVE")
        plan = plan_state(self.make_fleet(2), cloud)
        assert {str(address) for address in find_rotations(plan)} == {
            "things.a",
            *(f"certificates.{name}" for name in self.NAMES[1:]),
        }

    @pytest.mark.parametrize(("wave", "is_rejected"), [(100.0, True), (20.0, False)])
    def test_limits_apply_to_each_wave(self, cloud, wave, is_rejected):
        converge(self.make_fleet(1), cloud)
        desired = self.make_fleet(2)
        limited_state = evolve(
            desired, settings=evolve(desired.settings, limits=ChangeLimits(replace_percent=20))
        )
        if is_rejected:
            with pytest.raises(PlanRejectedError):
                plan_state(limited_state, cloud, wave=wave)
        else:
            assert len(find_rotations(plan_state(limited_state, cloud, wave=wave))) == len(self.NAMES)

    def test_a_part_of_a_plan_has_the_dependencies_of_its_steps(self, cloud):
        plan = plan_state(self.make_fleet(1), cloud)
        part = restrict_plan(plan, [Address("things", "a")], QUOTAS)
        assert [str(step.address) for step in part.steps] == [
            "ca_certificates.alpha",
            "policies.reconciler-ws-retired",
            "thing_groups.reconciler-ws",
            "certificates.a",
            "things.a",
        ]

    def test_a_first_registration_is_not_a_rotation(self, cloud):
        assert find_rotations(plan_state(self.make_fleet(1), cloud)) == ()


class TestIssuedByAws:
    """Certificates that AWS issues for a signing request."""

    @pytest.fixture
    def request_pem(self) -> str:
        return make_signing_request(ec.generate_private_key(ec.SECP256R1()))

    @staticmethod
    def make_state_with_request(path: Path, request_pem: str, *, is_attached: bool = True):
        output = OutputFile("a.pem", str(path), path.read_text() if path.exists() else None)
        certificate = make_resource("certificates", "a", Certificate(csr=request_pem, save_to=output))
        return make_state(
            certificate, make_resource("things", "a", Thing(certificates=("a",) if is_attached else ()))
        )

    def test_the_certificate_is_saved_and_the_next_plan_is_empty(self, cloud, tmp_path, request_pem):
        path = tmp_path / "a.pem"
        converge(self.make_state_with_request(path, request_pem), cloud)
        assert cloud.read_content()["certificates"] == {
            compute_certificate_id(path.read_text()): ("ACTIVE", "DEFAULT")
        }
        assert plan_state(self.make_state_with_request(path, request_pem), cloud).steps == ()

    def test_a_saved_certificate_that_is_not_registered_is_not_overwritten(
        self, cloud, tmp_path, request_pem
    ):
        path = tmp_path / "a.pem"
        converge(self.make_state_with_request(path, request_pem), cloud)
        with pytest.raises(PlanRejectedError) as caught:
            plan_state(self.make_state_with_request(path, request_pem), cloud.reset())
        assert caught.value.reasons == (
            (
                "certificates.a: a.pem has a certificate that AWS issued and that is not registered: it was deleted, or "
                "belongs to another account; move the file away to have a new one issued (<memory>:1)"
            ),
        )

    @pytest.mark.parametrize("is_attached", [True, False])
    def test_the_next_apply_saves_the_certificate_that_was_issued_in_an_interrupted_run(
        self, cloud, tmp_path, request_pem, is_attached
    ):
        path = tmp_path / "a.pem"
        converge(self.make_state_with_request(path, request_pem, is_attached=is_attached), cloud)
        text = path.read_text()
        path.unlink()
        if not is_attached:  # as if the run was killed before it attached the certificate
            holder = "reconciler-ws-unattached"
            arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{compute_certificate_id(text)}"
            cloud.iot.detach_thing_principal(thingName=holder, principal=arn)
        converge(self.make_state_with_request(path, request_pem, is_attached=is_attached), cloud)
        assert path.read_text() == text
        assert list(cloud.read_content()["certificates"]) == [compute_certificate_id(text)]

    def test_an_existing_file_is_never_overwritten(self, cloud, tmp_path, request_pem):
        path = tmp_path / "a.pem"
        plan = plan_state(self.make_state_with_request(path, request_pem), cloud)
        path.write_text("someone else's")
        assert list_failures(apply(plan, cloud)) == [
            "failed certificates.a: a.pem: already exists and is never overwritten; move it away",
            "skipped things.a: ",
        ]
        assert (path.read_text(), cloud.read_content()["certificates"]) == ("someone else's", {})

    def test_another_signing_request_is_a_rotation(self, cloud, tmp_path, request_pem):
        first_path, second_path = tmp_path / "a.pem", tmp_path / "b.pem"
        converge(self.make_state_with_request(first_path, request_pem), cloud)
        key = ec.generate_private_key(ec.SECP256R1())
        other_request = make_signing_request(key)
        converge(self.make_state_with_request(second_path, other_request), cloud)
        issued_certificate = x509.load_pem_x509_certificate(second_path.read_bytes())
        assert issued_certificate.public_key() == key.public_key()
        assert list(cloud.read_content()["certificates"]) == [compute_certificate_id(second_path.read_text())]
        assert plan_state(self.make_state_with_request(second_path, other_request), cloud).steps == ()
