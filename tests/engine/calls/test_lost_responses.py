"""A call whose response was lost is verified, and sent again only if it took no effect."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.engine.calls.send import send
from reconciler.kinds.base.verification import CertificateRegistered, FieldsMatch
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.shared.certificate_issuance import CertificateIssued
from reconciler.kinds.shared.provisioning_template import CERTIFICATE, THING
from reconciler.kinds.things import Thing
from reconciler.model.call import ApiCall
from reconciler.model.document import Document
from reconciler.model.errors import AwsError, TargetError, UnknownOutcomeError
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    list_failures,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.fault_injection import LOST_RESPONSES, Fault, FaultyCloud, SingleFault
from tests.support.pki import compute_certificate_id, make_signing_request

FAULTS_BEFORE_EFFECT = (Fault.FAIL_BEFORE, Fault.RESET_BEFORE)
WITH_EACH_FAULT = pytest.mark.parametrize(
    "fault", [*LOST_RESPONSES, *FAULTS_BEFORE_EFFECT], ids=lambda fault: fault.name.lower()
)


@pytest.fixture(scope="module")
def network() -> FaultyCloud:
    return FaultyCloud()


@pytest.fixture
def cloud(network) -> FaultyCloud:
    return network.stop_faults().reset()


def apply_with_fault(cloud: FaultyCloud, desired: Any, method: str, path: str, fault: Fault) -> list[str]:
    """Apply with a fault in the first request that has this method and path; return the failures."""
    plan = plan_state(desired, cloud)
    cloud.faults = SingleFault(method, path, fault)
    outcomes = apply(plan, cloud, pause=cloud.time.pause)
    assert cloud.faults.occurrences == 1
    cloud.stop_faults()
    return list_failures(outcomes)


class TestIssuedCertificates:
    """AWS issues another certificate each time a signing request is sent."""

    @staticmethod
    def build_state_with_certificate(request: str, output: OutputFile) -> Any:
        spec = Certificate(csr=request, save_to=output)
        return make_state(
            make_resource("certificates", "a", spec), make_resource("things", "a", Thing(certificates=("a",)))
        )

    @staticmethod
    def build_state_with_provisioned_thing(request: str, output: OutputFile) -> Any:
        ref = {"Ref": "Csr"}
        body = Document.from_value(
            {
                "Parameters": {"Csr": {"Type": "String"}},
                "Resources": {
                    "thing": {"Type": THING, "Properties": {"ThingName": "a"}},
                    "certificate": {"Type": CERTIFICATE, "Properties": {"CertificateSigningRequest": ref}},
                },
            }
        )
        spec = ProvisionedThing(body, {"Csr": request}, output)
        return make_state(make_resource("provisioned_things", "a", spec))

    @WITH_EACH_FAULT
    @pytest.mark.parametrize(
        ("build_state", "path"),
        [(build_state_with_certificate, "/certificates"), (build_state_with_provisioned_thing, "/things")],
        ids=["certificate", "thing"],
    )
    def test_one_certificate_is_issued_and_saved_despite_a_fault(
        self, cloud, tmp_path, build_state, path, fault
    ):
        request, file = make_signing_request("a"), tmp_path / "a.pem"
        other_certificate = cloud.iot.create_certificate_from_csr(
            certificateSigningRequest=make_signing_request("b")
        )
        desired = build_state(request, OutputFile("a.pem", str(file)))
        assert apply_with_fault(cloud, desired, "POST", path, fault) == []
        issued_id = compute_certificate_id(file.read_text())
        assert cloud.read_content()["certificates"].keys() == {issued_id, other_certificate["certificateId"]}
        assert cloud.read_content()["things"]["a"]["principals"] == [(issued_id, "NON_EXCLUSIVE_THING")]
        saved_file = OutputFile("a.pem", str(file), file.read_text())
        assert plan_state(build_state(request, saved_file), cloud).steps == ()

    def test_the_certificate_of_an_earlier_call_does_not_verify_a_later_call_with_the_same_request(
        self, cloud
    ):
        request = make_signing_request("a")
        previous_certificate = cloud.iot.create_certificate_from_csr(certificateSigningRequest=request)
        verification = CertificateIssued.for_request(
            request, previous_id=previous_certificate["certificateId"]
        )
        assert verify(cloud, verification) is None
        issued_certificate = cloud.iot.create_certificate_from_csr(certificateSigningRequest=request)
        assert verify(cloud, verification)["certificateArn"] == issued_certificate["certificateArn"]

    def test_verifying_a_partly_provisioned_thing_fails_and_names_the_missing_part(self, cloud):
        request = make_signing_request("a")
        certificate = cloud.iot.create_certificate_from_csr(certificateSigningRequest=request)
        with pytest.raises(
            LookupError, match=rf"^certificate {certificate['certificateId']}, which a does not have$"
        ):
            verify(cloud, CertificateIssued.for_request(request, thing="a"))


def verify(cloud, verification, **params):
    """Return the response that the verification finds, or None if the call took no effect."""
    reads = verification.verify(ApiCall("iot", "Any", params))
    try:
        call = next(reads)
        while True:
            call = reads.send(send(cloud.call, call, {}))
    except StopIteration as stop:
        return stop.value


@WITH_EACH_FAULT
def test_a_claim_key_is_saved_at_the_latest_by_the_run_after_a_fault(cloud, tmp_path, fault):
    from reconciler.kinds.provisioning_profiles import ProvisioningProfile

    file = tmp_path / "claim.key"

    def build_desired_state():
        content = file.read_text() if file.exists() else None
        spec = ProvisioningProfile(
            "FLEET_PROVISIONING", save_claim_key_to=OutputFile("claim.key", str(file), content)
        )
        return make_state(make_resource("provisioning_profiles", "e", spec))

    actual_failures = apply_with_fault(cloud, build_desired_state(), "POST", "/provisioning-profiles", fault)
    lost_key = "claim.key: cannot be written: AWS's response has no ClaimCertificatePrivateKey, which AWS returns only once"
    assert actual_failures == (
        [] if fault in FAULTS_BEFORE_EFFECT else [f"failed provisioning_profiles.e: {lost_key}"]
    )
    assert list_failures(apply(plan_state(build_desired_state(), cloud), cloud)) == []
    assert len(cloud.read_content()["provisioning_profiles"]) == 1
    assert "PRIVATE KEY" in file.read_text()
    assert plan_state(build_desired_state(), cloud).steps == ()


@WITH_EACH_FAULT
def test_one_managed_thing_is_created_per_setup_code(cloud, fault):
    assert (
        apply_with_fault(cloud, make_state(make_managed_thing("a")), "POST", "/managed-things", fault) == []
    )
    assert len(cloud.read_content()["managed_things"]) == 1


class ScriptedAws:
    """AWS with scripted responses and errors; it records the operations that are called."""

    def __init__(self, *responses):
        self.responses = list(responses)
        self.operations: list[str] = []

    def __call__(self, call):
        self.operations.append(call.operation)
        response = self.responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    def send(self, **options):
        params = {"name": "a", "policyDocument": '{"a": 1}'}
        return send(self, ApiCall("iot", "Make", params, **options), {}, lambda _seconds: None)


def make_aws_error(code: str, *, unknown: bool = False) -> AwsError:
    return AwsError(service="iot", operation="Make", code=code, message="m", outcome_unknown=unknown)


LOST_RESPONSE = TargetError("no answer", outcome_unknown=True)
EXISTS_ERROR = make_aws_error("ResourceAlreadyExistsException")
NOT_FOUND_ERROR = make_aws_error("ResourceNotFoundException")
VERIFICATION = FieldsMatch(ApiCall("iot", "Read"), {"policyDocument": "policyDocument"})
REQUESTED_POLICY = {"policyDocument": '{"a":1}'}
OTHER_POLICY = {"policyDocument": '{"a":2}'}
CREATED_RESPONSE = {"id": "7"}


@pytest.mark.parametrize(
    ("responses", "result", "operations"),
    [
        ([CREATED_RESPONSE], CREATED_RESPONSE, ["Make"]),
        ([LOST_RESPONSE, REQUESTED_POLICY], REQUESTED_POLICY, ["Make", "Read"]),
        ([LOST_RESPONSE, NOT_FOUND_ERROR, CREATED_RESPONSE], CREATED_RESPONSE, ["Make", "Read", "Make"]),
        ([LOST_RESPONSE, OTHER_POLICY, CREATED_RESPONSE], CREATED_RESPONSE, ["Make", "Read", "Make"]),
        (
            [LOST_RESPONSE, NOT_FOUND_ERROR, LOST_RESPONSE, REQUESTED_POLICY],
            REQUESTED_POLICY,
            ["Make", "Read", "Make", "Read"],
        ),
        # The lost request took effect after the first read: the second read turns the rejection into a success.
        (
            [LOST_RESPONSE, NOT_FOUND_ERROR, EXISTS_ERROR, REQUESTED_POLICY],
            REQUESTED_POLICY,
            ["Make", "Read", "Make", "Read"],
        ),
        (
            [make_aws_error("InternalFailure", unknown=True), REQUESTED_POLICY],
            REQUESTED_POLICY,
            ["Make", "Read"],
        ),
    ],
)
def test_a_call_that_took_effect_is_not_repeated(responses, result, operations):
    aws = ScriptedAws(*responses)
    assert (aws.send(verification=VERIFICATION), aws.operations) == (result, operations)


@pytest.mark.parametrize(
    ("responses", "error", "operations"),
    [
        # No request was lost, so another client created the policy.
        ([EXISTS_ERROR], EXISTS_ERROR, ["Make"]),
        (
            [LOST_RESPONSE, NOT_FOUND_ERROR, EXISTS_ERROR, OTHER_POLICY],
            EXISTS_ERROR,
            ["Make", "Read", "Make", "Read"],
        ),
        # The request was not sent, so there is no effect to look for.
        ([TargetError("no route")], TargetError("no route"), ["Make"]),
    ],
)
def test_a_call_fails_with_its_error_if_no_read_verifies_that_it_took_effect(responses, error, operations):
    aws = ScriptedAws(*responses)
    with pytest.raises(type(error)) as caught:
        aws.send(verification=VERIFICATION)
    assert (str(caught.value), aws.operations) == (str(error), operations)


UNKNOWN_OUTCOME = "iot:Make may or may not have been made: its response was lost (no answer); run plan again to see the live state"


@pytest.mark.parametrize(
    ("responses", "options"),
    [
        ([LOST_RESPONSE], {}),
        ([LOST_RESPONSE, TargetError("no route")], {"verification": VERIFICATION}),
        ([LOST_RESPONSE, make_aws_error("AccessDenied")], {"verification": VERIFICATION}),
        ([LOST_RESPONSE, NOT_FOUND_ERROR] * 40, {"verification": VERIFICATION}),
    ],
    ids=["no verification", "unreachable", "not allowed to read", "always lost"],
)
def test_an_unverifiable_call_fails_with_an_unknown_outcome(responses, options):
    with pytest.raises(UnknownOutcomeError) as caught:
        ScriptedAws(*responses).send(**options)
    assert str(caught.value) == UNKNOWN_OUTCOME


@pytest.mark.parametrize(
    ("version", "took_effect"),
    [(1, False), (2, True), (3, False)],
    ids=["unchanged", "updated", "updated by someone else too"],
)
def test_an_update_took_effect_if_the_version_is_the_next_one(version, took_effect):
    call = ApiCall("iot", "Change", {"expectedVersion": 1})
    reads = FieldsMatch(ApiCall("iot", "Read"), {}).verify(call)
    next(reads)
    with pytest.raises(StopIteration) as stop:
        reads.send({"version": version, "x": 1})
    assert (stop.value.value is not None) is took_effect


@pytest.mark.parametrize(("status", "took_effect"), [("ACTIVE", True), ("INACTIVE", False)])
def test_a_registration_took_effect_if_the_certificate_has_the_requested_status(cloud, status, took_effect):
    pem = AUTHORITIES["alpha"].get_device_pem("a")
    verification = CertificateRegistered(Pem.parse(pem).fingerprint)
    assert verify(cloud, verification, status="ACTIVE") is None
    cloud.iot.register_certificate_without_ca(certificatePem=pem, status=status)
    assert (verify(cloud, verification, status="ACTIVE") is not None) is took_effect


@pytest.mark.parametrize(
    ("requested", "response", "matches"),
    [
        ({"a": {"b": "x"}}, {"a": {"b": "x", "c": "y"}}, True),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, False),
        ({"a": {"b": "x"}}, {}, False),
        ({"a": ""}, {}, True),
        ({"a": ""}, {"a": "x"}, False),
        ({}, {"a": "x"}, True),
        ({"a": '{"b": [1, 2]}'}, {"a": '{"b":[1,2]}'}, True),
        ({"a": '{"b": [1, 2]}'}, {"a": '{"b":[2,1]}'}, False),
        ({"a": "{"}, {"a": "{ "}, False),
    ],
)
def test_a_verification_compares_only_requested_members_and_json_by_value(requested, response, matches):
    reads = FieldsMatch(ApiCall("iot", "Read"), {"a": "a"}).verify(ApiCall("iot", "Make", requested))
    next(reads)
    with pytest.raises(StopIteration) as stop:
        reads.send({"version": 1, **response})
    assert (stop.value.value is not None) is matches


def test_a_policy_whose_response_was_lost_is_created_once(cloud):
    policy = Document.from_value({"Version": "2012-10-17", "Statement": []})
    desired = make_state(make_resource("policies", "p", Policy(policy)))
    assert apply_with_fault(cloud, desired, "POST", "/policies/p", Fault.RESET_AFTER) == []
    assert cloud.sent_requests.count(("POST", "/policies/p")) == 1
