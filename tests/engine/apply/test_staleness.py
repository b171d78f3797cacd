"""Someone edits a resource after it was planned: the plan never overwrites the edit."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.account_associations import AccountAssociation
from reconciler.kinds.authorizers import Authorizer
from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.certificate_providers import CertificateProvider
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.cloud_connectors import CloudConnector
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.custom_metrics import CustomMetric
from reconciler.kinds.dimensions import Dimension
from reconciler.kinds.domain_configurations import DomainConfiguration
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.event_log_configurations import EventLogConfiguration
from reconciler.kinds.job_templates import JobTemplate
from reconciler.kinds.log_levels import LogLevel
from reconciler.kinds.managed_destinations import ManagedDestination
from reconciler.kinds.mitigation_actions import ActionParams, MitigationAction, UpdateDeviceCertificate
from reconciler.kinds.notification_configurations import NotificationConfiguration
from reconciler.kinds.package_versions import PackageVersion
from reconciler.kinds.packages import Package
from reconciler.kinds.policies import Policy
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.role_aliases import RoleAlias
from reconciler.kinds.scheduled_audits import ScheduledAudit
from reconciler.kinds.shared.security_profile_spec import SecurityProfile
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import PropagatingAttribute, ThingType
from reconciler.kinds.things import Thing
from reconciler.kinds.topic_rules import TopicRule
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import StaleError
from reconciler.model.settings import DesiredState
from reconciler.registry import Registry
from tests.support.connectors_strategy import DESTINATION
from tests.support.connectors_strategy import FUNCTION_ARN as CONNECTOR_FUNCTION_ARN
from tests.support.desired_states import (
    ROLE_ARN,
    TEMPLATE_RESOURCES,
    apply,
    converge,
    make_ca,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.edits import EDITS, PEM, make_allow_document
from tests.support.managed_integrations_strategy import STREAM_ARN
from tests.support.plain_kinds_strategy import CERTIFICATE_ARN, FUNCTION_ARN
from tests.support.registry_client import SETTINGS, Cloud

RESOURCES_BEFORE = [
    make_ca(),
    make_resource("policies", "p", Policy(make_allow_document("iot:Connect"))),
    make_resource("certificates", "a", Certificate(PEM, ca="alpha", policies=("p",))),
    make_resource(
        "thing_types",
        "t",
        ThingType(
            description="Pumps",
            searchable_attributes=(),
            propagating_attributes=(PropagatingAttribute(user_property_key="where", thing_attribute="site"),),
        ),
    ),
    make_resource("billing_groups", "b", BillingGroup(description="Plants")),
    make_resource(
        "thing_groups", "g", ThingGroup(description="Plants", attributes={"floor": "1"}, policies=("p",))
    ),
    make_resource("dynamic_thing_groups", "d", DynamicThingGroup("attributes.site:oslo")),
    make_resource(
        "things",
        "a",
        Thing(
            thing_type="t",
            attributes={"site": "oslo"},
            thing_groups=("g",),
            certificates=("a",),
            billing_group="b",
        ),
    ),
    make_resource("role_aliases", "r", RoleAlias(ROLE_ARN)),
    make_resource("authorizers", "n", Authorizer(FUNCTION_ARN, signing_disabled=True)),
    make_resource(
        "domain_configurations", "endpoint", DomainConfiguration("iot.example.com", (f"{CERTIFICATE_ARN}/1",))
    ),
    make_resource(
        "provisioning_templates",
        "v",
        ProvisioningTemplate(
            Document.from_value({"Resources": TEMPLATE_RESOURCES}),
            provisioning_role_arn=ROLE_ARN,
            description="One",
        ),
    ),
    make_resource("certificate_providers", "s", CertificateProvider(FUNCTION_ARN)),
    make_resource("dimensions", "d", Dimension(("a/#",))),
    make_resource("custom_metrics", "battery", CustomMetric("number", "Battery")),
    make_resource(
        "mitigation_actions",
        "action",
        MitigationAction(
            ROLE_ARN, ActionParams(update_device_certificate_params=UpdateDeviceCertificate()), {"line": "A"}
        ),
    ),
    make_resource("scheduled_audits", "audit", ScheduledAudit("DAILY", ("LOGGING_DISABLED_CHECK",))),
    make_resource("security_profiles", "s", SecurityProfile("Pumps", thing_groups=("g",))),
    make_resource("log_levels", "pump", LogLevel("INFO", client_id="pump")),
    make_resource(
        "job_templates", "reboot", JobTemplate("Reboot", Document.from_value({"operation": "reboot"}))
    ),
    make_resource("packages", "firmware", Package("Pumps")),
    make_resource("package_versions", "v1", PackageVersion("firmware", "1.0.0", description="First")),
    make_resource("topic_rules", "rule", TopicRule("SELECT * FROM 'a/#'")),
    make_resource("credential_lockers", "l", CredentialLocker(name="L")),
    make_resource("managed_destinations", "stream", ManagedDestination(STREAM_ARN, ROLE_ARN)),
    make_resource("managed_destinations", "unused", ManagedDestination(STREAM_ARN, ROLE_ARN)),
    make_resource("notification_configurations", "DEVICE_EVENT", NotificationConfiguration("stream")),
    make_resource("event_log_configurations", "all", EventLogConfiguration("*", "WARN")),
    make_resource("cloud_connectors", "acme", CloudConnector(CONNECTOR_FUNCTION_ARN)),
    make_resource("connector_destinations", "eu", DESTINATION),
    make_resource("account_associations", "anna", AccountAssociation("eu")),
    make_managed_thing("m", brand="Acme"),
]

CHANGED_FIELDS = {
    "ca_certificates.alpha": {"auto_registration": True},
    "policies.p": {"document": make_allow_document("iot:Publish")},
    "certificates.a": {"status": "INACTIVE"},
    "thing_types.t": {
        "propagating_attributes": (PropagatingAttribute(user_property_key="who", thing_attribute="house"),)
    },
    "billing_groups.b": {"description": "Offices"},
    "thing_groups.g": {"description": "Offices", "attributes": {"floor": "2"}},
    "dynamic_thing_groups.d": {"query_string": "attributes.site:bergen"},
    "things.a": {"attributes": {"site": "bergen"}},
    "role_aliases.r": {"credential_duration_seconds": 900},
    "domain_configurations.endpoint": {"authorizer": "n"},
    "authorizers.n": {"enable_caching_for_http": True},
    "provisioning_templates.v": {"description": "Two"},
    "certificate_providers.s": {"lambda_function_arn": f"{FUNCTION_ARN}-2"},
    "dimensions.d": {"string_values": ("b/#",)},
    "custom_metrics.battery": {"display_name": "Charge"},
    "mitigation_actions.action": {"tags": {"line": "B"}},
    "scheduled_audits.audit": {"frequency": "WEEKLY", "day_of_week": "SUN"},
    "security_profiles.s": {"account_targets": ("things",)},
    "log_levels.pump": {"log_level": "DEBUG"},
    "job_templates.reboot": {"tags": {"line": "A"}},
    "packages.firmware": {"description": "All pumps"},
    "package_versions.v1": {"description": "The first"},
    "topic_rules.rule": {"description": "Pumps"},
    "managed_destinations.stream": {"description": "Alerts"},
    "managed_destinations.unused": {"description": "Alerts"},
    "notification_configurations.DEVICE_EVENT": {"destination": "unused"},
    "event_log_configurations.all": {"event_log_level": "INFO"},
    "credential_lockers.l": {"tags": {"line": "A"}},
    "cloud_connectors.acme": {"description": "Lamps"},
    "connector_destinations.eu": {"description": "Lamps"},
    "account_associations.anna": {"description": "Flat"},
    "managed_things.m": {"brand": "Bolt"},
}
"""By address of a resource in `RESOURCES_BEFORE`, new values of the fields that a plan changes in place."""


FIRST_POLICY = make_resource("policies", "first", Policy(make_allow_document("iot:Receive")))


def build_updated_state(address: str) -> DesiredState:
    """Return the state in which the resource is changed in place after `FIRST_POLICY` is created."""

    def change_resource(resource):
        if str(resource.address) != address:
            return resource
        return replace(
            resource,
            spec=evolve(resource.spec, **CHANGED_FIELDS[address]),
            own_dependencies=resource.dependencies | {FIRST_POLICY.address},
        )

    return make_state(FIRST_POLICY, *map(change_resource, RESOURCES_BEFORE))


def build_state_without(address: str) -> DesiredState:
    """Return the state without the resource and its dependents."""
    deleted_addresses: set[Address] = set()
    dependents = {Address.parse(address)}
    while dependents:
        deleted_addresses |= dependents
        dependents = {
            item.address for item in RESOURCES_BEFORE if item.dependencies & deleted_addresses
        } - deleted_addresses
    return make_state(*(item for item in RESOURCES_BEFORE if item.address not in deleted_addresses))


def build_whole_state(_address: str) -> DesiredState:
    """Return the state with every resource; the test plans to destroy it."""
    return make_state(*RESOURCES_BEFORE)


@pytest.fixture(scope="module")
def cloud_before(tmp_path_factory):
    """Return a cloud, and the content of its registry's file with `RESOURCES_BEFORE`."""
    path = tmp_path_factory.mktemp("before") / "registry.sqlite3"
    cloud = Cloud(path)
    converge(make_state(*RESOURCES_BEFORE), cloud)
    cloud.registry.close()
    return cloud, path.read_bytes()


@pytest.fixture
def cloud(cloud_before, memory_folder):
    """Return the cloud with a copy of that file, which is faster than applying the resources again."""
    cloud, content = cloud_before
    path = memory_folder / "registry.sqlite3"
    path.write_bytes(content)
    cloud.registry = Registry(path, SETTINGS)
    yield cloud
    cloud.registry.close()


_WRITTEN_AFTER_THE_THING = {
    "certificates.a",
    "policies.p",
    "thing_groups.g",
    "thing_types.t",
    "billing_groups.b",
}
WRITTEN_LATER = {
    build_updated_state: set(CHANGED_FIELDS),
    build_state_without: _WRITTEN_AFTER_THE_THING,
    build_whole_state: _WRITTEN_AFTER_THE_THING | {"ca_certificates.alpha"},
}
"""By the function that builds the state, the resources that its plan writes only after another step.

An edit of these can happen during the run.
"""

CASES = [
    pytest.param(edit, build_state, time, id=f"{edit}, {build_state.__name__}, {time} the run")
    for edit, build_state, time in itertools.product(EDITS, WRITTEN_LATER, ("before", "during"))
    if (build_state is build_updated_state or not edit.only_removes)
    and (time == "before" or edit.address in WRITTEN_LATER[build_state])
]


@pytest.mark.parametrize(("edit", "build_state", "time"), CASES)
def test_an_edit_made_after_the_plan_is_not_overwritten(cloud, edit, build_state, time):
    plan = plan_state(build_state(edit.address), cloud, destroy=build_state is build_whole_state)
    # The address of a certificate that is not in the file is `certificates.a:` and a part of its ID.
    first_calls_of_other_steps = [
        step.calls[0] for step in plan.steps if not str(step.address).startswith(edit.address)
    ]
    edited_values = []

    def make_edit():
        edit.make(cloud)
        edited_values.append(edit.read(cloud))

    def call(request):
        if request in first_calls_of_other_steps and not edited_values:
            make_edit()
        return cloud.call(request)

    if time == "before":
        make_edit()
    outcomes = apply(plan, SimpleNamespace(call=call), workers=1)
    assert edit.read(cloud) == edited_values[0]
    final_outcomes = {
        str(outcome.change.address).partition(":")[0]: outcome
        for outcome in outcomes
        if outcome.status != "started"
    }
    outcome = final_outcomes[edit.address]
    assert outcome.status in {"applied", "skipped"} or isinstance(outcome.error, StaleError)
