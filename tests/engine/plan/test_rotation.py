"""Rotation: no device is ever without a certificate, with a grace, in waves, and for certificates that AWS issues."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.engine.plan import refresh as observe
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
    ca,
    converge,
    device,
    failures,
    plan_of,
    resource,
    run,
    state,
)
from tests.support.pki import certificate_id
from tests.support.registry_client import Cloud


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def identity(name: str, generation: int = 1) -> str:
    return certificate_id(AUTHORITIES["alpha"].device(name, generation))


def calls(plan) -> list[tuple[str, list[str]]]:
    return [(str(step.address), [call.operation for call in step.calls]) for step in plan.steps]


class TestAtOnce:
    """Without a grace."""

    def test_the_new_one_is_attached_before_the_old_one_goes(self, cloud):
        converge(state(ca(), *device("a")), cloud)
        plan = plan_of(state(ca(), *device("a", 2)), cloud)
        assert calls(plan) == [
            (
                "certificates.a",
                [
                    "RegisterCertificate",
                    "AttachThingPrincipal",
                    "AttachPolicy",
                    "DetachThingPrincipal",
                    "UpdateCertificate",
                    "DeleteCertificate",
                ],
            )
        ]

    def test_after_every_call_the_device_has_an_active_certificate(self, cloud):
        converge(state(ca(), *device("a")), cloud)
        plan = plan_of(state(ca(), *device("a", 2)), cloud)
        sent = [call for step in plan.steps for call in step.calls]
        seen = []

        def watching(call):
            answer = cloud.call(call)
            if call in sent:  # and not one of the questions before them
                content = cloud.content()
                held = [name for name, _ in content["things"]["a"]["principals"]]
                seen.append(any(content["certificates"][name][0] == "ACTIVE" for name in held))
            return answer

        run(plan, SimpleNamespace(call=watching))
        assert seen == [True] * plan.estimate.total_calls

    def test_policies_that_somebody_attached_go_on_to_the_new_one(self, cloud):
        converge(state(ca(), *device("a")), cloud)
        policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}'
        cloud.iot.create_policy(policyName="by-hand", policyDocument=policy)
        arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{identity('a')}"
        cloud.iot.attach_policy(policyName="by-hand", target=arn)
        converge(state(ca(), *device("a", 2)), cloud)
        targets = cloud.iot.list_targets_for_policy(policyName="by-hand")["targets"]
        assert [target.rpartition("/")[2] for target in targets] == [identity("a", 2)]


class TestGrace:
    """With a grace both stay for a while."""

    @staticmethod
    def rotated(generation: int):
        certificate, thing = device("a", generation)
        return state(ca(), evolve(certificate, spec=evolve(certificate.spec, rotation=Rotation("7d"))), thing)

    def test_both_are_attached_and_active_and_nothing_is_left_to_do(self, cloud):
        converge(self.rotated(1), cloud)
        converge(self.rotated(2), cloud)
        content = cloud.content()
        assert {name: status for name, (status, _) in content["certificates"].items()} == {
            identity("a"): "ACTIVE",
            identity("a", 2): "ACTIVE",
        }
        assert sorted(name for name, _ in content["things"]["a"]["principals"]) == sorted(
            content["certificates"]
        )
        assert plan_of(self.rotated(2), cloud).steps == ()

    def test_the_plan_says_until_when(self, cloud):
        converge(self.rotated(1), cloud)
        converge(self.rotated(2), cloud)
        created = cloud.iot.describe_certificate(certificateId=identity("a", 2))["certificateDescription"][
            "creationDate"
        ]
        until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(created.timestamp() + 7 * 86400))
        text = f"kept with its successor until {until} UTC"
        old = Address("certificates", f"a:{identity('a')[:12]}")
        assert plan_of(self.rotated(2), cloud).notes == (Note("info", text, old),)

    def test_after_it_the_old_one_goes(self, cloud, monkeypatch):
        converge(self.rotated(1), cloud)
        converge(self.rotated(2), cloud)
        later = time.time() + 8 * 86400
        monkeypatch.setattr(observe, "time", SimpleNamespace(time=lambda: later))
        converge(self.rotated(2), cloud)
        assert cloud.content()["certificates"] == {identity("a", 2): ("ACTIVE", "DEFAULT")}
        assert plan_of(self.rotated(2), cloud).steps == ()

    def test_what_goes_after_it_was_counted_when_its_successor_came(self, cloud, monkeypatch):
        strict = ChangeLimits(delete_count=0)
        converge(self.rotated(1), cloud)
        converge(self.rotated(2), cloud)
        later = time.time() + 8 * 86400
        monkeypatch.setattr(observe, "time", SimpleNamespace(time=lambda: later))
        wanted = self.rotated(2)
        plan = plan_of(evolve(wanted, settings=evolve(wanted.settings, limits=strict)), cloud)
        assert [(step.change.action, str(step.address)) for step in plan.steps] == [
            ("update", "things.a"),
            ("delete", f"certificates.a:{identity('a')[:12]}"),
        ]
        assert plan.notes == ()

    def test_what_the_file_has_or_had_before_a_rotation_is_destroyed_without_a_warning(
        self, cloud, monkeypatch
    ):
        converge(self.rotated(1), cloud)
        converge(self.rotated(2), cloud)
        for days in (0, 8):
            later = time.time() + days * 86400
            monkeypatch.setattr(observe, "time", SimpleNamespace(time=lambda later=later: later))
            plan = plan_of(self.rotated(2), cloud, destroy=True)
            going = [str(step.address) for step in plan.steps if step.address.kind == "certificates"]
            assert (going, plan.notes) == (["certificates.a", f"certificates.a:{identity('a')[:12]}"], ())

    def test_what_others_attached_is_destroyed_with_a_warning(self, cloud):
        converge(state(ca(), *device("a")), cloud)
        made = cloud.iot.create_keys_and_certificate(setAsActive=True)
        cloud.iot.attach_thing_principal(thingName="a", principal=made["certificateArn"])
        (note,) = plan_of(state(ca(), *device("a")), cloud, destroy=True).notes
        assert (note.level, note.address) == (
            "warning",
            Address("certificates", f"a:{made['certificateId'][:12]}"),
        )

    def test_a_grace_of_nothing_is_over_at_once(self, cloud):
        def rotated(generation):
            wanted = self.rotated(generation)
            found = wanted.resources[Address("certificates", "a")]
            at_once = evolve(found, spec=evolve(found.spec, rotation=Rotation("0d")))
            return evolve(wanted, resources={**wanted.resources, at_once.address: at_once})

        converge(rotated(1), cloud)
        converge(rotated(2), cloud)
        plan = plan_of(rotated(2), cloud)
        assert ([str(step.address) for step in plan.steps], plan.notes) == (
            ["things.a", f"certificates.a:{identity('a')[:12]}"],
            (),
        )


class TestWaves:
    """A fleet is rotated a part at a time."""

    NAMES = ("a", "b", "c", "d", "e")

    def fleet(self, generation: int, **attributes: str):
        return state(ca(), *(made for name in self.NAMES for made in device(name, generation, **attributes)))

    def test_the_waves_are_the_rotations_once_each_and_nothing_else(self, cloud):
        converge(self.fleet(1), cloud)
        plan = plan_of(self.fleet(2, site="oslo"), cloud)
        found = [[str(step.address) for step in wave.steps] for wave in split_into_waves(plan, 40, QUOTAS)]
        assert found == [
            ["certificates.a", "certificates.b"],
            ["certificates.c", "certificates.d"],
            ["certificates.e"],
        ]

    def test_applying_every_wave_rotates_the_fleet(self, cloud):
        converge(self.fleet(1), cloud)
        plan = plan_of(self.fleet(2), cloud)
        assert [failures(run(wave, cloud)) for wave in split_into_waves(plan, 40, QUOTAS)] == [[], [], []]
        assert plan_of(self.fleet(2), cloud).steps == ()

    def test_a_device_whose_new_certificate_is_there_already_is_a_rotation_too(self, cloud):
        converge(self.fleet(1), cloud)
        pem = AUTHORITIES["alpha"].device("a", 2)
        cloud.iot.register_certificate(certificatePem=pem, status="ACTIVE")
        plan = plan_of(self.fleet(2), cloud)
        assert {str(address) for address in find_rotations(plan)} == {
            "things.a",
            *(f"certificates.{name}" for name in self.NAMES[1:]),
        }

    @pytest.mark.parametrize(("wave", "refused"), [(100.0, True), (20.0, False)])
    def test_limits_hold_for_a_wave(self, cloud, wave, refused):
        converge(self.fleet(1), cloud)
        wanted = self.fleet(2)
        limited = evolve(wanted, settings=evolve(wanted.settings, limits=ChangeLimits(replace_percent=20)))
        if refused:
            with pytest.raises(PlanRejectedError):
                plan_of(limited, cloud, wave=wave)
        else:
            assert len(find_rotations(plan_of(limited, cloud, wave=wave))) == len(self.NAMES)

    def test_a_part_brings_what_it_waits_for(self, cloud):
        plan = plan_of(self.fleet(1), cloud)
        found = restrict_plan(plan, [Address("things", "a")], QUOTAS)
        assert [str(step.address) for step in found.steps] == [
            "ca_certificates.alpha",
            "policies.reconciler-ws-retired",
            "thing_groups.reconciler-ws",
            "certificates.a",
            "things.a",
        ]

    def test_a_first_registration_is_no_rotation(self, cloud):
        assert find_rotations(plan_of(self.fleet(1), cloud)) == ()


class TestIssued:
    """Certificates that AWS issues for a request."""

    @pytest.fixture
    def request_pem(self) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
        made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()

    @staticmethod
    def wanted(path: Path, request_pem: str, *, attached: bool = True):
        output = OutputFile("a.pem", str(path), path.read_text() if path.exists() else None)
        certificate = resource("certificates", "a", Certificate(csr=request_pem, save_to=output))
        return state(certificate, resource("things", "a", Thing(certificates=("a",) if attached else ())))

    def test_the_certificate_is_saved_and_the_next_plan_is_empty(self, cloud, tmp_path, request_pem):
        path = tmp_path / "a.pem"
        converge(self.wanted(path, request_pem), cloud)
        assert cloud.content()["certificates"] == {certificate_id(path.read_text()): ("ACTIVE", "DEFAULT")}
        assert plan_of(self.wanted(path, request_pem), cloud).steps == ()

    def test_one_that_the_registry_no_longer_has_is_not_issued_over_its_file(
        self, cloud, tmp_path, request_pem
    ):
        path = tmp_path / "a.pem"
        converge(self.wanted(path, request_pem), cloud)
        with pytest.raises(PlanRejectedError) as caught:
            plan_of(self.wanted(path, request_pem), cloud.empty())
        assert caught.value.reasons == (
            (
                "certificates.a: a.pem has a certificate that AWS issued and that is not registered: it was deleted, or "
                "belongs to another account; move the file away to have a new one issued"
            ),
        )

    @pytest.mark.parametrize("attached", [True, False])
    def test_a_run_that_dies_before_it_is_saved_is_completed_without_another(
        self, cloud, tmp_path, request_pem, attached
    ):
        path = tmp_path / "a.pem"
        converge(self.wanted(path, request_pem, attached=attached), cloud)
        text = path.read_text()
        path.unlink()
        if not attached:  # it died before anything had the certificate
            holder = "reconciler-ws-unattached"
            arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{certificate_id(text)}"
            cloud.iot.detach_thing_principal(thingName=holder, principal=arn)
        converge(self.wanted(path, request_pem, attached=attached), cloud)
        assert path.read_text() == text
        assert list(cloud.content()["certificates"]) == [certificate_id(text)]

    def test_a_file_that_is_there_is_never_overwritten(self, cloud, tmp_path, request_pem):
        path = tmp_path / "a.pem"
        plan = plan_of(self.wanted(path, request_pem), cloud)
        path.write_text("somebody else's")
        assert failures(run(plan, cloud)) == [
            "failed certificates.a: a.pem: already exists and is never overwritten; move it away",
            "skipped things.a: ",
        ]
        assert (path.read_text(), cloud.content()["certificates"]) == ("somebody else's", {})

    def test_another_request_is_a_rotation(self, cloud, tmp_path, request_pem):
        first, second = tmp_path / "a.pem", tmp_path / "b.pem"
        converge(self.wanted(first, request_pem), cloud)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
        made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        other = made.public_bytes(serialization.Encoding.PEM).decode()
        converge(self.wanted(second, other), cloud)
        issued = x509.load_pem_x509_certificate(second.read_bytes())
        assert issued.public_key() == key.public_key()
        assert list(cloud.content()["certificates"]) == [certificate_id(second.read_text())]
        assert plan_of(self.wanted(second, other), cloud).steps == ()
