"""A deletion or replacement is ordered correctly with the steps of dependents, or is rejected."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.event_log_configurations import EventLogConfiguration
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.shared.certificate_spec import Rotation
from reconciler.kinds.shared.policy_spec import Policy
from reconciler.kinds.shared.provisioning_template import CERTIFICATE, POLICY, THING
from reconciler.kinds.shared.thing_group_spec import ThingGroup
from reconciler.kinds.shared.thing_spec import Thing
from reconciler.kinds.thing_types import ThingType
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.resource import Lifecycle, Origin
from tests.support.desired_states import (
    AUTHORITIES,
    ROLE_ARN,
    TEMPLATE_RESOURCES,
    apply,
    converge,
    get_rejection_reasons,
    list_failures,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.registry_client import Cloud

ALLOW = Document.from_value(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}
)
STILL_ATTACHED = "cannot delete: the policy stays attached to 1 target after this plan"
NEXT_STEP = "remove that reference first"


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.reset()


def make_policy(name: str = "p"):
    return make_resource("policies", name, Policy(ALLOW))


def make_provisioned_thing(generation: int, *policies: str):
    """Return a provisioned thing `x`; the policies are attached to its certificate."""
    parts = {
        "thing": {"Type": THING, "Properties": {"ThingName": "x"}},
        "certificate": {"Type": CERTIFICATE, "Properties": {"CertificatePem": {"Ref": "Pem"}}},
        **{name: {"Type": POLICY, "Properties": {"PolicyName": name}} for name in policies},
    }
    body = Document.from_value({"Parameters": {"Pem": {"Type": "String"}}, "Resources": parts})
    pem = AUTHORITIES["alpha"].get_device_pem("x", generation)
    return make_resource("provisioned_things", "from-template", ProvisionedThing(body, {"Pem": pem}))


def ignore_changes(resource, *names: str):
    """Return the resource with these fields in `ignore_changes`."""
    return replace(resource, lifecycle=Lifecycle(ignore_changes=names))


def set_policies(resource, *names: str):
    """Return the resource with these policies, which it then depends on."""
    dependencies = resource.dependencies | {Address("policies", name) for name in names}
    return replace(resource, spec=evolve(resource.spec, policies=names), own_dependencies=dependencies)


def find_dependencies(plan, address: str) -> list[str]:
    step = next(step for step in plan.steps if str(step.address) == address)
    return sorted(map(str, step.dependencies))


def test_a_policy_is_deleted_after_a_provisioned_thing_deletes_the_certificate_that_has_it(cloud):
    converge(make_state(make_ca(), make_policy(), make_provisioned_thing(1, "p")), cloud)
    plan = plan_state(make_state(make_ca(), make_provisioned_thing(2)), cloud)
    assert find_dependencies(plan, "policies.p") == ["provisioned_things.from-template"]
    assert list_failures(apply(plan, cloud)) == []


def test_a_policy_is_not_deleted_while_a_grace_period_keeps_a_certificate_that_has_it(cloud):
    certificate, thing = make_device("a")
    converge(make_state(make_ca(), make_policy(), set_policies(certificate, "p"), thing), cloud)
    new_certificate, _ = make_device("a", 2)
    new_certificate = replace(new_certificate, spec=evolve(new_certificate.spec, rotation=Rotation("7d")))
    certificate_id = certificate.spec.pem.fingerprint
    assert get_rejection_reasons(make_state(make_ca(), new_certificate, thing), cloud) == [
        f"policies.p: {STILL_ATTACHED} (cert/{certificate_id}); detach it there first",
    ]


def test_a_policy_is_not_deleted_when_a_replaced_certificate_ignores_its_policies(cloud):
    certificate, thing = make_device("a")
    converge(make_state(make_ca(), make_policy(), set_policies(certificate, "p"), thing), cloud)
    certificate_id = certificate.spec.pem.fingerprint
    assert get_rejection_reasons(
        make_state(make_ca(), ignore_changes(make_device("a", 2)[0], "policies"), thing), cloud
    ) == [f"policies.p: {STILL_ATTACHED} (cert/{certificate_id}); detach it there first"]


def test_a_certificate_is_not_replaced_while_a_forgotten_thing_has_it(cloud):
    certificate, thing = make_device("a")
    forgotten_thing = make_resource("things", "b", Thing(certificates=("a",)))
    converge(make_state(make_ca(), certificate, thing, forgotten_thing), cloud)
    desired = evolve(
        make_state(make_ca(), *make_device("a", 2)),
        removed={forgotten_thing.address: Origin("desired_state.toml", 9)},
    )
    assert get_rejection_reasons(desired, cloud) == [
        f"certificates.a: cannot replace: still used after this plan by things.b; {NEXT_STEP}",
    ]


def test_a_certificate_is_not_deleted_while_a_thing_ignores_its_certificates(cloud):
    certificate, thing = make_device("a")
    converge(make_state(make_ca(), certificate, thing), cloud)
    desired_thing = ignore_changes(make_resource("things", "a", Thing()), "certificates")
    # A certificate that is not in the file is named after its thing and its ID.
    name = f"a:{certificate.spec.pem.fingerprint[:12]}"
    assert get_rejection_reasons(make_state(make_ca(), desired_thing), cloud) == [
        f"certificates.{name}: cannot delete: still used after this plan by things.a; {NEXT_STEP}",
    ]


def make_chain_of_groups(names: str):
    """Make the state of groups of which each has the next one as its parent."""
    parents = [*names[1:], None]
    return make_state(
        *(
            make_resource("thing_groups", name, ThingGroup(parent=parent))
            for name, parent in zip(names, parents, strict=True)
        )
    )


@pytest.mark.parametrize("names", ["ba", "cba", "bca"])
def test_a_destroy_deletes_moved_groups_in_the_order_of_the_registry(cloud, names):
    converge(make_chain_of_groups("abc"[: len(names)]), cloud)
    plan = plan_state(make_chain_of_groups(names), cloud, destroy=True)
    assert [step.address.name for step in plan.steps] == [*"abc"[: len(names)], "reconciler-ws"]
    assert list_failures(apply(plan, cloud)) == []


def test_a_parent_group_is_not_deleted_while_a_child_group_ignores_its_parent(cloud):
    parent = make_resource("thing_groups", "g", ThingGroup())
    child = make_resource("thing_groups", "h", ThingGroup(parent="g"))
    converge(make_state(parent, child), cloud)
    desired_child = ignore_changes(make_resource("thing_groups", "h", ThingGroup()), "parent")
    assert get_rejection_reasons(make_state(desired_child), cloud) == [
        f"thing_groups.g: cannot delete: still used after this plan by thing_groups.h; {NEXT_STEP}",
    ]


def test_a_thing_type_is_not_deleted_while_a_changed_thing_ignores_its_type(cloud):
    thing = make_resource("things", "a", Thing(thing_type="t"))
    converge(make_state(make_resource("thing_types", "t", ThingType()), thing), cloud)
    desired_thing = ignore_changes(
        make_resource("things", "a", Thing(attributes={"site": "oslo"})), "thing_type"
    )
    assert get_rejection_reasons(make_state(desired_thing), cloud) == [
        f"thing_types.t: cannot delete: still used after this plan by things.a; {NEXT_STEP}",
    ]


def test_a_template_is_not_replaced_while_a_ca_ignores_its_template(cloud):
    def make_template(template_type: str):
        body = Document.from_value({"Parameters": {}, "Resources": TEMPLATE_RESOURCES})
        return make_resource(
            "provisioning_templates",
            "v",
            ProvisioningTemplate(body, provisioning_role_arn=ROLE_ARN, type=template_type),
        )

    converge(make_state(make_ca(registration_template="v"), make_template("JITP")), cloud)
    desired_ca = ignore_changes(make_ca(), "registration_template")
    assert get_rejection_reasons(make_state(desired_ca, make_template("FLEET_PROVISIONING")), cloud) == [
        f"provisioning_templates.v: cannot replace: still used after this plan by ca_certificates.alpha; {NEXT_STEP} (<memory>:1)",
    ]


def test_a_group_is_deleted_after_the_step_of_a_thing_that_ignores_its_groups(cloud):
    thing = make_resource("things", "a", Thing(thing_groups=("g",)))
    converge(make_state(make_resource("thing_groups", "g", ThingGroup()), thing), cloud)
    changed_thing = make_resource("things", "a", Thing(attributes={"site": "oslo"}))
    plan = plan_state(make_state(ignore_changes(changed_thing, "thing_groups")), cloud)
    assert find_dependencies(plan, "thing_groups.g") == ["things.a"]
    assert list_failures(apply(plan, cloud)) == []


def test_a_replaced_group_keeps_a_thing_that_ignores_its_groups(cloud):
    groups = [
        make_resource("thing_groups", "g", ThingGroup()),
        make_resource("thing_groups", "h", ThingGroup()),
    ]
    converge(make_state(*groups, make_resource("things", "a", Thing(thing_groups=("h",)))), cloud)
    moved_groups = [groups[0], make_resource("thing_groups", "h", ThingGroup(parent="g"))]
    changed_thing = ignore_changes(
        make_resource("things", "a", Thing(attributes={"site": "oslo"})), "thing_groups"
    )
    converge(make_state(*moved_groups, changed_thing), cloud)
    assert cloud.read_content()["things"]["a"]["groups"] == ["h", "reconciler-ws"]


def test_a_group_is_not_moved_below_another_group_of_a_thing_that_ignores_its_groups(cloud):
    groups = [
        make_resource("thing_groups", "g", ThingGroup()),
        make_resource("thing_groups", "h", ThingGroup()),
    ]
    converge(make_state(*groups, make_resource("things", "a", Thing(thing_groups=("g", "h")))), cloud)
    moved_groups = [groups[0], make_resource("thing_groups", "h", ThingGroup(parent="g"))]
    desired_thing = ignore_changes(make_resource("things", "a", Thing()), "thing_groups")
    reason = "keeps its groups (ignore_changes) and would be in two groups of one hierarchy, h and g"
    assert get_rejection_reasons(make_state(*moved_groups, desired_thing), cloud) == [
        f"thing_groups.h: cannot replace: things.a {reason}; remove the thing from one of them first (<memory>:1)",
    ]


def test_a_certificate_replaced_with_its_ca_stays_with_a_thing_that_ignores_certificates(cloud):
    certificate, thing = make_device("a")
    converge(make_state(make_ca(), certificate, thing), cloud)
    changed_thing = ignore_changes(
        make_resource("things", "a", Thing(attributes={"site": "oslo"})), "certificates"
    )
    # The new mode replaces the CA, and the certificate is registered again in that mode.
    converge(
        make_state(make_ca(certificate_mode="SNI_ONLY", verification=None), certificate, changed_thing), cloud
    )
    attachment = (certificate.spec.pem.fingerprint, "NON_EXCLUSIVE_THING")
    assert cloud.read_content()["things"]["a"]["principals"] == [attachment]


def test_a_managed_thing_that_ignores_its_locker_waits_for_the_locker_to_be_replaced(cloud):
    locker = make_resource("credential_lockers", "l", CredentialLocker(name="first"))
    converge(make_state(locker, make_managed_thing("a", credential_locker="l")), cloud)
    renamed_locker = make_resource("credential_lockers", "l", CredentialLocker(name="second"))
    changed_managed_thing = ignore_changes(make_managed_thing("a", brand="Acme"), "credential_locker")
    plan = plan_state(make_state(renamed_locker, changed_managed_thing), cloud)
    assert find_dependencies(plan, "managed_things.a") == ["credential_lockers.l"]
    assert list_failures(apply(plan, cloud)) == []


def test_an_event_log_configuration_gets_a_resource_after_another_has_released_it(cloud):
    def make_log(name: str, **target: str):
        return make_resource(
            "event_log_configurations", name, EventLogConfiguration(event_log_level="ERROR", **target)
        )

    before = make_log("a", resource_type="ota-task"), make_log("b", resource_type="*")
    converge(make_state(*before), cloud)
    after = make_log("a", resource_type="*"), make_log("b", resource_type="ota-task", resource_id="x")
    plan = plan_state(make_state(*after), cloud)
    assert find_dependencies(plan, "event_log_configurations.a") == ["event_log_configurations.b"]
    assert list_failures(apply(plan, cloud, workers=1)) == []
