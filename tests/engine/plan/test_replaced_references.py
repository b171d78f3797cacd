"""Resources that refer to a replaced one follow it in the same plan, for all kinds whose IDs change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds import all_kinds
from reconciler.kinds.account_associations import AccountAssociation
from reconciler.kinds.base.references import list_reference_members
from reconciler.kinds.base.schema import find_nested_classes
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.cloud_connectors import CloudConnector
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.event_log_configurations import EventLogConfiguration
from reconciler.kinds.job_templates import JobTemplate
from reconciler.kinds.package_versions import PackageVersion
from reconciler.kinds.packages import Package
from reconciler.kinds.provisioning_profiles import ProvisioningProfile
from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_destination_spec import TopicRuleDestination, VpcDestination
from reconciler.kinds.shared.topic_rule_messaging_actions import Kafka
from reconciler.kinds.things import Thing
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.resource import Resource
from tests.support.connectors_strategy import DESTINATION, FUNCTION_ARN
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    apply,
    converge,
    get_rejection_reasons,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)

KAFKA = Action(kafka=Kafka("d", "t", {"bootstrap.servers": "b:9094"}))
PACKAGE = make_resource("packages", "p", Package())
RULE = make_resource("topic_rules", "r", TopicRule("SELECT 1", (KAFKA,)))


def make_vpc(vpc_id: str) -> Resource:
    spec = TopicRuleDestination(vpc=VpcDestination(vpc_id, ("subnet-1",), ROLE_ARN))
    return make_resource("topic_rule_destinations", "d", spec)


def make_version(version_name: str, package: str = "p") -> Resource:
    spec = PackageVersion(package, version_name, status="PUBLISHED")
    return make_resource("package_versions", "v", spec)


def make_template(*versions: str) -> Resource:
    spec = JobTemplate("A job", Document.parse("{}"), destination_package_versions=versions)
    return make_resource("job_templates", "j", spec)


def list_changes(plan):
    return [(step.change.action, str(step.address)) for step in plan.steps]


def test_a_job_template_is_replaced_with_its_renamed_package_version(cloud):
    converge(make_state(PACKAGE, make_version("1.0"), make_template("v")), cloud)
    state = make_state(PACKAGE, make_version("2.0"), make_template("v"))
    plan = converge(state, cloud)
    assert list_changes(plan) == [("replace", "package_versions.v"), ("replace", "job_templates.j")]
    assert plan_state(state, cloud).steps == ()


def test_a_package_version_that_keeps_its_name_does_not_replace_its_job_template(cloud):
    converge(make_state(PACKAGE, make_version("1.0"), make_template("v")), cloud)
    draft = replace(make_version("1.0"), spec=evolve(make_version("1.0").spec, status="DRAFT"))
    state = make_state(PACKAGE, draft, make_template("v"))
    assert list_changes(converge(state, cloud)) == [("replace", "package_versions.v")]
    assert plan_state(state, cloud).steps == ()


def test_a_package_is_renamed_together_with_its_versions(cloud):
    converge(make_state(PACKAGE, make_version("1.0"), make_template("v")), cloud)
    state = make_state(
        make_resource("packages", "q", Package()), make_version("1.0", "q"), make_template("v")
    )
    plan = converge(state, cloud)
    assert list_changes(plan) == [
        ("create", "packages.q"),
        ("replace", "package_versions.v"),
        ("replace", "job_templates.j"),
        ("delete", "packages.p"),
    ]
    assert plan_state(state, cloud).steps == ()


def make_connector(function: str = FUNCTION_ARN) -> Resource:
    return make_resource("cloud_connectors", "acme", CloudConnector(function))


DESTINATION_EU = make_resource("connector_destinations", "eu", DESTINATION)
ANNA = make_resource("account_associations", "anna", AccountAssociation("eu"))


def make_destination(token_url: str) -> Resource:
    spec = evolve(DESTINATION, o_auth=evolve(DESTINATION.o_auth, token_url=token_url))
    return make_resource("connector_destinations", "eu", spec)


def make_locker(name: str) -> Resource:
    return make_resource("credential_lockers", "l", CredentialLocker(name))


def make_profile(name: str) -> Resource:
    pem = Pem.parse(AUTHORITIES["alpha"].pem)
    return make_resource("provisioning_profiles", "f", ProvisioningProfile("JITR", name, ca_certificate=pem))


def make_device_certificate(generation: int) -> Resource:
    pem = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a", generation))
    return make_resource("certificates", "c", Certificate(pem, certificate_mode="SNI_ONLY"))


def make_log(resource_type: str, **reference: str) -> Resource:
    return make_resource(
        "event_log_configurations", "e", EventLogConfiguration(resource_type, "ERROR", **reference)
    )


CASES: dict[tuple[str, str], tuple[Sequence[Resource], Sequence[Resource], Sequence[Resource]]] = {
    ("account_associations", "connector_destinations"): (
        [make_destination("https://a.example.com")],
        [make_destination("https://b.example.com")],
        [make_connector(), ANNA],
    ),
    ("connector_destinations", "cloud_connectors"): (
        [make_connector()],
        [make_connector(f"{FUNCTION_ARN}-2")],
        [DESTINATION_EU, ANNA],
    ),
    ("event_log_configurations", "managed_things"): (
        [make_managed_thing("m", "90001")],
        [make_managed_thing("m", "90002")],
        [make_log("managed-thing", managed_thing="m")],
    ),
    ("event_log_configurations", "credential_lockers"): (
        [make_locker("A")],
        [make_locker("B")],
        [make_log("credential-locker", credential_locker="l")],
    ),
    ("event_log_configurations", "provisioning_profiles"): (
        [make_profile("A")],
        [make_profile("B")],
        [make_log("provisioning-profile", provisioning_profile="f")],
    ),
    ("job_templates", "package_versions"): (
        [make_version("1.0")],
        [make_version("2.0")],
        [PACKAGE, make_template("v")],
    ),
    ("managed_things", "credential_lockers"): (
        [make_locker("A")],
        [make_locker("B")],
        [make_managed_thing("m", "90001", credential_locker="l")],
    ),
    ("things", "certificates"): (
        [make_device_certificate(1)],
        [make_device_certificate(2)],
        [make_resource("things", "t", Thing(certificates=("c",)))],
    ),
    ("topic_rules", "topic_rule_destinations"): ([make_vpc("vpc-1")], [make_vpc("vpc-2")], [RULE]),
}
"""By table of the user and of the resource that it refers to: the resource before and after its replacement, and its users."""


def find_tables_with_changing_ids(spec_class: type) -> Iterator[str]:
    """Yield the tables that a spec class refers to and whose resources get another ID by a replacement."""
    for member in list_reference_members(spec_class):
        kind = all_kinds().get(member.references or "")
        if kind and (kind.id_member or kind.table == "package_versions"):
            yield kind.table
        for nested in find_nested_classes(spec_class)[member.name]:
            yield from find_tables_with_changing_ids(nested)


def test_every_reference_to_a_resource_whose_id_may_change_has_a_case():
    pairs = {
        (table, referenced)
        for table, kind in all_kinds().items()
        for referenced in find_tables_with_changing_ids(kind.spec_class)
    }
    assert set(CASES) == pairs


@pytest.mark.parametrize("pair", CASES, ids="->".join)
def test_the_plan_after_a_replacement_is_empty_for_all_users(cloud, pair):
    before, after, users = CASES[pair]
    converge(make_state(*before, *users), cloud)
    state = make_state(*after, *users)
    plan = converge(state, cloud)
    assert ("replace", str(after[0].address)) in list_changes(plan)
    assert plan_state(state, cloud).steps == ()


@pytest.mark.parametrize("pair", CASES, ids="->".join)
def test_users_that_ignore_their_other_fields_follow_a_replacement(cloud, pair):
    before, after, users = CASES[pair]
    converge(make_state(*before, *users), cloud)
    ignoring = [
        replace(user, lifecycle=evolve(user.lifecycle, ignore_changes=("description",)))
        if "description" in all_kinds()[user.address.kind].members
        else user
        for user in users
    ]
    state = make_state(*after, *ignoring)
    converge(state, cloud)
    assert plan_state(state, cloud).steps == ()


def test_a_rule_keeps_its_ignored_values_when_its_destination_is_replaced(cloud):
    converge(make_state(make_vpc("vpc-1"), RULE), cloud)
    live_rule = cloud.iot.get_topic_rule(ruleName="r")["rule"]
    payload = {key: live_rule[key] for key in ("actions", "awsIotSqlVersion")}
    changes = {"sql": "SELECT 2", "ruleDisabled": True}
    cloud.iot.replace_topic_rule(ruleName="r", topicRulePayload={**payload, **changes})
    ignoring = replace(RULE, lifecycle=evolve(RULE.lifecycle, ignore_changes=("sql", "rule_disabled")))
    plan = converge(make_state(make_vpc("vpc-2"), ignoring), cloud)
    after = cloud.iot.get_topic_rule(ruleName="r")["rule"]
    assert (after["sql"], after["ruleDisabled"]) == ("SELECT 2", True)
    assert after["actions"] != live_rule["actions"]
    assert [(note.text, str(note.address)) for note in plan.notes if note.address] == [
        ("also changes topic_rules.r to use the new topic rule destination", "topic_rule_destinations.d")
    ]
    assert plan.unchanged == 1  # only the workspace's own group


def test_a_managed_thing_keeps_its_ignored_values_when_its_locker_is_replaced(cloud):
    device = make_managed_thing("m", "90001", credential_locker="l", brand="Acme")
    converge(make_state(make_locker("A"), device), cloud)
    client = cloud.managed_integrations
    (item,) = client.list_managed_things()["Items"]
    client.update_managed_thing(Identifier=item["Id"], Brand="Apex")
    ignoring = replace(device, lifecycle=evolve(device.lifecycle, ignore_changes=("brand",)))
    converge(make_state(make_locker("B"), ignoring), cloud)
    assert client.get_managed_thing(Identifier=item["Id"])["Brand"] == "Apex"


def test_a_rule_that_ignores_its_actions_follows_the_destination_that_it_really_uses(cloud):
    converge(make_state(make_vpc("vpc-1"), RULE), cloud)
    ignoring = replace(
        RULE,
        spec=TopicRule("SELECT 1"),
        own_dependencies=frozenset(),
        lifecycle=evolve(RULE.lifecycle, ignore_changes=("actions",)),
    )
    converge(make_state(make_vpc("vpc-2"), ignoring), cloud)
    (action,) = cloud.iot.get_topic_rule(ruleName="r")["rule"]["actions"]
    (destination,) = cloud.iot.list_topic_rule_destinations()["destinationSummaries"]
    assert action["kafka"]["destinationArn"] == destination["arn"]


def test_a_replaced_connector_deletes_its_users_first_and_they_are_created_again(cloud):
    converge(make_state(make_connector(), DESTINATION_EU, ANNA), cloud)
    plan = converge(make_state(make_connector(f"{FUNCTION_ARN}-2"), DESTINATION_EU, ANNA), cloud)
    assert list_changes(plan) == [
        ("replace", "cloud_connectors.acme"),
        ("replace", "connector_destinations.eu"),
        ("replace", "account_associations.anna"),
    ]
    assert [call.operation for call in plan.steps[0].calls] == [
        "DeleteAccountAssociation",
        "GetAccountAssociation",
        "DeleteConnectorDestination",
        "DeleteThingGroup",
        "DeleteCloudConnector",
        "DeleteThingGroup",
        "CreateCloudConnector",
        "CreateThingGroup",
    ]
    assert [call.operation for call in plan.steps[1].calls] == [
        "DeleteConnectorDestination",
        "DeleteThingGroup",
        "CreateConnectorDestination",
        "CreateThingGroup",
    ]
    assert [note.text for note in plan.notes if note.address == ANNA.address] == [
        (
            "a person has to sign in at the other cloud again before the association works; after the apply, "
            "`reconciler show account_associations.anna` prints the next step"
        )
    ]


def test_a_connector_is_not_replaced_without_the_users_that_its_replacement_deletes(cloud):
    converge(make_state(make_connector(), DESTINATION_EU, ANNA), cloud)
    state = make_state(make_connector(f"{FUNCTION_ARN}-2"), DESTINATION_EU, ANNA)
    selected = ("cloud_connectors.acme", "connector_destinations.eu")
    assert get_rejection_reasons(state, cloud, select=selected) == [
        f"{address}: its replacement also replaces account_associations.anna, which is not selected; "
        f"select account_associations.anna too, or exclude {address}"
        for address in selected
    ]


def test_a_protected_user_keeps_its_connector_from_being_replaced(cloud):
    protected = replace(ANNA, lifecycle=evolve(ANNA.lifecycle, prevent_destroy=True))
    converge(make_state(make_connector(), DESTINATION_EU, protected), cloud)
    reasons = get_rejection_reasons(
        make_state(make_connector(f"{FUNCTION_ARN}-2"), DESTINATION_EU, protected), cloud
    )
    assert [reason.partition(":")[0] for reason in reasons] == ["account_associations.anna"]


def test_a_connector_is_replaced_while_a_destination_moves_to_another_one(cloud):
    other = make_resource("cloud_connectors", "other", CloudConnector(FUNCTION_ARN))
    converge(make_state(make_connector(), other, DESTINATION_EU, ANNA), cloud)
    moved = make_resource("connector_destinations", "eu", evolve(DESTINATION, cloud_connector="other"))
    state = make_state(make_connector(f"{FUNCTION_ARN}-2"), other, moved, ANNA)
    converge(state, cloud)
    assert plan_state(state, cloud).steps == ()


def test_an_interrupted_replacement_of_a_connector_is_completed_by_the_next_run(cloud):
    before = make_state(make_connector(), DESTINATION_EU, ANNA)
    after = make_state(make_connector(f"{FUNCTION_ARN}-2"), DESTINATION_EU, ANNA)
    converge(after, cloud)
    expected = cloud.read_content()
    converge(before, cloud.reset())
    call_count = plan_state(after, cloud).estimate.total_calls
    for completed_count in range(call_count):
        converge(before, cloud.reset())
        plan = plan_state(after, cloud)
        remaining = iter(range(completed_count))

        def call_until_process_dies(call, remaining=remaining):
            if next(remaining, None) is None:
                raise KeyError("the process has died")
            return cloud.call(call)

        apply(plan, SimpleNamespace(call=call_until_process_dies), workers=1)
        converge(after, cloud)
        assert cloud.read_content() == expected
        assert plan_state(after, cloud).steps == ()
