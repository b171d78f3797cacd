"""A plan checks what it needs outside the file, and reports all problems together."""

from __future__ import annotations

import re

import pytest
from attrs import evolve

from reconciler.engine.plan.planner import make_plan
from reconciler.kinds import all_kinds
from reconciler.kinds.account_associations import AccountAssociation
from reconciler.kinds.account_default_authorizer import DefaultAuthorizer
from reconciler.kinds.base.references import list_reference_members
from reconciler.kinds.base.schema import find_nested_classes
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.domain_configurations import DomainConfiguration
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.event_log_configurations import EventLogConfiguration
from reconciler.kinds.job_templates import JobTemplate
from reconciler.kinds.log_levels import LogLevel
from reconciler.kinds.mitigation_actions import ActionParams, AddThingsToThingGroup, MitigationAction
from reconciler.kinds.notification_configurations import NotificationConfiguration
from reconciler.kinds.package_versions import PackageVersion
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.shared.security_profile_spec import (
    Behavior,
    MetricDimension,
    MetricToRetain,
    SecurityProfile,
)
from reconciler.kinds.shared.topic_rule_actions import Action
from reconciler.kinds.shared.topic_rule_messaging_actions import Kafka
from reconciler.kinds.shared.topic_rule_storage_actions import InfluxDb
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.plan_options import PlanOptions
from reconciler.model.resource import External
from tests.support.connectors_strategy import DESTINATION
from tests.support.denied_calls import deny
from tests.support.desired_states import (
    AUTHORITIES,
    QUOTAS,
    ROLE_ARN,
    converge,
    get_rejection_reasons,
    make_ca,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.outside_problems import UNKNOWN_CA, describe_missing, place
from tests.support.plain_kinds_strategy import CERTIFICATE_ARN
from tests.support.registry_client import TARGET

CERTIFICATE_ID = "ab" * 32
DEVICE_PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))


def make_thing(**fields):
    return place(make_resource("things", "a", Thing(**fields)))


def make_profile(**fields):
    return place(make_resource("security_profiles", "s", SecurityProfile(**fields)))


MISSING = External("missing")
MISSING_VERSION = External("firmware/version/9.9.9")
JOB_DOCUMENT = Document.from_value({"operation": "reboot"})
DESTINATION_ACTIONS = {
    "kafka": Action(kafka=Kafka(MISSING, "t", {"a": "b"})),
    "influx_db": Action(influx_db=InfluxDb(MISSING, "db", "table", ROLE_ARN)),
}
DANGLING_REFERENCES = {
    **{
        f"topic_rules.{place_in_rule}.{name}.destination": (
            place(make_resource("topic_rules", "r", spec)),
            describe_missing("topic rule destination", "missing"),
        )
        for name, action in DESTINATION_ACTIONS.items()
        for place_in_rule, spec in (
            ("actions", TopicRule("SELECT 1", (action,))),
            ("error_action", TopicRule("SELECT 1", error_action=action)),
        )
    },
    "things.thing_type": (make_thing(thing_type=MISSING), describe_missing("thing type", "missing")),
    "things.thing_groups": (make_thing(thing_groups=(MISSING,)), describe_missing("thing group", "missing")),
    "things.billing_group": (make_thing(billing_group=MISSING), describe_missing("billing group", "missing")),
    "things.certificates": (
        make_thing(certificates=(External(CERTIFICATE_ID),)),
        describe_missing("device certificate", CERTIFICATE_ID),
    ),
    "thing_groups.parent": (
        place(make_resource("thing_groups", "g", ThingGroup(parent=MISSING))),
        describe_missing("thing group", "missing"),
    ),
    "thing_groups.policies": (
        place(make_resource("thing_groups", "g", ThingGroup(policies=(MISSING,)))),
        describe_missing("policy", "missing"),
    ),
    "dynamic_thing_groups.policies": (
        place(
            make_resource("dynamic_thing_groups", "d", DynamicThingGroup("thingName:x", policies=(MISSING,)))
        ),
        describe_missing("policy", "missing"),
    ),
    "certificates.policies": (
        place(
            make_resource(
                "certificates",
                "a",
                Certificate(DEVICE_PEM, certificate_mode="SNI_ONLY", policies=(MISSING,)),
            )
        ),
        describe_missing("policy", "missing"),
    ),
    "certificates.ca": (
        place(make_resource("certificates", "a", Certificate(DEVICE_PEM, ca=External(CERTIFICATE_ID)))),
        describe_missing("CA certificate", CERTIFICATE_ID),
    ),
    "ca_certificates.registration_template": (
        place(make_ca(registration_template=MISSING)),
        describe_missing("provisioning template", "missing"),
    ),
    "account.default_authorizer.authorizer": (
        place(make_resource("account.default_authorizer", "default_authorizer", DefaultAuthorizer(MISSING))),
        describe_missing("authorizer", "missing"),
    ),
    "log_levels.thing_group": (
        place(make_resource("log_levels", "l", LogLevel("INFO", thing_group=MISSING))),
        describe_missing("thing group", "missing"),
    ),
    "domain_configurations.authorizer": (
        place(
            make_resource(
                "domain_configurations",
                "d",
                DomainConfiguration("iot.example.com", (f"{CERTIFICATE_ARN}/1",), authorizer=MISSING),
            )
        ),
        describe_missing("authorizer", "missing"),
    ),
    "package_versions.package": (
        place(make_resource("package_versions", "v", PackageVersion(MISSING, "1.0.0"))),
        describe_missing("package", "missing"),
    ),
    "job_templates.destination_package_versions": (
        place(
            make_resource(
                "job_templates",
                "j",
                JobTemplate("Reboot", JOB_DOCUMENT, destination_package_versions=(MISSING_VERSION,)),
            )
        ),
        describe_missing("package version", "firmware/version/9.9.9"),
    ),
    "mitigation_actions.action_params.add_things_to_thing_group_params.thing_group_names": (
        place(
            make_resource(
                "mitigation_actions",
                "m",
                MitigationAction(
                    ROLE_ARN,
                    ActionParams(add_things_to_thing_group_params=AddThingsToThingGroup((MISSING,))),
                ),
            )
        ),
        describe_missing("thing group", "missing"),
    ),
    "security_profiles.behaviors.metric": (
        make_profile(behaviors=(Behavior("b", MISSING),)),
        describe_missing("custom metric", "missing"),
    ),
    "security_profiles.behaviors.metric_dimension.dimension_name": (
        make_profile(behaviors=(Behavior("b", "aws:num-disconnects", MetricDimension(MISSING)),)),
        describe_missing("dimension", "missing"),
    ),
    "security_profiles.additional_metrics_to_retain.metric": (
        make_profile(additional_metrics_to_retain=(MetricToRetain(MISSING),)),
        describe_missing("custom metric", "missing"),
    ),
    "security_profiles.additional_metrics_to_retain.metric_dimension.dimension_name": (
        make_profile(
            additional_metrics_to_retain=(MetricToRetain("aws:num-disconnects", MetricDimension(MISSING)),)
        ),
        describe_missing("dimension", "missing"),
    ),
    "security_profiles.thing_groups": (
        make_profile(thing_groups=(MISSING,)),
        describe_missing("thing group", "missing"),
    ),
    "security_profiles.dynamic_thing_groups": (
        make_profile(dynamic_thing_groups=(MISSING,)),
        describe_missing("dynamic thing group", "missing"),
    ),
    "managed_things.thing": (
        place(make_managed_thing("m", thing=MISSING)),
        describe_missing("thing", "missing"),
    ),
    **{
        f"event_log_configurations.{field}": (
            place(
                make_resource(
                    "event_log_configurations",
                    "e",
                    EventLogConfiguration(field.replace("_", "-"), "WARN", **{field: MISSING}),
                )
            ),
            describe_missing(field.replace("_", " "), "missing"),
        )
        for field in ("credential_locker", "managed_thing", "provisioning_profile")
    },
    "notification_configurations.destination": (
        place(
            make_resource("notification_configurations", "DEVICE_EVENT", NotificationConfiguration(MISSING))
        ),
        describe_missing("notification destination", "missing"),
    ),
    "connector_destinations.cloud_connector": (
        place(make_resource("connector_destinations", "eu", evolve(DESTINATION, cloud_connector=MISSING))),
        describe_missing("cloud connector", "missing"),
    ),
    "account_associations.connector_destination": (
        place(make_resource("account_associations", "anna", AccountAssociation(MISSING))),
        describe_missing("connector destination", "missing"),
    ),
    "managed_things.credential_locker": (
        place(make_managed_thing("m", credential_locker=MISSING)),
        describe_missing("credential locker", "missing"),
    ),
}


def list_reference_fields():
    """Return each field of a table that refers to another table; templates refer in their bodies instead."""
    return {
        f"{table}.{path}"
        for table, kind in all_kinds().items()
        for path in iterate_reference_fields(kind.spec_class)
        if table != "provisioned_things"
    }


def iterate_reference_fields(spec_class):
    """Yield the path of each field that refers to a table; inner tables of an array have no index."""
    for member in list_reference_members(spec_class):
        if member.references:
            yield member.name
        for inner_class in find_nested_classes(spec_class)[member.name]:
            yield from (f"{member.name}.{path}" for path in iterate_reference_fields(inner_class))


def test_the_table_of_dangling_references_has_every_field_that_refers():
    assert DANGLING_REFERENCES.keys() == list_reference_fields()


@pytest.mark.parametrize("field", DANGLING_REFERENCES)
def test_a_reference_to_a_resource_that_does_not_exist_rejects_the_plan(cloud, field):
    resource, problem = DANGLING_REFERENCES[field]
    name = field.removeprefix(f"{resource.address.kind}.")
    path = re.sub("(behaviors|additional_metrics_to_retain|^actions)", r"\1[0]", name)
    assert get_rejection_reasons(make_state(resource), cloud) == [f"{resource.address}: {path}: {problem}"]


def test_a_name_that_is_nearly_right_is_suggested(cloud):
    cloud.iot.create_thing_group(thingGroupName="pumps-oslo")
    assert get_rejection_reasons(make_state(make_thing(thing_groups=(External("pump-oslo"),))), cloud) == [
        (
            "things.a: thing_groups: there is no thing group 'pump-oslo' in this account and Region; create it first, or "
            "correct the reference; did you mean 'pumps-oslo'? (fleet.toml:7)"
        )
    ]


def test_many_references_to_one_missing_resource_are_one_error(cloud):
    things = [
        place(make_resource("things", f"t{number}", Thing(billing_group=MISSING)), number)
        for number in range(1, 6)
    ]
    problem = "there is no billing group 'missing' in this account and Region; create it first, or correct the reference"
    assert get_rejection_reasons(make_state(*things), cloud) == [
        f"things.t1: billing_group: {problem} (fleet.toml:1); the same applies to things.t2, things.t3, things.t4 and 1 more"
    ]


def test_a_resource_that_the_plan_deletes_cannot_be_referred_to(cloud):
    converge(make_state(make_resource("thing_groups", "g", ThingGroup())), cloud)
    assert get_rejection_reasons(make_state(make_thing(thing_groups=(External("g"),))), cloud) == [
        (
            "things.a: thing_groups: this plan deletes the thing group 'g' (thing_groups.g); keep it in the file, or remove "
            "the reference (fleet.toml:7)"
        )
    ]


def test_references_to_resources_in_the_wrong_state_reject_the_plan(cloud):
    cloud.iot.create_thing_type(thingTypeName="old")
    cloud.iot.deprecate_thing_type(thingTypeName="old")
    cloud.iot.create_dynamic_thing_group(thingGroupName="hot", queryString="attributes.site:oslo")
    converge(make_state(make_ca(status="INACTIVE"), workspace="theirs"), cloud)
    ca_id = Pem.parse(AUTHORITIES["alpha"].pem).fingerprint
    certificate = place(make_resource("certificates", "a", Certificate(DEVICE_PEM, ca=External(ca_id))), 8)
    thing = make_thing(thing_type=External("old"), thing_groups=(External("hot"),))
    assert get_rejection_reasons(make_state(thing, certificate), cloud) == [
        (
            f"certificates.a: pem: its CA certificate {ca_id[:12]}… is INACTIVE, and AWS registers certificates of active CAs "
            "only; activate the CA first (fleet.toml:8)"
        ),
        "things.a: thing_type: the thing type 'old' is deprecated, so no thing can get it; choose another type (fleet.toml:7)",
        (
            "things.a: thing_groups: the thing group 'hot' is dynamic: its query selects its things; use a static group "
            "(fleet.toml:7)"
        ),
    ]


def make_template(**properties):
    resources = {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a", **properties}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificatePem": DEVICE_PEM.text}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "missing"}},
    }
    return Document.from_value({"Resources": resources})


TEMPLATE = make_template(ThingTypeName="missing", ThingGroups=["missing"], BillingGroup="missing")
MISSING_IN_TEMPLATE = [
    describe_missing(noun, "missing") for noun in ("thing type", "thing group", "billing group", "policy")
]


def test_a_template_of_a_provisioned_thing_names_only_existing_resources(cloud):
    provisioned = place(make_resource("provisioned_things", "a", ProvisionedThing(TEMPLATE)))
    assert get_rejection_reasons(make_state(provisioned), cloud) == [
        f"provisioned_things.a: template: {problem}" for problem in (*MISSING_IN_TEMPLATE, UNKNOWN_CA)
    ]


def test_a_stored_template_names_only_existing_resources(cloud):
    stored = place(make_resource("provisioning_templates", "fleet", ProvisioningTemplate(TEMPLATE, ROLE_ARN)))
    assert get_rejection_reasons(make_state(stored), cloud) == [
        f"provisioning_templates.fleet: body: {problem}" for problem in MISSING_IN_TEMPLATE
    ]


def make_dynamic_group(query="attributes.site:oslo"):
    return place(make_resource("dynamic_thing_groups", "d", DynamicThingGroup(query)))


def test_a_dynamic_group_needs_fleet_indexing_of_what_it_queries(cloud):
    assert get_rejection_reasons(make_state(make_dynamic_group("connectivity.connected:true")), cloud) == [
        (
            "dynamic_thing_groups.d: query_string: the query needs fleet indexing with thingConnectivityIndexingMode=STATUS; "
            "turn it on in [account.indexing] (fleet.toml:7)"
        )
    ]
    converge(make_state(make_dynamic_group('attributes.note:"shadow.x"')), cloud)
    cloud.iot.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "OFF"})
    assert get_rejection_reasons(make_state(make_dynamic_group()), cloud) == [
        (
            "dynamic_thing_groups.d: query_string: the query needs fleet indexing, which is off in this account and Region; "
            'turn it on with thing_indexing_mode = "REGISTRY" in [account.indexing] '
            "(fleet.toml:7)"
        )
    ]


def count_requests(cloud, desired):
    before = cloud.request_count
    plan_state(desired, cloud)
    return cloud.request_count - before


def test_listed_resources_are_not_read_again(cloud):
    cloud.iot.create_thing_group(thingGroupName="g")
    cloud.iot.create_billing_group(billingGroupName="b")
    group = make_resource("thing_groups", "h", ThingGroup())
    without_references = count_requests(cloud, make_state(group, make_resource("things", "a", Thing())))
    references = {"thing_groups": (External("g"),), "billing_group": External("b")}
    # The members of both groups are read in any case.
    assert count_requests(cloud, make_state(group, make_thing(**references))) == without_references + 2


def make_plan_with(desired, call):
    """Plan with another function that sends the calls."""
    return make_plan(
        desired, PlanOptions(), target=TARGET, call=call, quotas=QUOTAS, progress=lambda *_: None
    )


def test_a_missing_permission_is_noted_and_does_not_reject_the_plan(cloud):
    call = deny(cloud.call, lambda request: request.operation == "DescribeThingType")
    cloud.iot.create_thing_type(thingTypeName="t")
    desired = make_state(make_thing(thing_type=External("t")))
    (note,) = [note.text for note in make_plan_with(desired, call).notes if "permission" in note.text]
    assert note == (
        "references outside the file were not checked: the caller has no permission for iot:DescribeThingType; "
        "`reconciler permissions --for plan` prints what a plan needs"
    )


def make_deep_groups(cloud, count):
    for level in range(1, count + 1):
        parent = {"parentGroupName": f"level-{level - 1}"} if level > 1 else {}
        cloud.iot.create_thing_group(thingGroupName=f"level-{level}", **parent)


def test_two_groups_of_one_hierarchy_outside_the_file_are_rejected(cloud):
    make_deep_groups(cloud, 2)
    below = place(make_resource("thing_groups", "below", ThingGroup(parent=External("level-2"))))
    thing = make_resource("things", "a", Thing(thing_groups=("below", External("level-1"))))
    assert get_rejection_reasons(make_state(below, thing), cloud) == [
        (
            "things.a: cannot be in 'below' and 'level-1': both are below 'level-1', and AWS allows a thing only one group of each "
            "hierarchy; remove one of them (<memory>:1)"
        )
    ]


def test_a_group_too_deep_below_a_group_outside_the_file_is_rejected(cloud):
    make_deep_groups(cloud, 6)
    group = make_resource("thing_groups", "seventh", ThingGroup(parent=External("level-6")))
    eighth = make_resource("thing_groups", "eighth", ThingGroup(parent="seventh"))
    assert get_rejection_reasons(make_state(group, eighth), cloud) == [
        (
            "thing_groups.eighth: cannot create: it would be on level 8 of its hierarchy, and AWS allows 7 levels of thing groups; "
            "choose a parent on a higher level (<memory>:1)"
        )
    ]


def test_an_arn_of_another_account_or_region_rejects_the_plan(cloud):
    cloud.iot.create_thing_group(thingGroupName="g")
    # A group of the second name would be missing here, but it is not looked up.
    arns = [
        f"arn:aws:iot:{place}"
        for place in ("eu-west-1:123456789012:thinggroup/g", "us-east-1:123456789012:thinggroup/h")
    ]
    for arn in arns:
        thing = make_thing(thing_groups=(External(arn),))
        if arn == arns[0]:
            plan_state(make_state(thing), cloud)
        else:
            assert get_rejection_reasons(make_state(thing), cloud) == [
                (
                    f"things.a: thing_groups: {arn!r} is in another account or Region; this plan is for account 123456789012 in "
                    "eu-west-1 (fleet.toml:7)"
                )
            ]
