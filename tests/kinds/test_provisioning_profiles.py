"""Provisioning profiles: replaced for every change, and the key that is told once is in its file or the profile goes."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.provisioning_profiles import ProvisioningProfile, ProvisioningProfileFacts
from reconciler.model.address import Address
from reconciler.model.call import Ref
from reconciler.model.change import Create, Replace, Update
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.pem import Pem
from reconciler.model.resource import NOT_COMPARED, Live
from tests.kinds.test_credential_lockers import without_token
from tests.support.desired_states import AUTHORITIES, converge, failures, plan_of, resource, run, state
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    calls_of,
    change_to,
    create_calls,
    delete_calls,
    managed_integrations,
    plan_errors,
    problems,
    read,
)
from tests.support.registry_client import Cloud

ALPHA = AUTHORITIES["alpha"]
CA, CLAIM = Pem.parse(ALPHA.pem), Pem.parse(ALPHA.device("claim"))
ARN = "arn:aws:iotmanagedintegrations:eu-west-1:123456789012:provisioning-profile/P1"
KEY = OutputFile("claim.key", "/nowhere/claim.key")
CERTIFICATE = OutputFile("claim.pem", "/nowhere/claim.pem")
FLEET = ProvisioningProfile(
    "FLEET_PROVISIONING", save_claim_key_to=KEY, save_claim_certificate_to=CERTIFICATE
)
SAVED = {"reconciler:claim-key": "saved"}
GONE = [
    managed_integrations("DeleteProvisioningProfile", ignored_errors=NOT_FOUND, Identifier="P1"),
    managed_integrations("GetProvisioningProfile", repeat_until=NOT_FOUND, Identifier="P1"),
]
SAVES = (
    SavedMember("ClaimCertificatePrivateKey", KEY, secret=True),
    SavedMember("ClaimCertificate", CERTIFICATE),
)
MARK_SAVED = managed_integrations(
    "TagResource", ResourceArn=Ref(Address("provisioning_profiles", "a"), "Arn"), Tags=SAVED
)


def profile(spec: ProvisioningProfile):
    return resource("provisioning_profiles", "a", spec)


def live(spec: ProvisioningProfile, **tags: str) -> Live:
    return Live(
        "P1",
        evolve(spec, name="a"),
        owner="ws",
        arn=ARN,
        tags={**OWNERSHIP_TAGS, **tags},
        declared_name="a",
        facts=ProvisioningProfileFacts(CLAIM),
    )


def made(**fields: object) -> Live:
    """A fleet's profile with a claim that AWS made."""
    return live(ProvisioningProfile("FLEET_PROVISIONING", claim_certificate=CLAIM, **fields))


def test_a_claim_that_aws_makes_is_saved_and_then_said_to_be_saved():
    found, _ = without_token(create_calls(profile(FLEET)))
    assert found == [
        managed_integrations(
            "CreateProvisioningProfile",
            output_files=SAVES,
            ProvisioningType="FLEET_PROVISIONING",
            Name="a",
            Tags=OWNERSHIP_TAGS,
        ),
        MARK_SAVED,
    ]


def test_a_claim_that_is_given_is_sent_and_nothing_is_saved():
    found, _ = without_token(
        create_calls(profile(ProvisioningProfile("FLEET_PROVISIONING", claim_certificate=CLAIM)))
    )
    assert found == [
        managed_integrations(
            "CreateProvisioningProfile",
            ProvisioningType="FLEET_PROVISIONING",
            Name="a",
            Tags=OWNERSHIP_TAGS,
            ClaimCertificate=CLAIM.text,
        )
    ]


def test_a_ca_that_is_never_given_back_is_remembered_in_a_tag():
    found, _ = without_token(create_calls(profile(ProvisioningProfile("JITR", ca_certificate=CA))))
    assert found[0].params["Tags"] == {**OWNERSHIP_TAGS, "reconciler:ca": CA.fingerprint}


def test_what_is_there_is_read_with_what_the_tags_remember():
    answer = {"Id": "P1", "Arn": ARN, "Name": "a", "ProvisioningType": "FLEET_PROVISIONING"}
    answers = {
        "ListProvisioningProfiles": {"Items": [{"Id": "P1"}, {"Id": "P0", "Status": "DELETE_IN_PROGRESS"}]},
        "GetProvisioningProfile": {
            **answer,
            "ClaimCertificate": CLAIM.text,
            "Tags": {**OWNERSHIP_TAGS, **SAVED},
        },
    }
    assert read("provisioning_profiles", answers) == (
        [made(save_claim_key_to=NOT_COMPARED)],
        ["ListProvisioningProfiles", "GetProvisioningProfile"],
    )


def test_what_is_saved_is_no_change_wherever_the_file_is_now():
    assert change_to(profile(FLEET), made(save_claim_key_to=NOT_COMPARED)).fields == ()


def test_a_profile_whose_key_was_lost_with_the_run_is_replaced():
    found = change_to(profile(FLEET), made())
    assert isinstance(found, Replace)
    plain, tokens = without_token(calls_of(found))
    assert [call.operation for call in plain] == [
        "CreateProvisioningProfile",
        *("TagResource", "DeleteProvisioningProfile", "GetProvisioningProfile"),
    ]
    assert plain[0].output_files == SAVES
    assert tokens[0] != without_token(create_calls(profile(FLEET)))[1][0]


def test_a_key_that_was_saved_before_the_run_died_is_only_marked_so():
    key = evolve(KEY, content=ALPHA.key_pem)
    found = change_to(profile(evolve(FLEET, save_claim_key_to=key)), made())
    assert isinstance(found, Update)
    assert calls_of(found) == [managed_integrations("TagResource", ResourceArn=ARN, Tags=SAVED)]


def test_a_file_with_another_key_is_not_taken_for_it():
    key = evolve(KEY, content=ALPHA.key_pem)
    found = change_to(profile(evolve(FLEET, save_claim_key_to=key)), made())
    assert plan_errors(found) == ["claim.key is there already, and is not the key of its claim certificate"]


def test_no_file_is_overwritten():
    key = evolve(KEY, content="something")
    assert plan_errors(Create(profile(evolve(FLEET, save_claim_key_to=key)))) == [
        "claim.key is there already, and no file is overwritten; name a new one"
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            ProvisioningProfile("FLEET_PROVISIONING"),
            "save_claim_key_to: AWS tells the private key of the claim that it makes once, and it has nowhere to go; expected the path of a new file, or a claim_certificate",
        ),
        (
            ProvisioningProfile("JITR"),
            "ca_certificate: a CA certificate is for JITR, and needed there; expected the one with the other",
        ),
        (
            ProvisioningProfile("JITR", ca_certificate=CA, claim_certificate=CLAIM),
            "claim_certificate: JITR has no claim; expected type FLEET_PROVISIONING",
        ),
        (
            ProvisioningProfile("JITR", ca_certificate=CA, save_claim_key_to=KEY),
            "save_claim_key_to: there is nothing to save where AWS makes no claim; expected neither ca nor claim",
        ),
    ],
    ids=["no place for the key", "no CA", "a claim too many", "nothing to save"],
)
def test_what_does_not_fit_together_is_refused(spec, expected):
    assert problems(profile(spec)) == [expected]


def test_it_is_gone_when_aws_says_so():
    assert delete_calls("provisioning_profiles", made()) == GONE


def test_a_key_goes_to_its_file_once_and_for_its_owner_alone(tmp_path):
    cloud, path = Cloud(), tmp_path / "claim.key"
    spec = ProvisioningProfile("FLEET_PROVISIONING", save_claim_key_to=OutputFile("claim.key", str(path)))
    converge(state(profile(spec)), cloud)
    assert path.read_text().startswith("-----BEGIN")
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()  # to where it is safe
    assert plan_of(state(profile(spec)), cloud).steps == ()


def test_a_run_that_dies_before_it_marks_the_key_is_completed_by_the_next(tmp_path):
    cloud, path = Cloud(), tmp_path / "claim.key"
    spec = ProvisioningProfile("FLEET_PROVISIONING", save_claim_key_to=OutputFile("claim.key", str(path)))
    plan = plan_of(state(profile(spec)), cloud)
    cut = evolve(plan, steps=tuple(evolve(step, calls=step.calls[:1]) for step in plan.steps))
    assert failures(run(cut, cloud)) == []
    path.unlink()  # the answer that was never written
    converge(state(profile(spec)), cloud)
    assert path.exists()
    assert plan_of(state(profile(spec)), cloud).steps == ()
    assert len(cloud.content()["provisioning_profiles"]) == 1
