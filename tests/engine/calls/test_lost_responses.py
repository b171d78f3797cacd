"""A call whose answer was lost is looked for; it is sent again only where it was not done, or where that is the same."""

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
from tests.support.desired_states import AUTHORITIES, apply, failures, managed_thing, plan_of, resource, state
from tests.support.fault_injection import LOST_RESPONSES, Fault, FaultyCloud, SingleFault
from tests.support.pki import certificate_id, signing_request

NOT_DONE = (Fault.FAIL_BEFORE, Fault.RESET_BEFORE)
ANY = pytest.mark.parametrize("fault", [*LOST_RESPONSES, *NOT_DONE], ids=lambda fault: fault.name.lower())


@pytest.fixture(scope="module")
def network() -> FaultyCloud:
    return FaultyCloud()


@pytest.fixture
def cloud(network) -> FaultyCloud:
    return network.stop_faults().reset()


def applied(cloud: FaultyCloud, wanted: Any, method: str, path: str, fault: Fault) -> list[str]:
    """What did not go as planned when the first such request met the fault."""
    plan = plan_of(wanted, cloud)
    cloud.faults = SingleFault(method, path, fault)
    outcomes = apply(plan, cloud, pause=cloud.time.pause)
    assert cloud.faults.occurrences == 1
    cloud.stop_faults()
    return failures(outcomes)


class TestIssued:
    """AWS issues a certificate for each request, and for each repetition of one."""

    @staticmethod
    def certificate(request: str, output: OutputFile) -> Any:
        spec = Certificate(csr=request, save_to=output)
        return state(resource("certificates", "a", spec), resource("things", "a", Thing(certificates=("a",))))

    @staticmethod
    def provisioned(request: str, output: OutputFile) -> Any:
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
        return state(resource("provisioned_things", "a", spec))

    @ANY
    @pytest.mark.parametrize(
        ("make", "path"),
        [(certificate, "/certificates"), (provisioned, "/things")],
        ids=["certificate", "thing"],
    )
    def test_one_certificate_is_issued_and_saved(self, cloud, tmp_path, make, path, fault):
        request, file = signing_request("a"), tmp_path / "a.pem"
        older = cloud.iot.create_certificate_from_csr(certificateSigningRequest=signing_request("b"))
        assert applied(cloud, make(request, OutputFile("a.pem", str(file))), "POST", path, fault) == []
        issued = certificate_id(file.read_text())
        assert cloud.content()["certificates"].keys() == {issued, older["certificateId"]}
        assert cloud.content()["things"]["a"]["principals"] == [(issued, "NON_EXCLUSIVE_THING")]
        known = OutputFile("a.pem", str(file), file.read_text())
        assert plan_of(make(request, known), cloud).steps == ()

    def test_the_previous_certificate_is_not_taken_for_the_new_one(self, cloud):
        request = signing_request("a")
        before = cloud.iot.create_certificate_from_csr(certificateSigningRequest=request)
        assert (
            looked(cloud, CertificateIssued.for_request(request, previous_id=before["certificateId"])) is None
        )
        after = cloud.iot.create_certificate_from_csr(certificateSigningRequest=request)
        response = looked(cloud, CertificateIssued.for_request(request, previous_id=before["certificateId"]))
        assert response["certificateArn"] == after["certificateArn"]

    def test_a_partly_provisioned_thing_is_completed_by_the_next_run(self, cloud):
        request = signing_request("a")
        certificate = cloud.iot.create_certificate_from_csr(certificateSigningRequest=request)
        with pytest.raises(
            LookupError, match=rf"^certificate {certificate['certificateId']}, which a does not have$"
        ):
            looked(cloud, CertificateIssued.for_request(request, thing="a"))


def looked(cloud, proof, **params):
    looking = proof.verify(ApiCall("iot", "Any", params))
    try:
        question = next(looking)
        while True:
            question = looking.send(send(cloud.call, question, {}))
    except StopIteration as ended:
        return ended.value


@ANY
def test_an_unsaved_claim_key_is_replaced_by_the_next_run(cloud, tmp_path, fault):
    from reconciler.kinds.provisioning_profiles import ProvisioningProfile

    file = tmp_path / "claim.key"

    def wanted():
        content = file.read_text() if file.exists() else None
        spec = ProvisioningProfile(
            "FLEET_PROVISIONING", save_claim_key_to=OutputFile("claim.key", str(file), content)
        )
        return state(resource("provisioning_profiles", "e", spec))

    lost = applied(cloud, wanted(), "POST", "/provisioning-profiles", fault)
    problem = "claim.key: cannot be written: AWS's response has no ClaimCertificatePrivateKey, which it returns only once"
    assert lost == ([] if fault in NOT_DONE else [f"failed provisioning_profiles.e: {problem}"])
    assert failures(apply(plan_of(wanted(), cloud), cloud)) == []
    assert len(cloud.content()["provisioning_profiles"]) == 1
    assert "PRIVATE KEY" in file.read_text()
    assert plan_of(wanted(), cloud).steps == ()


@ANY
def test_one_managed_thing_is_created_per_setup_code(cloud, fault):
    assert applied(cloud, state(managed_thing("a")), "POST", "/managed-things", fault) == []
    assert len(cloud.content()["managed_things"]) == 1


class Aws:
    """Answers in turn: a dict is an answer, an exception itself. What was asked is kept."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, call):
        self.asked.append(call.operation)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def send(self, **more):
        params = {"name": "a", "policyDocument": '{"a": 1}'}
        return send(self, ApiCall("iot", "Make", params, **more), {}, lambda _seconds: None)


def refused(code: str, *, unknown: bool = False) -> AwsError:
    return AwsError(service="iot", operation="Make", code=code, message="m", outcome_unknown=unknown)


LOST = TargetError("no answer", outcome_unknown=True)
EXISTS = refused("ResourceAlreadyExistsException")
NONE = refused("ResourceNotFoundException")
PROOF = FieldsMatch(ApiCall("iot", "Read"), {"policyDocument": "policyDocument"})
DONE, OTHER = {"policyDocument": '{"a":1}'}, {"policyDocument": '{"a":2}'}
ANSWER = {"id": "7"}


@pytest.mark.parametrize(
    ("answers", "response", "calls"),
    [
        ([ANSWER], ANSWER, ["Make"]),
        ([LOST, DONE], DONE, ["Make", "Read"]),
        ([LOST, NONE, ANSWER], ANSWER, ["Make", "Read", "Make"]),
        ([LOST, OTHER, ANSWER], ANSWER, ["Make", "Read", "Make"]),
        ([LOST, NONE, LOST, DONE], DONE, ["Make", "Read", "Make", "Read"]),
        # What was not there to be read was on its way: only reading it again makes a refusal a success.
        ([LOST, NONE, EXISTS, DONE], DONE, ["Make", "Read", "Make", "Read"]),
        ([refused("InternalFailure", unknown=True), DONE], DONE, ["Make", "Read"]),
    ],
)
def test_a_call_that_took_effect_is_not_repeated(answers, response, calls):
    aws = Aws(*answers)
    assert (aws.send(verification=PROOF), aws.asked) == (response, calls)


@pytest.mark.parametrize(
    ("answers", "error", "asked"),
    [
        # The first answer is no news of ours.
        ([EXISTS], EXISTS, ["Make"]),
        ([LOST, NONE, EXISTS, OTHER], EXISTS, ["Make", "Read", "Make", "Read"]),
        ([TargetError("no route")], TargetError("no route"), ["Make"]),
    ],
)
def test_another_clients_change_is_not_taken_for_our_own(answers, error, asked):
    aws = Aws(*answers)
    with pytest.raises(type(error)) as caught:
        aws.send(verification=PROOF)
    assert (str(caught.value), aws.asked) == (str(error), asked)


UNKNOWN = "iot:Make may or may not have been made: its response was lost (no answer); run plan again to see the live state"


@pytest.mark.parametrize(
    ("answers", "more"),
    [
        ([LOST], {}),
        ([LOST, TargetError("no route")], {"verification": PROOF}),
        ([LOST, refused("AccessDenied")], {"verification": PROOF}),
        ([LOST, NONE] * 40, {"verification": PROOF}),
    ],
    ids=["no proof", "nothing to be read", "not allowed to look", "lost for ever"],
)
def test_an_unverifiable_call_fails_with_an_unknown_outcome(answers, more):
    with pytest.raises(UnknownOutcomeError) as caught:
        Aws(*answers).send(**more)
    assert str(caught.value) == UNKNOWN


@pytest.mark.parametrize(
    ("version", "done"), [(1, False), (2, True), (3, False)], ids=["untouched", "ours", "somebody's after"]
)
def test_an_update_took_effect_if_the_version_is_the_next(version, done):
    sent = ApiCall("iot", "Change", {"expectedVersion": 1})
    looking = FieldsMatch(ApiCall("iot", "Read"), {}).verify(sent)
    next(looking)
    with pytest.raises(StopIteration) as ended:
        looking.send({"version": version, "x": 1})
    assert (ended.value.value is not None) is done


@pytest.mark.parametrize(("status", "done"), [("ACTIVE", True), ("INACTIVE", False)])
def test_a_registered_certificate_has_the_requested_status(cloud, status, done):
    pem = AUTHORITIES["alpha"].device("a")
    proof = CertificateRegistered(Pem.parse(pem).fingerprint)
    assert looked(cloud, proof, status="ACTIVE") is None
    cloud.iot.register_certificate_without_ca(certificatePem=pem, status=status)
    assert (looked(cloud, proof, status="ACTIVE") is not None) is done


@pytest.mark.parametrize(
    ("requested", "response", "same"),
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
def test_a_verification_ignores_members_that_were_not_requested(requested, response, same):
    looking = FieldsMatch(ApiCall("iot", "Read"), {"a": "a"}).verify(ApiCall("iot", "Make", requested))
    next(looking)
    with pytest.raises(StopIteration) as ended:
        looking.send({"version": 1, **response})
    assert (ended.value.value is not None) is same


def test_a_policy_is_created_once(cloud):
    policy = Document.from_value({"Version": "2012-10-17", "Statement": []})
    wanted = state(resource("policies", "p", Policy(policy)))
    assert applied(cloud, wanted, "POST", "/policies/p", Fault.RESET_AFTER) == []
    assert [path for method, path in cloud.sent_requests if (method, path) == ("POST", "/policies/p")] == [
        "/policies/p"
    ]
