"""Account associations: a person signs in after the apply, and the URL for that is never shown."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.engine.status import Status, read_status
from reconciler.kinds import all_kinds
from reconciler.kinds.account_associations import AccountAssociation, AccountAssociationFacts
from reconciler.kinds.cloud_connectors import CloudConnector
from reconciler.model.redaction import redact
from reconciler.model.resource import Live
from tests.support.connectors_strategy import DESTINATION, FUNCTION_ARN, MATERIAL
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import list_delete_calls
from tests.support.registry_client import Cloud

SIGN_IN = "a person has to sign in at the other cloud"
COMMAND = "aws iot-managed-integrations get-account-association --account-association-id"


def make_association(**fields: object):
    spec = AccountAssociation(**{"connector_destination": "eu", **fields})
    return make_resource("account_associations", "anna", spec)


def make_association_state(*others, **fields: object):
    """Return a state with an association, its destination and its connector, and other resources."""
    destination = evolve(DESTINATION, general_authorization=(MATERIAL,))
    return make_state(
        make_resource("cloud_connectors", "acme", CloudConnector(FUNCTION_ARN)),
        make_resource("connector_destinations", "eu", destination),
        make_association(**fields),
        *others,
    )


@pytest.fixture
def cloud():
    return Cloud()


def get_association(cloud):
    client = cloud.managed_integrations
    (item,) = client.list_account_associations()["Items"]
    response = client.get_account_association(AccountAssociationId=item["AccountAssociationId"])
    return {key: value for key, value in response.items() if key != "ResponseMetadata"}


def list_notes(plan):
    return [(note.level, note.text) for note in plan.notes if note.address]


def list_operations(plan, kind="account_associations"):
    return [
        (step.change.action, [call.operation for call in step.calls])
        for step in plan.steps
        if step.address.kind == kind
    ]


def test_an_apply_succeeds_although_a_person_has_to_sign_in(cloud):
    plan = converge(make_association_state(tags={"site": "oslo"}), cloud)
    association = get_association(cloud)
    assert list_notes(plan) == [
        (
            "warning",
            (
                f"{SIGN_IN} before the association works; after the apply, "
                "`reconciler show account_associations.anna` prints the next step"
            ),
        )
    ]
    assert (association["AssociationState"], association["Name"]) == ("ASSOCIATION_IN_PROGRESS", "anna")
    assert association["Tags"] == {
        "reconciler:name": "anna",
        "reconciler:workspace": "ws",
        "site": "oslo",
    }


def test_the_status_and_the_note_name_the_url_without_showing_it(cloud):
    converge(make_association_state(), cloud)
    association = get_association(cloud)
    identity = association["AccountAssociationId"]
    next_step = f"open the OAuthAuthorizationUrl that `{COMMAND} {identity}` prints, and sign in"
    kind, live = all_kinds()["account_associations"], Live(identity, None)
    assert read_status(kind, live, cloud.call) == Status(
        {"association_state": "ASSOCIATION_IN_PROGRESS", "next_step": next_step}
    )
    assert list_notes(plan_state(make_association_state(), cloud)) == [("info", f"{SIGN_IN}; {next_step}")]


def test_the_url_is_redacted_in_logs_of_responses():
    text = '{"OAuthAuthorizationUrl": "https://acme.example.com/sign-in?state=secret", "Name": "anna"}'
    assert redact(text) == '{"OAuthAuthorizationUrl": "(sensitive)", "Name": "anna"}'


def test_an_association_with_a_material_needs_no_person(cloud):
    plan = converge(make_association_state(auth_material_name="shared"), cloud)
    assert list_notes(plan) == []
    assert get_association(cloud)["AssociationState"] == "ASSOCIATION_SUCCEEDED"
    assert list_notes(plan_state(make_association_state(auth_material_name="shared"), cloud)) == []


def test_name_description_and_tags_are_changed_in_place(cloud):
    converge(make_association_state(description="Flat", tags={"site": "oslo"}), cloud)
    before = get_association(cloud)
    changed = make_association_state(name="Anna", description="House", tags={"line": "A"})
    plan = converge(changed, cloud)
    after = get_association(cloud)
    assert list_operations(plan) == [("update", ["UpdateAccountAssociation", "UntagResource", "TagResource"])]
    assert after["AccountAssociationId"] == before["AccountAssociationId"]
    assert (after["Name"], after["Description"], after["Tags"]["line"]) == ("Anna", "House", "A")


def test_a_removed_description_replaces_the_association_and_warns(cloud):
    converge(make_association_state(description="Flat"), cloud)
    plan = converge(make_association_state(), cloud)
    assert list_operations(plan) == [
        (
            "replace",
            ["DeleteAccountAssociation", "GetAccountAssociation", "CreateAccountAssociation"],
        )
    ]
    assert list_notes(plan) == [
        (
            "warning",
            (
                f"{SIGN_IN} again before the association works; after the apply, "
                "`reconciler show account_associations.anna` prints the next step"
            ),
        )
    ]


def test_the_managed_things_of_an_association_are_deregistered_first():
    facts = AccountAssociationFacts("ASSOCIATION_SUCCEEDED", managed_things=("M1",))
    live = Live("A1", AccountAssociation("eu"), owner="ws", facts=facts)
    assert [
        (call.operation, dict(call.params)) for call in list_delete_calls("account_associations", live)
    ] == [
        ("DeregisterAccountAssociation", {"ManagedThingId": "M1", "AccountAssociationId": "A1"}),
        ("DeleteAccountAssociation", {"AccountAssociationId": "A1"}),
        ("GetAccountAssociation", {"AccountAssociationId": "A1"}),
    ]


def register(cloud, managed_thing: str) -> None:
    cloud.managed_integrations.register_account_association(
        ManagedThingId=managed_thing,
        AccountAssociationId=get_association(cloud)["AccountAssociationId"],
        DeviceDiscoveryId="d1",
    )


def test_a_deletion_is_rejected_while_managed_things_of_others_are_registered(cloud):
    converge(make_association_state(), cloud)
    managed_thing = cloud.managed_integrations.create_managed_thing(
        Role="DEVICE", AuthenticationMaterial="90001", AuthenticationMaterialType="ZWAVE_QR_BAR_CODE"
    )["Id"]
    register(cloud, managed_thing)
    assert get_rejection_reasons(make_state(), cloud) == [
        (
            f"account_associations.anna: cannot delete: AWS would remove with it the registration of the managed thing "
            f"{managed_thing}; remove that first, or allow it with --allow-cascade"
        )
    ]
    converge(make_state(), cloud, allow_cascade=True)
    assert cloud.managed_integrations.list_account_associations()["Items"] == []


def test_managed_things_of_the_workspace_are_deregistered_in_the_same_plan(cloud):
    lamp = make_managed_thing("lamp")
    converge(make_association_state(lamp), cloud)
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    register(cloud, item["Id"])
    plan = converge(make_state(lamp), cloud)
    assert list_operations(plan) == [
        (
            "delete",
            ["DeregisterAccountAssociation", "DeleteAccountAssociation", "GetAccountAssociation"],
        )
    ]


def test_an_association_is_deleted_before_its_destination(cloud):
    converge(make_association_state(), cloud)
    plan = converge(make_state(), cloud)
    assert [str(step.address) for step in plan.steps if step.address.kind != "thing_groups"] == [
        "account_associations.anna",
        "connector_destinations.eu",
        "cloud_connectors.acme",
    ]


def test_a_failed_association_is_noted_with_the_reason():
    facts = AccountAssociationFacts("ASSOCIATION_FAILED", "token expired")
    live = Live("A1", AccountAssociation("eu"), owner="ws", facts=facts)
    refresh = "aws iot-managed-integrations start-account-association-refresh --account-association-id A1"
    assert list(all_kinds()["account_associations"].plan_notes(live)) == [
        (
            "the association failed (token expired); open the OAuthAuthorizationUrl that "
            f"`{refresh}` prints, and sign in"
        )
    ]
