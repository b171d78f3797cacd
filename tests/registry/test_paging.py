"""Pages: everything once, whatever comes and goes meanwhile, and tokens that nobody can make up."""

import base64

import pytest

from reconciler.registry.store import Transaction
from tests.support.direct_client import create_client, error_of

from .test_managed_things import device as managed_device

PRINCIPAL = "eu-west-1:3f1c9b8e-3c3a-4a6e-9a53-{:012d}"


def things(iot, numbers):
    for number in numbers:
        iot.create_thing(
            thingName=f"t{number:03}", attributePayload={"attributes": {"site": f"s{number % 3}"}}
        )


def groups(iot, numbers):
    for number in numbers:
        iot.create_thing_group(thingGroupName=f"g{number:03}")


def types(iot, numbers):
    for number in numbers:
        iot.create_thing_type(thingTypeName=f"y{number:03}")


def attached(iot, numbers):
    iot.create_thing(thingName="hub")
    for number in numbers:
        iot.attach_thing_principal(thingName="hub", principal=PRINCIPAL.format(number))


def grouped(iot, numbers):
    iot.create_thing_group(thingGroupName="hall")
    for number in numbers:
        iot.create_thing(thingName=f"t{number:03}")
        iot.add_thing_to_thing_group(thingGroupName="hall", thingName=f"t{number:03}")


def billed(iot, numbers):
    iot.create_billing_group(billingGroupName="acme")
    for number in numbers:
        iot.create_billing_group(billingGroupName=f"b{number:03}")
        iot.create_thing(thingName=f"t{number:03}", billingGroupName="acme")


def found(iot, numbers):
    iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
    for number in numbers:
        iot.create_thing(thingName=f"t{number:03}")
    for number in numbers:
        iot.create_dynamic_thing_group(thingGroupName=f"g{number:03}", queryString="thingName:t*")
        iot.create_thing_group(thingGroupName=f"s{number:03}")
        iot.add_thing_to_thing_group(thingGroupName=f"s{number:03}", thingName="t000")
    iot.create_thing(thingName="t000")
    iot.create_dynamic_thing_group(thingGroupName="found", queryString="thingName:t*")


def templated(iot, numbers):
    for number in numbers:
        iot.create_provisioning_template(
            templateName=f"y{number:03}",
            templateBody="{}",
            provisioningRoleArn="arn:aws:iam::123456789012:role/p",
        )


def aliased(iot, numbers):
    for number in numbers:
        iot.create_role_alias(roleAlias=f"y{number:03}", roleArn="arn:aws:iam::123456789012:role/p")


def shared(iot, numbers):
    for number in numbers:
        iot.create_thing(thingName=f"t{number:03}")
        iot.attach_thing_principal(thingName=f"t{number:03}", principal=PRINCIPAL.format(0))


def ruled(iot, numbers):
    """Policies on one identity, the first of them on one identity each."""
    iot.create_policy(policyName="base", policyDocument="{}")
    for number in numbers:
        iot.create_policy(policyName=f"y{number:03}", policyDocument="{}")
        iot.attach_policy(policyName=f"y{number:03}", target=PRINCIPAL.format(0))
        iot.attach_policy(policyName="base", target=PRINCIPAL.format(number + 1))


LISTS = [
    (things, "list_things", {}, "things"),
    (things, "list_things", {"attributeName": "site"}, "things"),
    (things, "list_things", {"attributeName": "site", "attributeValue": "s1"}, "things"),
    (groups, "list_thing_groups", {}, "thingGroups"),
    (types, "list_thing_types", {}, "thingTypes"),
    (attached, "list_thing_principals", {"thingName": "hub"}, "principals"),
    (attached, "list_thing_principals_v2", {"thingName": "hub"}, "thingPrincipalObjects"),
    (shared, "list_principal_things", {"principal": PRINCIPAL.format(0)}, "things"),
    (shared, "list_principal_things_v2", {"principal": PRINCIPAL.format(0)}, "principalThingObjects"),
    (billed, "list_billing_groups", {}, "billingGroups"),
    (templated, "list_provisioning_templates", {}, "templates"),
    (billed, "list_things_in_billing_group", {"billingGroupName": "acme"}, "things"),
    (found, "list_things_in_thing_group", {"thingGroupName": "found"}, "things"),
    (found, "list_thing_groups_for_thing", {"thingName": "t000"}, "thingGroups"),
    (grouped, "list_things_in_thing_group", {"thingGroupName": "hall"}, "things"),
    (grouped, "list_things_in_thing_group", {"thingGroupName": "hall", "recursive": True}, "things"),
]


def walk(operation, size="maxResults", token_in="nextToken", token_out="nextToken", **params):
    """Give the outputs of every page."""
    pages = [operation(**params, **{size: 3})]
    while token_out in pages[-1]:
        pages.append(operation(**params, **{size: 3, token_in: pages[-1][token_out]}))
    return pages


@pytest.mark.parametrize(("fill", "name", "params", "member"), LISTS)
@pytest.mark.parametrize("number", [0, 3, 8])
def test_walking_the_pages_gives_everything_once(*, iot, fill, name, params, member, number):
    fill(iot, range(number))
    operation = getattr(iot, name)

    pages = walk(operation, **params)

    assert [item for page in pages for item in page[member]] == operation(**params, maxResults=250)[member]
    assert all(len(page[member]) == 3 for page in pages[:-1])


def test_walking_a_search_gives_everything_once(iot):
    found(iot, range(8))
    params = {"queryString": "thingName:t*"}

    pages = walk(iot.search_index, **params)

    walked = [thing["thingName"] for page in pages for thing in page["things"]]
    assert walked == [f"t{number:03}" for number in range(8)]
    assert error_of(iot.search_index, maxResults=101, **params) == ("InvalidRequestException", 400)


MARKED = [
    (aliased, "list_role_aliases", {}, "roleAliases"),
    (aliased, "list_role_aliases", {"ascendingOrder": True}, "roleAliases"),
    (ruled, "list_policies", {}, "policies"),
    (ruled, "list_policies", {"ascendingOrder": True}, "policies"),
    (ruled, "list_attached_policies", {"target": PRINCIPAL.format(0)}, "policies"),
    (ruled, "list_principal_policies", {"principal": PRINCIPAL.format(0)}, "policies"),
    (ruled, "list_targets_for_policy", {"policyName": "base"}, "targets"),
    (ruled, "list_policy_principals", {"policyName": "base"}, "principals"),
]


@pytest.mark.parametrize(("fill", "name", "params", "member"), MARKED)
@pytest.mark.parametrize("number", [0, 3, 8])
def test_walking_the_pages_by_marker_gives_everything_once(*, iot, fill, name, params, member, number):
    fill(iot, range(number))
    operation = getattr(iot, name)

    pages = walk(operation, size="pageSize", token_in="marker", token_out="nextMarker", **params)

    assert [item for page in pages for item in page[member]] == operation(**params, pageSize=250)[member]
    assert all(len(page[member]) == 3 for page in pages[:-1])


@pytest.mark.parametrize("ascending", [True, False])
def test_walking_certificates_by_marker_gives_everything_once(iot, ca, authority, clock, ascending):
    """Several were made at the same moment, as happens."""
    made = set()
    for number in range(8):
        clock.advance(number % 2)
        made.add(iot.register_certificate(certificatePem=authority.issue(f"p{number}"))["certificateId"])
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
        walked = [one for page in walk(operation, **marker, **params) for one in page["certificates"]]
        assert {one["certificateId"] for one in walked} == made
        dates = [one["creationDate"] for one in walked]
        assert dates == sorted(dates, reverse=not ascending)
        assert len(walked) == 8


def test_walking_managed_things_gives_everything_once(managed):
    made = {managed.create_managed_thing(**managed_device(f"{number}"))["Id"] for number in range(8)}

    pages = walk(managed.list_managed_things, size="MaxResults", token_in="NextToken", token_out="NextToken")

    walked = [item["Id"] for page in pages for item in page["Items"]]
    assert (set(walked), len(walked)) == (made, 8)


@pytest.mark.parametrize(
    ("create", "params", "listed"),
    [
        ("create_credential_locker", {}, "list_credential_lockers"),
        (
            "create_provisioning_profile",
            {"ProvisioningType": "FLEET_PROVISIONING", "ClaimCertificate": "given"},
            "list_provisioning_profiles",
        ),
    ],
)
def test_walking_lockers_and_profiles_gives_everything_once(*, managed, device_pem, create, params, listed):
    params = {name: device_pem if value == "given" else value for name, value in params.items()}
    made = {getattr(managed, create)(**params)["Id"] for _ in range(8)}

    pages = walk(getattr(managed, listed), size="MaxResults", token_in="NextToken", token_out="NextToken")

    walked = [item["Id"] for page in pages for item in page["Items"]]
    assert (set(walked), len(walked)) == (made, 8)


def test_rows_that_come_and_go_while_someone_pages_are_neither_repeated_nor_do_they_hide_others(iot):
    things(iot, range(9))
    first = iot.list_things(maxResults=3)
    for name in ("t001", "t002", "t004"):
        iot.delete_thing(thingName=name)
    things(iot, range(20, 22))
    second = iot.list_things(maxResults=3, nextToken=first["nextToken"])
    third = iot.list_things(maxResults=9, nextToken=second["nextToken"])

    walked = [thing["thingName"] for page in (first, second, third) for thing in page["things"]]
    assert walked == ["t000", "t001", "t002", "t003", "t005", "t006", "t007", "t008", "t020", "t021"]


def test_boto3s_own_paginator_walks_them_all(iot):
    things(iot, range(120))

    pages = list(iot.get_paginator("list_things").paginate())

    assert [len(page["things"]) for page in pages] == [50, 50, 20]


def test_list_certificates_defaults_to_25(iot, ca, authority):
    """Fact 26, the default."""
    key = authority.key
    for number in range(26):
        iot.register_certificate(certificatePem=authority.issue(f"p{number}", key))

    output = iot.list_certificates()

    assert (len(output["certificates"]), "nextMarker" in output) == (25, True)


BOGUS = ["x", "AAAA", base64.b64encode(b"[5]" * 9).decode(), "é"]


@pytest.mark.parametrize("token", BOGUS)
def test_a_token_that_was_made_up_is_refused(iot, managed, token):
    invalid = ("InvalidRequestException", 400)

    assert error_of(iot.list_things, nextToken=token) == invalid
    assert error_of(iot.list_certificates, marker=token) == invalid
    assert error_of(iot.list_tags_for_resource, resourceArn="x", nextToken=token) == invalid
    assert error_of(managed.list_managed_things, NextToken=token) == ("ValidationException", 400)


def test_a_token_of_which_one_letter_was_changed_is_refused(iot):
    things(iot, range(2))
    token = iot.list_things(maxResults=1)["nextToken"]

    for place in range(len(token) - 4):  # base64 leaves bits of its last letters unused
        changed = token[:place] + ("B" if token[place] == "A" else "A") + token[place + 1 :]
        assert error_of(iot.list_things, nextToken=changed) == ("InvalidRequestException", 400)


def test_a_token_belongs_to_its_listing_its_filters_its_account_and_its_region(iot, current_registry):
    things(iot, range(4))
    groups(iot, range(4))
    token = {"nextToken": iot.list_things(maxResults=1)["nextToken"]}
    other = create_client("iot", current_registry.get, region="us-east-1")
    invalid = ("InvalidRequestException", 400)

    assert error_of(iot.list_thing_groups, **token) == invalid
    assert error_of(iot.list_things, attributeName="site", **token) == invalid
    assert error_of(other.list_things, **token) == invalid
    assert len(iot.list_things(maxResults=250, **token)["things"]) == 3


PLANNED = [
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
    ("iot", "list_things_in_thing_group", {"thingGroupName": "found"}),
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


@pytest.mark.parametrize(("service", "name", "params"), PLANNED)
def test_a_page_is_found_through_an_index_without_scanning_or_sorting(
    *, iot, session_clients, monkeypatch, service, name, params
):
    shared(iot, range(1))
    ruled(iot, range(1))
    billed(iot, range(0))
    templated(iot, range(1))
    found(iot, range(0))
    iot.create_thing_group(thingGroupName="hall")
    plain, plans = Transaction.all, []

    def explained(transaction, sql, *parameters):
        plan = plain(transaction, f"EXPLAIN QUERY PLAN {sql}", *parameters)
        plans.append([row["detail"] for row in plan])
        return plain(transaction, sql, *parameters)

    monkeypatch.setattr(Transaction, "all", explained)
    getattr(session_clients[service], name)(**params)

    slow = [step for plan in plans for step in plan if "SCAN" in step or "TEMP B-TREE" in step]
    assert (plans != [], slow) == (True, [])
