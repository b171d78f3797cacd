"""Provisioning profiles: replaced if a field other than tags changes, or if the claim's key is lost."""

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
from tests.kinds.test_credential_lockers import split_tokens
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    converge,
    list_failures,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    list_problems,
    make_change,
    make_managed_integrations_call,
    read_kind,
)
from tests.support.registry_client import Cloud

ALPHA = AUTHORITIES["alpha"]
CA_PEM, CLAIM_PEM = Pem.parse(ALPHA.pem), Pem.parse(ALPHA.get_device_pem("claim"))
ARN = "arn:aws:iotmanagedintegrations:eu-west-1:123456789012:provisioning-profile/P1"
KEY_FILE = OutputFile("claim.key", "/nowhere/claim.key")
CERTIFICATE_FILE = OutputFile("claim.pem", "/nowhere/claim.pem")
FLEET_SPEC = ProvisioningProfile(
    "FLEET_PROVISIONING", save_claim_key_to=KEY_FILE, save_claim_certificate_to=CERTIFICATE_FILE
)
KEY_SAVED_TAG = {"reconciler:claim-key": "saved"}
DELETE_CALLS = [
    make_managed_integrations_call("DeleteProvisioningProfile", ignored_errors=NOT_FOUND, Identifier="P1"),
    make_managed_integrations_call("GetProvisioningProfile", repeat_until=NOT_FOUND, Identifier="P1"),
]
OUTPUT_FILES = (
    SavedMember("ClaimCertificatePrivateKey", KEY_FILE, secret=True),
    SavedMember("ClaimCertificate", CERTIFICATE_FILE),
)
TAG_KEY_SAVED_CALL = make_managed_integrations_call(
    "TagResource", ResourceArn=Ref(Address("provisioning_profiles", "a"), "Arn"), Tags=KEY_SAVED_TAG
)


def make_profile(spec: ProvisioningProfile):
    return make_resource("provisioning_profiles", "a", spec)


def make_live(spec: ProvisioningProfile, **tags: str) -> Live:
    return Live(
        "P1",
        evolve(spec, name="a"),
        owner="ws",
        arn=ARN,
        tags={**OWNERSHIP_TAGS, **tags},
        declared_name="a",
        facts=ProvisioningProfileFacts(claim=CLAIM_PEM),
    )


def make_live_with_generated_claim(**fields: object) -> Live:
    """Return a FLEET_PROVISIONING profile with a claim that AWS generated.

    The claim's key counts as lost unless `save_claim_key_to` is `NOT_COMPARED`. A read returns that value if a tag records that
    the key was saved.
    """
    return make_live(ProvisioningProfile("FLEET_PROVISIONING", claim_certificate=CLAIM_PEM, **fields))


def test_a_generated_claim_is_saved_and_then_tagged_as_saved():
    calls, _ = split_tokens(list_create_calls(make_profile(FLEET_SPEC)))
    assert calls == [
        make_managed_integrations_call(
            "CreateProvisioningProfile",
            output_files=OUTPUT_FILES,
            ProvisioningType="FLEET_PROVISIONING",
            Name="a",
            Tags=OWNERSHIP_TAGS,
        ),
        TAG_KEY_SAVED_CALL,
    ]


def test_a_declared_claim_is_sent_and_nothing_is_saved():
    calls, _ = split_tokens(
        list_create_calls(
            make_profile(ProvisioningProfile("FLEET_PROVISIONING", claim_certificate=CLAIM_PEM))
        )
    )
    assert calls == [
        make_managed_integrations_call(
            "CreateProvisioningProfile",
            ProvisioningType="FLEET_PROVISIONING",
            Name="a",
            Tags=OWNERSHIP_TAGS,
            ClaimCertificate=CLAIM_PEM.text,
        )
    ]


def test_a_tag_records_the_ca_which_aws_does_not_return():
    calls, _ = split_tokens(
        list_create_calls(make_profile(ProvisioningProfile("JITR", ca_certificate=CA_PEM)))
    )
    assert calls[0].params["Tags"] == {**OWNERSHIP_TAGS, "reconciler:ca": CA_PEM.fingerprint}


def test_a_live_profile_is_read_with_the_facts_that_its_tags_record():
    response = {"Id": "P1", "Arn": ARN, "Name": "a", "ProvisioningType": "FLEET_PROVISIONING"}
    responses = {
        "ListProvisioningProfiles": {"Items": [{"Id": "P1"}, {"Id": "P0", "Status": "DELETE_IN_PROGRESS"}]},
        "GetProvisioningProfile": {
            **response,
            "ClaimCertificate": CLAIM_PEM.text,
            "Tags": {**OWNERSHIP_TAGS, **KEY_SAVED_TAG},
        },
    }
    assert read_kind("provisioning_profiles", responses) == (
        [make_live_with_generated_claim(save_claim_key_to=NOT_COMPARED)],
        ["ListProvisioningProfiles", "GetProvisioningProfile"],
    )


def test_a_saved_key_is_unchanged_even_if_its_file_was_moved():
    assert (
        make_change(
            make_profile(FLEET_SPEC), make_live_with_generated_claim(save_claim_key_to=NOT_COMPARED)
        ).fields
        == ()
    )


def test_a_profile_whose_key_was_lost_is_replaced():
    change = make_change(make_profile(FLEET_SPEC), make_live_with_generated_claim())
    assert isinstance(change, Replace)
    calls, tokens = split_tokens(list_calls(change))
    assert [call.operation for call in calls] == [
        "CreateProvisioningProfile",
        "TagResource",
        "DeleteProvisioningProfile",
        "GetProvisioningProfile",
    ]
    assert calls[0].output_files == OUTPUT_FILES
    # With the token of the first creation, AWS would return the same profile again.
    assert tokens[0] != split_tokens(list_create_calls(make_profile(FLEET_SPEC)))[1][0]


def test_a_key_saved_by_an_interrupted_apply_is_only_tagged():
    claim = Pem.parse(ALPHA.issue("claim", ALPHA.key))  # the CA's own key serves as the claim's key
    live = evolve(make_live_with_generated_claim(), facts=ProvisioningProfileFacts(claim=claim))
    key = evolve(KEY_FILE, content=ALPHA.key_pem)
    change = make_change(make_profile(evolve(FLEET_SPEC, save_claim_key_to=key)), live)
    assert isinstance(change, Update)
    assert list_plan_errors(change) == []
    assert list_calls(change) == [
        make_managed_integrations_call("TagResource", ResourceArn=ARN, Tags=KEY_SAVED_TAG)
    ]


def test_a_file_with_another_key_is_rejected():
    key = evolve(KEY_FILE, content=ALPHA.key_pem)
    change = make_change(
        make_profile(evolve(FLEET_SPEC, save_claim_key_to=key)), make_live_with_generated_claim()
    )
    assert list_plan_errors(change) == [
        (
            "claim.key already exists and does not contain the key of the profile's claim certificate; "
            "choose the path of a new file"
        )
    ]


def test_an_existing_file_is_rejected():
    key = evolve(KEY_FILE, content="something")
    assert list_plan_errors(Create(make_profile(evolve(FLEET_SPEC, save_claim_key_to=key)))) == [
        "claim.key already exists and would be overwritten; choose the path of a new file"
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            ProvisioningProfile("FLEET_PROVISIONING"),
            (
                "save_claim_key_to: AWS generates the claim and returns its private key only once, and the key would not be saved; "
                "expected the path of a new file, or a claim_certificate"
            ),
        ),
        (
            ProvisioningProfile("JITR"),
            "ca_certificate: JITR needs the hubs' CA; expected a CA certificate",
        ),
        (
            ProvisioningProfile("FLEET_PROVISIONING", ca_certificate=CA_PEM, claim_certificate=CLAIM_PEM),
            (
                "ca_certificate: FLEET_PROVISIONING does not use a CA certificate; "
                "expected no ca_certificate, or the type JITR"
            ),
        ),
        (
            ProvisioningProfile("JITR", ca_certificate=CA_PEM, claim_certificate=CLAIM_PEM),
            (
                "claim_certificate: JITR does not use a claim certificate; "
                "expected no claim_certificate, or the type FLEET_PROVISIONING"
            ),
        ),
        (
            ProvisioningProfile("JITR", ca_certificate=CA_PEM, save_claim_key_to=KEY_FILE),
            (
                "save_claim_key_to: AWS generates no claim to save for JITR, or where the file has a claim_certificate; "
                "expected no save_claim_key_to"
            ),
        ),
    ],
    ids=["a key without a file", "no CA", "a CA without JITR", "a claim with JITR", "a file without a key"],
)
def test_a_missing_or_unused_field_of_a_type_is_a_problem(spec, expected):
    assert list_problems(make_profile(spec)) == [expected]


def test_a_deletion_waits_until_aws_no_longer_has_the_profile():
    assert list_delete_calls("provisioning_profiles", make_live_with_generated_claim()) == DELETE_CALLS


def test_a_key_is_saved_once_in_a_file_that_only_its_owner_can_read(tmp_path):
    cloud, path = Cloud(), tmp_path / "claim.key"
    spec = ProvisioningProfile("FLEET_PROVISIONING", save_claim_key_to=OutputFile("claim.key", str(path)))
    converge(make_state(make_profile(spec)), cloud)
    assert path.read_text().startswith("-----BEGIN")
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()  # as if the user moved it to a safe place
    assert plan_state(make_state(make_profile(spec)), cloud).steps == ()


def test_an_apply_interrupted_before_it_saves_the_key_is_completed_by_the_next(tmp_path):
    cloud, path = Cloud(), tmp_path / "claim.key"
    spec = ProvisioningProfile("FLEET_PROVISIONING", save_claim_key_to=OutputFile("claim.key", str(path)))
    plan = plan_state(make_state(make_profile(spec)), cloud)
    interrupted_plan = evolve(plan, steps=tuple(evolve(step, calls=step.calls[:1]) for step in plan.steps))
    assert list_failures(apply(interrupted_plan, cloud)) == []
    path.unlink()  # as if the response was lost before the key was written
    converge(make_state(make_profile(spec)), cloud)
    assert path.exists()
    assert plan_state(make_state(make_profile(spec)), cloud).steps == ()
    assert len(cloud.read_content()["provisioning_profiles"]) == 1
