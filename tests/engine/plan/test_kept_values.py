"""Live values that `ignore_changes` keeps are valid together with the file's, or the plan is rejected."""

from __future__ import annotations

from msgspec.structs import replace

from reconciler.kinds.log_levels import LogLevel
from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.scheduled_audits import ScheduledAudit
from reconciler.model.document import Document
from reconciler.model.resource import Lifecycle, Resource
from tests.support.desired_states import (
    ROLE_ARN,
    TEMPLATE_RESOURCES,
    converge,
    get_rejection_reasons,
    make_ca,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.provisioned_pumps import make_fleet, make_pump

CHECKS = ("LOGGING_DISABLED_CHECK",)


def ignore(resource: Resource, *names: str) -> Resource:
    return replace(resource, lifecycle=Lifecycle(ignore_changes=names))


def make_audit(spec: ScheduledAudit, *ignored: str) -> Resource:
    return ignore(make_resource("scheduled_audits", "a", spec), *ignored)


def test_a_provisioned_certificate_has_the_mode_that_its_ca_keeps(cloud):
    converge(make_state(make_ca(certificate_mode="SNI_ONLY", verification=None)), cloud)
    fleet = make_fleet(make_pump("8"))
    resources = [
        ignore(resource, "certificate_mode") if resource.address.kind == "ca_certificates" else resource
        for resource in fleet.resources.values()
    ]
    desired = make_state(*resources)
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()


def test_a_day_that_a_new_frequency_does_not_use_is_not_kept(cloud):
    converge(make_state(make_audit(ScheduledAudit("MONTHLY", CHECKS, day_of_month="LAST"))), cloud)
    weekly = ScheduledAudit("WEEKLY", CHECKS, day_of_week="SUN")
    desired = make_state(make_audit(weekly, "day_of_month"))
    (update,) = converge(desired, cloud).steps[-1].calls
    assert update.params == {
        "scheduledAuditName": "a",
        "frequency": "WEEKLY",
        "dayOfWeek": "SUN",
        "targetCheckNames": [*CHECKS],
    }
    assert plan_state(desired, cloud).steps == ()


def test_a_kept_frequency_needs_its_day_in_the_file(cloud):
    converge(make_state(make_audit(ScheduledAudit("MONTHLY", CHECKS, day_of_month="LAST"))), cloud)
    weekly = ScheduledAudit("WEEKLY", CHECKS, day_of_week="SUN")
    assert get_rejection_reasons(make_state(make_audit(weekly, "frequency")), cloud) == [
        (
            "scheduled_audits.a: cannot update with the live values that ignore_changes keeps: frequency: a MONTHLY audit "
            "needs a day_of_month; expected the key day_of_month (<memory>:1)"
        )
    ]


def test_an_empty_text_counts_as_absent_together_with_kept_values(cloud):
    converge(make_state(make_resource("log_levels", "l", LogLevel("INFO", client_id="pump"))), cloud)
    level = make_resource("log_levels", "l", LogLevel("INFO", client_id="", source_ip="10.0.0.1"))
    assert get_rejection_reasons(make_state(ignore(level, "source_ip")), cloud) == [
        (
            "log_levels.l: cannot replace with the live values that ignore_changes keeps: has no target; expected one of "
            "thing_group, client_id, source_ip, principal_id (<memory>:1)"
        )
    ]


def test_a_setup_code_that_another_managed_thing_keeps_is_rejected(cloud):
    converge(make_state(make_managed_thing("a", "90001"), make_managed_thing("b", "90002")), cloud)
    keeps_code = ignore(make_managed_thing("a", "90002"), "authentication_material")
    desired = make_state(keeps_code, make_managed_thing("b", "90001"), make_managed_thing("c", "90003"))
    assert get_rejection_reasons(desired, cloud) == [
        (
            "managed_things.b: cannot have this setup code: managed_things.a keeps it, as its ignore_changes lists "
            "authentication_material (<memory>:1)"
        )
    ]


def test_a_template_that_keeps_another_type_is_rejected_for_a_ca(cloud):
    def make_template(template_type: str) -> Resource:
        body = Document.from_value({"Parameters": {}, "Resources": TEMPLATE_RESOURCES})
        return make_resource(
            "provisioning_templates", "t", ProvisioningTemplate(body, ROLE_ARN, type=template_type)
        )

    converge(make_state(make_template("FLEET_PROVISIONING")), cloud)
    ca = make_ca(registration_template="t")
    assert get_rejection_reasons(make_state(ignore(make_template("JITP"), "type"), ca), cloud) == [
        (
            "ca_certificates.alpha: registration_template: provisioning_templates.t keeps the type FLEET_PROVISIONING; use a "
            "template of type JITP (<memory>:1)"
        )
    ]
    converge(make_state(make_template("JITP"), ca), cloud)
