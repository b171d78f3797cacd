"""RegisterThing creates a provisioned thing; other calls add parts that an existing one lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.things import Thing
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.output_file import OutputFile
from reconciler.model.resource import Lifecycle
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    converge,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.pki import compute_certificate_id
from tests.support.provisioned_pumps import (
    ALLOW,
    TEMPLATE,
    compute_pump_certificate_id,
    make_fleet,
    make_pump,
    make_template,
)


def list_operations_by_address(plan) -> dict[str, list[str]]:
    return {str(step.address): [call.operation for call in step.calls] for step in plan.steps}


def test_a_new_provisioned_thing_is_one_call(cloud):
    plan = converge(make_fleet(make_pump("8")), cloud)
    assert list_operations_by_address(plan)["provisioned_things.pump-8"] == ["RegisterThing"]
    content = cloud.read_content()
    assert content["things"] == {
        "pump-8": {
            "attributes": {"site": "oslo"},
            "type": None,
            "principals": [(compute_pump_certificate_id("8"), "NON_EXCLUSIVE_THING")],
            "billing_group": None,
            "groups": ["reconciler-ws"],
        }
    }
    assert content["certificates"] == {compute_pump_certificate_id("8"): ("ACTIVE", "DEFAULT")}
    assert plan_state(make_fleet(make_pump("8")), cloud).steps == ()


def test_a_changed_parameter_is_one_update(cloud):
    converge(make_fleet(make_pump("8")), cloud)
    plan = converge(make_fleet(make_pump("8", Site="bergen")), cloud)
    assert list_operations_by_address(plan) == {"provisioned_things.pump-8": ["UpdateThing"]}
    assert cloud.read_content()["things"]["pump-8"]["attributes"] == {"site": "bergen"}


def test_a_new_certificate_is_attached_before_the_old_one_is_deleted(cloud):
    converge(make_fleet(make_pump("8")), cloud)
    plan = converge(make_fleet(make_pump("8", 2)), cloud)
    assert list_operations_by_address(plan) == {
        "provisioned_things.pump-8": [
            "RegisterCertificate",
            "AttachPolicy",
            "AttachThingPrincipal",
            "AttachPolicy",  # the deny-all policy, to the old certificate
            "DetachThingPrincipal",
            "UpdateCertificate",
            "DeleteCertificate",
        ]
    }
    assert cloud.read_content()["certificates"] == {
        compute_pump_certificate_id("8", 2): ("ACTIVE", "DEFAULT")
    }
    assert plan_state(make_fleet(make_pump("8", 2)), cloud).steps == ()


def test_a_removed_policy_is_detached_before_it_is_deleted(cloud):
    converge(make_fleet(make_pump("8")), cloud)
    value = TEMPLATE.value
    del value["Resources"]["policy"]
    desired = make_state(make_ca(), make_pump("8", body=Document.from_value(value)))
    converge(desired, cloud)
    assert sorted(cloud.read_content()["policies"]) == ["reconciler-ws-retired"]
    assert plan_state(desired, cloud).steps == ()


def test_a_removed_thing_is_deleted_with_its_certificate(cloud):
    converge(make_fleet(make_pump("8"), make_pump("9")), cloud)
    converge(make_fleet(make_pump("9")), cloud)
    content = cloud.read_content()
    assert (list(content["things"]), list(content["certificates"])) == (
        ["pump-9"],
        [compute_pump_certificate_id("9")],
    )
    assert plan_state(make_fleet(make_pump("9")), cloud).steps == ()


def test_destroy_leaves_an_empty_registry(cloud):
    empty = cloud.read_content()
    converge(make_fleet(make_pump("8"), make_pump("9")), cloud)
    apply(plan_state(make_fleet(make_pump("8"), make_pump("9")), cloud, destroy=True), cloud)
    assert cloud.read_content() == empty


def test_a_protected_provisioned_thing_is_not_destroyed(cloud):
    protected_pump = replace(make_pump("8"), lifecycle=Lifecycle(prevent_destroy=True))
    converge(make_fleet(protected_pump), cloud)
    with pytest.raises(PlanRejectedError) as error:
        plan_state(make_fleet(protected_pump), cloud, destroy=True)
    next_step = "to allow it, first apply its table with prevent_destroy = false"
    assert error.value.reasons == (
        f"provisioned_things.pump-8: cannot delete: its lifecycle.prevent_destroy forbids that; {next_step}",
        f"things.pump-8: cannot delete: it was applied with lifecycle.prevent_destroy; {next_step}",
    )


def test_things_that_swap_certificates_lose_none(cloud):
    converge(make_fleet(make_pump("8"), make_pump("9")), cloud)
    pems = {serial: AUTHORITIES["alpha"].get_device_pem(f"pump-{serial}", 1) for serial in ("8", "9")}
    swapped_fleet = make_fleet(make_pump("8", Pem=pems["9"]), make_pump("9", Pem=pems["8"]))
    converge(swapped_fleet, cloud)
    content = cloud.read_content()
    attached_ids = {name: thing["principals"][0][0] for name, thing in content["things"].items()}
    assert attached_ids == {
        "pump-8": compute_pump_certificate_id("9"),
        "pump-9": compute_pump_certificate_id("8"),
    }
    assert set(content["certificates"].values()) == {("ACTIVE", "DEFAULT")}
    assert plan_state(swapped_fleet, cloud).steps == ()


@pytest.mark.parametrize("missing", ["policy", "attachment", "certificate"])
def test_only_missing_parts_are_added(cloud, missing):
    converge(make_fleet(make_pump("8")), cloud)
    arn = f"arn:aws:iot:eu-west-1:123456789012:cert/{compute_pump_certificate_id('8')}"
    expected = {
        "policy": ["AttachPolicy"],
        "attachment": ["AttachThingPrincipal"],
        "certificate": ["RegisterCertificate", "AttachPolicy", "AttachThingPrincipal"],
    }[missing]
    if missing in {"policy", "certificate"}:
        cloud.iot.detach_policy(policyName="telemetry", target=arn)
    if missing in {"attachment", "certificate"}:
        cloud.iot.detach_thing_principal(thingName="pump-8", principal=arn)
    if missing == "certificate":
        cloud.iot.update_certificate(certificateId=compute_pump_certificate_id("8"), newStatus="INACTIVE")
        cloud.iot.delete_certificate(certificateId=compute_pump_certificate_id("8"))
    plan = converge(make_fleet(make_pump("8")), cloud)
    assert list_operations_by_address(plan) == {"provisioned_things.pump-8": expected}
    assert plan_state(make_fleet(make_pump("8")), cloud).steps == ()


class TestOverrides:
    """`OverrideSettings`: what RegisterThing does to an existing thing."""

    @pytest.mark.parametrize(
        ("setting", "attributes"),
        [
            ("REPLACE", {"site": "bergen"}),
            ("MERGE", {"site": "bergen", "by-hand": "1"}),
            ("DO_NOTHING", {"site": "oslo", "by-hand": "1"}),
        ],
    )
    def test_attributes_follow_the_override_setting(self, cloud, setting, attributes):
        converge(make_fleet(make_pump("8")), cloud)
        cloud.iot.update_thing(
            thingName="pump-8", attributePayload={"attributes": {"by-hand": "1"}, "merge": True}
        )
        body = make_template(OverrideSettings={"AttributePayload": setting})
        converge(make_fleet(make_pump("8", body=body, Site="bergen")), cloud)
        assert cloud.read_content()["things"]["pump-8"]["attributes"] == attributes
        assert plan_state(make_fleet(make_pump("8", body=body, Site="bergen")), cloud).steps == ()

    def test_the_override_setting_fail_rejects_the_plan(self, cloud):
        converge(make_fleet(make_pump("8")), cloud)
        body = make_template(OverrideSettings={"AttributePayload": "FAIL"})
        with pytest.raises(PlanRejectedError) as error:
            plan_state(make_fleet(make_pump("8", body=body, Site="bergen")), cloud)
        assert error.value.reasons == (
            (
                "provisioned_things.pump-8: cannot change attributes: the template's OverrideSettings have FAIL for it; "
                "use REPLACE in the template, or keep the live value (<memory>:1)"
            ),
        )


class TestSigningRequests:
    """A certificate that AWS issues in the RegisterThing call."""

    @staticmethod
    def make_state_with_request(path: Path, request: str):
        value = TEMPLATE.value
        value["Resources"]["certificate"]["Properties"] = {"CertificateSigningRequest": {"Ref": "Pem"}}
        output = OutputFile("pump-8.pem", str(path), path.read_text() if path.exists() else None)
        spec = ProvisionedThing(Document.from_value(value), {"Serial": "8", "Pem": request}, output)
        return make_fleet(make_resource("provisioned_things", "pump-8", spec))

    @pytest.fixture
    def request_pem(self) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pump-8")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def test_the_issued_certificate_is_saved(self, cloud, tmp_path, request_pem):
        path = tmp_path / "pump-8.pem"
        converge(self.make_state_with_request(path, request_pem), cloud)
        assert list(cloud.read_content()["certificates"]) == [compute_certificate_id(path.read_text())]
        assert plan_state(self.make_state_with_request(path, request_pem), cloud).steps == ()

    def test_the_next_apply_saves_the_certificate_that_was_issued_in_an_interrupted_run(
        self, cloud, tmp_path, request_pem
    ):
        path = tmp_path / "pump-8.pem"
        converge(self.make_state_with_request(path, request_pem), cloud)
        text = path.read_text()
        path.unlink()
        plan = converge(self.make_state_with_request(path, request_pem), cloud)
        assert list_operations_by_address(plan) == {"provisioned_things.pump-8": ["DescribeCertificate"]}
        assert (path.read_text(), list(cloud.read_content()["certificates"])) == (
            text,
            [compute_certificate_id(text)],
        )


def test_a_thing_that_becomes_a_provisioned_thing_is_kept(cloud):
    certificate, thing = make_device("pump-8", site="oslo")
    telemetry = make_resource("policies", "telemetry", Policy(Document.from_value(ALLOW)))
    converge(make_state(make_ca(), telemetry, certificate, thing), cloud)
    plan = converge(make_fleet(make_pump("8")), cloud)
    assert list_operations_by_address(plan) == {"provisioned_things.pump-8": ["AttachPolicy"]}
    assert list(cloud.read_content()["things"]) == ["pump-8"]


def test_a_certificate_that_another_step_detaches_first_does_not_stop_a_thing_that_becomes_provisioned(cloud):
    certificate, thing = make_device("pump-8", site="oslo")
    shared, _ = make_device("shared")
    telemetry = make_resource("policies", "telemetry", Policy(Document.from_value(ALLOW)))
    before = make_state(
        make_ca(),
        telemetry,
        certificate,
        replace(shared, spec=evolve(shared.spec, policies=("telemetry",))),
        replace(thing, spec=evolve(thing.spec, certificates=("pump-8", "shared"))),
        make_resource("things", "a", Thing(certificates=("shared",))),
    )
    converge(before, cloud)
    after = make_fleet(make_pump("8"), make_resource("things", "a", Thing()))
    converge(after, cloud)
    assert plan_state(after, cloud).steps == ()
    assert list(cloud.read_content()["certificates"]) == [compute_pump_certificate_id("8")]
