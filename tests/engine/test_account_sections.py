"""Every section of account settings: it converges, and a run that died is completed."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.account_audit import Audit, AuditCheck, NotificationTarget
from reconciler.kinds.account_default_authorizer import DefaultAuthorizer
from reconciler.kinds.account_encryption import Encryption
from reconciler.kinds.account_events import Events
from reconciler.kinds.account_hub import Hub
from reconciler.kinds.account_indexing import Indexing
from reconciler.kinds.account_logging import LogEvent, Logging
from reconciler.kinds.account_managed_encryption import ManagedEncryption
from reconciler.kinds.authorizers import Authorizer
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from tests.support.desired_states import (
    apply,
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.exports import export_registry, load_export
from tests.support.registry_client import Cloud

ROLE = "arn:aws:iam::123456789012:role/iot"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/a"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:check"
SPECS = {
    "account.audit": (
        Audit(
            ROLE,
            {"SNS": NotificationTarget("arn:aws:sns:eu-west-1:123456789012:audits", ROLE)},
            {
                "DEVICE_CERTIFICATE_AGE_CHECK": AuditCheck(configuration={"CERT_AGE_THRESHOLD_IN_DAYS": "9"}),
                "LOGGING_DISABLED_CHECK": AuditCheck(),
            },
        ),
        Audit(audit_check_configurations={"LOGGING_DISABLED_CHECK": AuditCheck()}),
    ),
    "account.default_authorizer": (DefaultAuthorizer("a"), DefaultAuthorizer("b")),
    "account.indexing": (
        Indexing(thing_indexing_mode="REGISTRY", thing_group_indexing_mode="ON"),
        Indexing(thing_connectivity_indexing_mode="STATUS"),
    ),
    "account.events": (Events(thing=True, job=True), Events(job=False, policy=True)),
    "account.logging": (
        Logging(role_arn=ROLE, default_log_level="WARN"),
        Logging(disable_all_logs=True, event_configurations=(LogEvent("Connect", "INFO"),)),
    ),
    "account.encryption": (
        Encryption("CUSTOMER_MANAGED_KMS_KEY", KEY, ROLE),
        Encryption(encryption_type="AWS_OWNED_KMS_KEY"),
    ),
    "account.hub": (Hub(600), Hub(900)),
    "account.managed_encryption": (
        ManagedEncryption("CUSTOMER_KEY_ENCRYPTION", KEY),
        ManagedEncryption("MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION"),
    ),
}
"""By table: two specs, of which the second leaves out or changes fields of the first."""

NEEDED_RESOURCES = {
    "account.default_authorizer": tuple(
        make_resource("authorizers", name, Authorizer(FUNCTION, signing_disabled=True)) for name in ("a", "b")
    )
}
"""By table: the resources to which its specs refer."""


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    """Return a registry whose settings are all AWS's defaults."""
    return module_cloud.reset(is_new_account=True)


def make_settings(table: str, index: int):
    return make_resource(table, table.partition(".")[2], SPECS[table][index])


def make_state_with(*tables: str, index: int = 0):
    """Return a state with the sections and what they need."""
    needed = [resource for table in tables for resource in NEEDED_RESOURCES.get(table, ())]
    return make_state(*(make_settings(table, index) for table in tables), *needed)


def read_settings(table: str, cloud: Cloud):
    response = dict(cloud.call(ApiCall(all_kinds()[table].service, all_kinds()[table].api.read)))
    response.pop("ResponseMetadata", None)
    return response


def test_every_section_has_a_test():
    assert SPECS.keys() == {table for table, kind in all_kinds().items() if kind.only_name}


@pytest.mark.parametrize("table", SPECS)
def test_each_section_converges_and_stays_when_it_is_removed(cloud, table):
    for index in (0, 1):
        desired = make_state_with(table, index=index)
        assert [str(step.address) for step in converge(desired, cloud).steps if table in str(step.address)]
        assert plan_state(desired, cloud).steps == ()
    settings = read_settings(table, cloud)
    remaining = make_state(*NEEDED_RESOURCES.get(table, ()))
    plan = converge(remaining, cloud)
    assert [(step.change.action, [call.operation for call in step.calls]) for step in plan.steps][:1] == [
        ("forget", ["DeleteThingGroup"])
    ]
    assert read_settings(table, cloud) == settings
    assert plan_state(remaining, cloud).steps == ()


@pytest.mark.parametrize("table", SPECS)
def test_a_run_that_died_after_the_owner_was_recorded_is_completed_by_the_next(cloud, table):
    desired = make_state_with(table)
    plan = plan_state(desired, cloud)
    dying = evolve(
        plan,
        steps=tuple(
            evolve(step, calls=step.calls[:1]) if step.address == Address.parse(table) else step
            for step in plan.steps
        ),
    )
    apply(dying, cloud)
    completed = converge(desired, cloud)
    (remaining_calls,) = (step.calls[1:] for step in plan.steps if step.address == Address.parse(table))
    assert [step.calls for step in completed.steps] == [remaining_calls]
    assert remaining_calls[0].operation == all_kinds()[table].api.update
    assert plan_state(desired, cloud).steps == ()


def test_all_sections_in_one_file_are_applied_by_one_plan_and_exported(cloud):
    desired = make_state_with(*SPECS)
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()
    export = export_registry(cloud, patterns=["*"])
    exported_specs = {
        str(address): item.spec
        for address, item in load_export(export).resources.items()
        if address.kind in SPECS
    }
    assert exported_specs == {table: specs[0] for table, specs in SPECS.items()}
    assert get_rejection_reasons(evolve(desired, settings=evolve(desired.settings, name="b")), cloud) == [
        f"{address}: belongs to the workspace 'ws', not to 'b'"
        for address in sorted(map(str, desired.resources))
    ]


@pytest.mark.parametrize(
    ("table", "spec", "problem"),
    [
        (
            "account.audit",
            Audit(audit_check_configurations={"LOGGING_DISABLED_CHECK": AuditCheck()}),
            "AWS needs a role for audits; set role_arn",
        ),
        (
            "account.audit",
            Audit(ROLE, audit_check_configurations={"LOGGING_DISABLED_CHECK": AuditCheck(enabled=False)}),
            "AWS needs an enabled check in a new configuration; enable one in audit_check_configurations",
        ),
        (
            "account.audit",
            Audit(ROLE, audit_check_configurations={"LOGGING_DISABLED_CHEK": AuditCheck()}),
            "audit_check_configurations: AWS has no audit check LOGGING_DISABLED_CHEK; did you mean 'LOGGING_DISABLED_CHECK'?",
        ),
        (
            "account.logging",
            Logging(default_log_level="INFO"),
            "AWS needs a role to write logs; set role_arn",
        ),
        (
            "account.logging",
            Logging(event_configurations=(LogEvent("Connect", "INFO"),)),
            "AWS needs a role to write logs; set role_arn",
        ),
        (
            "account.encryption",
            Encryption("CUSTOMER_MANAGED_KMS_KEY", KEY),
            "a customer's key needs kms_access_role_arn; set it",
        ),
        (
            "account.encryption",
            Encryption(kms_key_arn=KEY),
            "kms_key_arn is only for a customer's key; remove it, or set encryption_type",
        ),
        (
            "account.managed_encryption",
            ManagedEncryption("CUSTOMER_KEY_ENCRYPTION"),
            "a customer's key needs kms_key_arn; set it",
        ),
        (
            "account.managed_encryption",
            ManagedEncryption(kms_key_arn=KEY),
            "kms_key_arn is only for a customer's key; remove it, or set encryption_type",
        ),
    ],
)
def test_settings_that_aws_rejects_are_rejected_in_the_plan(cloud, table, spec, problem):
    desired = make_state(make_resource(table, table.partition(".")[2], spec))
    assert get_rejection_reasons(desired, cloud) == [f"{table}: {problem} (<memory>:1)"]
