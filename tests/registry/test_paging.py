"""Paging: every item once, despite changes between pages, and tokens that cannot be forged."""

import base64
import re

import pytest

from reconciler.registry.store import Transaction
from tests.support.direct_client import EMPTY_POLICY, TEMPLATE_BODY, catch_error, create_client

from .test_managed_things import build_device_params as build_managed_device_params

PRINCIPAL = "eu-west-1:3f1c9b8e-3c3a-4a6e-9a53-{:012d}"
"""The ID of an Amazon Cognito identity, which can be a principal without being registered."""


def create_things(iot, numbers):
    for number in numbers:
        iot.create_thing(
            thingName=f"t{number:03}", attributePayload={"attributes": {"site": f"s{number % 3}"}}
        )


def create_groups(iot, numbers):
    for number in numbers:
        iot.create_thing_group(thingGroupName=f"g{number:03}")


def create_thing_types(iot, numbers):
    for number in numbers:
        iot.create_thing_type(thingTypeName=f"y{number:03}")


def create_attached_principals(iot, numbers):
    iot.create_thing(thingName="hub")
    for number in numbers:
        iot.attach_thing_principal(thingName="hub", principal=PRINCIPAL.format(number))


def create_group_members(iot, numbers):
    iot.create_thing_group(thingGroupName="hall")
    for number in numbers:
        iot.create_thing(thingName=f"t{number:03}")
        iot.add_thing_to_thing_group(thingGroupName="hall", thingName=f"t{number:03}")


def create_billing_groups(iot, numbers):
    """Create many billing groups, and as many things, all in the billing group acme."""
    iot.create_billing_group(billingGroupName="acme")
    for number in numbers:
        iot.create_billing_group(billingGroupName=f"b{number:03}")
        iot.create_thing(thingName=f"t{number:03}", billingGroupName="acme")


def create_dynamic_groups(iot, numbers):
    """Create many things in the group dynamic, and put the thing t000 into up to nine groups."""
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
    for number in numbers:
        iot.create_thing(thingName=f"t{number:03}")
    for number in numbers[:4]:
        iot.create_dynamic_thing_group(thingGroupName=f"g{number:03}", queryString="thingName:t*")
        iot.create_thing_group(thingGroupName=f"s{number:03}")
        iot.add_thing_to_thing_group(thingGroupName=f"s{number:03}", thingName="t000")
    iot.create_thing(thingName="t000")  # exists already unless `numbers` is empty
    iot.create_dynamic_thing_group(thingGroupName="dynamic", queryString="thingName:t*")


def create_templates(iot, numbers):
    for number in numbers:
        iot.create_provisioning_template(
            templateName=f"y{number:03}",
            templateBody=TEMPLATE_BODY,
            provisioningRoleArn="arn:aws:iam::123456789012:role/p",
        )


def create_role_aliases(iot, numbers):
    for number in numbers:
        iot.create_role_alias(roleAlias=f"y{number:03}", roleArn="arn:aws:iam::123456789012:role/p")


def create_things_of_a_principal(iot, numbers):
    for number in numbers:
        iot.create_thing(thingName=f"t{number:03}")
        iot.attach_thing_principal(thingName=f"t{number:03}", principal=PRINCIPAL.format(0))


def create_policies(iot, numbers):
    """Attach many policies to one identity, and one policy to as many identities."""
    iot.create_policy(policyName="base", policyDocument=EMPTY_POLICY)
    for number in numbers:
        iot.create_policy(policyName=f"y{number:03}", policyDocument=EMPTY_POLICY)
        iot.attach_policy(policyName=f"y{number:03}", target=PRINCIPAL.format(0))
        iot.attach_policy(policyName="base", target=PRINCIPAL.format(number + 1))


# Each case: the function that creates the items, the listing and its parameters, and the member that has the items.
TOKEN_LISTS = [
    (create_things, "list_things", {}, "things"),
    (create_things, "list_things", {"attributeName": "site"}, "things"),
    (create_things, "list_things", {"attributeName": "site", "attributeValue": "s1"}, "things"),
    (create_groups, "list_thing_groups", {}, "thingGroups"),
    (create_thing_types, "list_thing_types", {}, "thingTypes"),
    (create_attached_principals, "list_thing_principals", {"thingName": "hub"}, "principals"),
    (create_attached_principals, "list_thing_principals_v2", {"thingName": "hub"}, "thingPrincipalObjects"),
    (create_things_of_a_principal, "list_principal_things", {"principal": PRINCIPAL.format(0)}, "things"),
    (
        create_things_of_a_principal,
        "list_principal_things_v2",
        {"principal": PRINCIPAL.format(0)},
        "principalThingObjects",
    ),
    (create_billing_groups, "list_billing_groups", {}, "billingGroups"),
    (create_templates, "list_provisioning_templates", {}, "templates"),
    (create_billing_groups, "list_things_in_billing_group", {"billingGroupName": "acme"}, "things"),
    (create_dynamic_groups, "list_things_in_thing_group", {"thingGroupName": "dynamic"}, "things"),
    (create_dynamic_groups, "list_thing_groups_for_thing", {"thingName": "t000"}, "thingGroups"),
    (create_group_members, "list_things_in_thing_group", {"thingGroupName": "hall"}, "things"),
    (
        create_group_members,
        "list_things_in_thing_group",
        {"thingGroupName": "hall", "recursive": True},
        "things",
    ),
]


def read_pages(operation, size="maxResults", token_in="nextToken", token_out="nextToken", **params):
    """Return the outputs of a listing in pages of three items.

    `size`, `token_in` and `token_out` are the names of the members for the page size and the token.
    """
    pages = [operation(**params, **{size: 3})]
    while token_out in pages[-1]:
        pages.append(operation(**params, **{size: 3, token_in: pages[-1][token_out]}))
    return pages


@pytest.mark.parametrize(("create_items", "name", "params", "member"), TOKEN_LISTS)
@pytest.mark.parametrize("count", [0, 3, 8])
def test_paging_by_token_returns_every_item_once(*, iot, create_items, name, params, member, count):
    create_items(iot, range(count))
    operation = getattr(iot, name)

    pages = read_pages(operation, **params)

    assert [item for page in pages for item in page[member]] == operation(**params, maxResults=250)[member]
    assert all(len(page[member]) == 3 for page in pages[:-1])


def test_paging_a_search_returns_every_thing_once(iot):
    create_dynamic_groups(iot, range(8))
    params = {"queryString": "thingName:t*"}

    pages = read_pages(iot.search_index, **params)

    names = [thing["thingName"] for page in pages for thing in page["things"]]
    assert names == [f"t{number:03}" for number in range(8)]
    assert catch_error(iot.search_index, maxResults=101, **params) == ("InvalidRequestException", 400)


# As in TOKEN_LISTS.
MARKER_LISTS = [
    (create_role_aliases, "list_role_aliases", {}, "roleAliases"),
    (create_role_aliases, "list_role_aliases", {"ascendingOrder": True}, "roleAliases"),
    (create_policies, "list_policies", {}, "policies"),
    (create_policies, "list_policies", {"ascendingOrder": True}, "policies"),
    (create_policies, "list_attached_policies", {"target": PRINCIPAL.format(0)}, "policies"),
    (create_policies, "list_principal_policies", {"principal": PRINCIPAL.format(0)}, "policies"),
    (create_policies, "list_targets_for_policy", {"policyName": "base"}, "targets"),
    (create_policies, "list_policy_principals", {"policyName": "base"}, "principals"),
]


@pytest.mark.parametrize(("create_items", "name", "params", "member"), MARKER_LISTS)
@pytest.mark.parametrize("count", [0, 3, 8])
def test_paging_by_marker_returns_every_item_once(*, iot, create_items, name, params, member, count):
    create_items(iot, range(count))
    operation = getattr(iot, name)

    pages = read_pages(operation, size="pageSize", token_in="marker", token_out="nextMarker", **params)

    assert [item for page in pages for item in page[member]] == operation(**params, pageSize=250)[member]
    assert all(len(page[member]) == 3 for page in pages[:-1])


@pytest.mark.parametrize("ascending", [True, False])
def test_paging_certificates_returns_every_certificate_once(iot, ca, authority, clock, ascending):
    """Some of the certificates have the same creation date."""
    created_ids = set()
    for number in range(8):
        clock.advance(number % 2)
        created_ids.add(
            iot.register_certificate(certificatePem=authority.issue(f"p{number}"))["certificateId"]
        )
    marker = {
        "size": "pageSize",
        "token_in": "marker",
        "token_out": "nextMarker",
        "ascendingOrder": ascending,
    }

    for operation, params in (
        (iot.list_certificates, {}),
        (iot.list_certificates_by_ca, {"caCertificateId": ca["certificateId"]}),
    ):
        certificates = [
            certificate
            for page in read_pages(operation, **marker, **params)
            for certificate in page["certificates"]
        ]
        assert {certificate["certificateId"] for certificate in certificates} == created_ids
        dates = [certificate["creationDate"] for certificate in certificates]
        assert dates == sorted(dates, reverse=not ascending)
        assert len(certificates) == 8


def test_paging_managed_things_returns_every_one_once(managed):
    created_ids = {
        managed.create_managed_thing(**build_managed_device_params(f"{number}"))["Id"] for number in range(8)
    }

    pages = read_pages(
        managed.list_managed_things, size="MaxResults", token_in="NextToken", token_out="NextToken"
    )

    ids = [item["Id"] for page in pages for item in page["Items"]]
    assert (set(ids), len(ids)) == (created_ids, 8)


@pytest.mark.parametrize(
    ("create_name", "params", "list_name"),
    [
        ("create_credential_locker", {}, "list_credential_lockers"),
        (
            "create_provisioning_profile",
            {"ProvisioningType": "FLEET_PROVISIONING", "ClaimCertificate": "the device's PEM"},
            "list_provisioning_profiles",
        ),
    ],
)
def test_paging_lockers_and_profiles_returns_every_one_once(
    *, managed, device_pem, create_name, params, list_name
):
    # Parameters of the test cannot contain the PEM, which a fixture creates.
    params = {name: device_pem if value == "the device's PEM" else value for name, value in params.items()}
    created_ids = {getattr(managed, create_name)(**params)["Id"] for _ in range(8)}

    pages = read_pages(
        getattr(managed, list_name), size="MaxResults", token_in="NextToken", token_out="NextToken"
    )

    ids = [item["Id"] for page in pages for item in page["Items"]]
    assert (set(ids), len(ids)) == (created_ids, 8)


def test_changes_between_two_pages_neither_repeat_nor_hide_items(iot):
    create_things(iot, range(9))
    first = iot.list_things(maxResults=3)
    for name in ("t001", "t002", "t004"):
        iot.delete_thing(thingName=name)
    create_things(iot, range(20, 22))
    second = iot.list_things(maxResults=3, nextToken=first["nextToken"])
    third = iot.list_things(maxResults=9, nextToken=second["nextToken"])

    names = [thing["thingName"] for page in (first, second, third) for thing in page["things"]]
    assert names == ["t000", "t001", "t002", "t003", "t005", "t006", "t007", "t008", "t020", "t021"]


def test_boto3s_paginator_returns_every_page(iot):
    create_things(iot, range(120))

    pages = list(iot.get_paginator("list_things").paginate())

    assert [len(page["things"]) for page in pages] == [50, 50, 20]


def test_list_certificates_defaults_to_25(iot, ca, authority):
    """See test_26 in facts/test_provisioning.py; this test covers the default page size."""
    key = authority.key  # any key serves; generating one for each certificate would take longer
    for number in range(26):
        iot.register_certificate(certificatePem=authority.issue(f"p{number}", key))

    output = iot.list_certificates()

    assert (len(output["certificates"]), "nextMarker" in output) == (25, True)


FORGED_TOKENS = ["x", "AAAA", base64.b64encode(b"[5]" * 9).decode(), "é"]


@pytest.mark.parametrize("token", FORGED_TOKENS)
def test_a_forged_token_is_rejected(iot, managed, token):
    invalid = ("InvalidRequestException", 400)

    assert catch_error(iot.list_things, nextToken=token) == invalid
    assert catch_error(iot.list_certificates, marker=token) == invalid
    assert catch_error(iot.list_tags_for_resource, resourceArn="x", nextToken=token) == invalid
    assert catch_error(managed.list_managed_things, NextToken=token) == ("ValidationException", 400)


def test_a_token_with_one_changed_character_is_rejected(iot):
    create_things(iot, range(2))
    token = iot.list_things(maxResults=1)["nextToken"]

    for position in range(len(token) - 4):  # base64 leaves bits of its last characters unused
        changed = token[:position] + ("B" if token[position] == "A" else "A") + token[position + 1 :]
        assert catch_error(iot.list_things, nextToken=changed) == ("InvalidRequestException", 400)


def test_a_token_is_valid_only_for_its_listing_filters_and_region(iot, current_registry):
    create_things(iot, range(4))
    create_groups(iot, range(4))
    token = {"nextToken": iot.list_things(maxResults=1)["nextToken"]}
    other_region = create_client("iot", current_registry.get, region="us-east-1")
    invalid = ("InvalidRequestException", 400)

    assert catch_error(iot.list_thing_groups, **token) == invalid
    assert catch_error(iot.list_things, attributeName="site", **token) == invalid
    assert catch_error(other_region.list_things, **token) == invalid
    assert len(iot.list_things(maxResults=250, **token)["things"]) == 3


INDEXED_LISTS = [
    ("iot", "list_things", {}),
    ("iot", "list_things", {"thingTypeName": "pump"}),
    ("iot", "list_things", {"attributeName": "site"}),
    ("iot", "list_things", {"attributeName": "site", "attributeValue": "oslo"}),
    ("iot", "list_things", {"attributeName": "site", "attributeValue": "o", "usePrefixAttributeValue": True}),
    ("iot", "list_thing_principals", {"thingName": "t000"}),
    ("iot", "list_principal_things", {"principal": PRINCIPAL.format(0)}),
    ("iot", "list_things_in_thing_group", {"thingGroupName": "hall"}),
    ("iot", "list_thing_groups_for_thing", {"thingName": "t000"}),
    ("iot", "list_thing_groups", {}),
    ("iot", "list_thing_groups", {"recursive": False}),
    ("iot", "list_thing_types", {}),
    ("iot", "list_certificates", {}),
    ("iot", "list_certificates_by_ca", {"caCertificateId": "a" * 64}),
    ("iot", "list_ca_certificates", {}),
    ("iot", "list_role_aliases", {}),
    ("iot", "list_provisioning_templates", {}),
    ("iot", "list_provisioning_template_versions", {"templateName": "y000"}),
    ("iot", "list_outgoing_certificates", {}),
    ("iot", "list_billing_groups", {}),
    ("iot", "list_things_in_billing_group", {"billingGroupName": "acme"}),
    ("iot", "list_things_in_thing_group", {"thingGroupName": "dynamic"}),
    ("iot", "search_index", {"queryString": "thingName:t* AND attributes.site:oslo"}),
    ("iot", "list_policies", {}),
    ("iot", "list_policies", {"ascendingOrder": True}),
    ("iot", "list_attached_policies", {"target": PRINCIPAL.format(0)}),
    ("iot", "list_principal_policies", {"principal": PRINCIPAL.format(0)}),
    ("iot", "list_targets_for_policy", {"policyName": "base"}),
    ("iot", "list_policy_principals", {"policyName": "base"}),
    ("iot", "list_thing_registration_tasks", {}),
    ("iot-managed-integrations", "list_credential_lockers", {}),
    ("iot-managed-integrations", "list_provisioning_profiles", {}),
    ("iot-managed-integrations", "list_managed_things", {}),
    ("iot-managed-integrations", "list_managed_things", {"SerialNumberFilter": "1"}),
    ("iot-managed-integrations", "list_managed_things", {"OwnerFilter": "alice"}),
]


@pytest.mark.parametrize(("service", "name", "params"), INDEXED_LISTS)
def test_a_page_is_read_through_an_index_without_scanning_or_sorting(
    *, iot, session_clients, monkeypatch, service, name, params
):
    # How a page is read does not depend on the number of items. These functions also create what the listings name.
    create_things_of_a_principal(iot, range(1))
    create_policies(iot, range(1))
    create_billing_groups(iot, range(0))
    create_templates(iot, range(1))
    create_dynamic_groups(iot, range(0))
    iot.create_thing_group(thingGroupName="hall")
    original_fetch_all, query_plans = Transaction.fetch_all, []

    def explain_and_run(transaction, sql, *parameters):
        rows = original_fetch_all(transaction, f"EXPLAIN QUERY PLAN {sql}", *parameters)
        query_plans.append([row["detail"] for row in rows])
        return original_fetch_all(transaction, sql, *parameters)

    monkeypatch.setattr(Transaction, "fetch_all", explain_and_run)
    getattr(session_clients[service], name)(**params)

    details = [detail for query_plan in query_plans for detail in query_plan]
    # json_each has the items of the page, not of a table.
    slow_details = [detail for detail in details if re.search("SCAN (?!json_each)|TEMP B-TREE", detail)]
    assert (query_plans != [], slow_details) == (True, [])
