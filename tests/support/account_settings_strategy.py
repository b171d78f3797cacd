"""Hypothesis strategies for account settings, and for the log levels of single targets."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.account_audit import Audit, AuditCheck, NotificationTarget
from reconciler.kinds.account_default_authorizer import DefaultAuthorizer
from reconciler.kinds.account_encryption import Encryption
from reconciler.kinds.account_events import Events
from reconciler.kinds.account_hub import Hub
from reconciler.kinds.account_indexing import CustomField, GeoLocation, Indexing
from reconciler.kinds.account_logging import LogEvent, Logging
from reconciler.kinds.account_managed_encryption import ManagedEncryption
from reconciler.kinds.authorizers import Authorizer
from reconciler.kinds.log_levels import LogLevel
from reconciler.kinds.scheduled_audits import ScheduledAudit
from reconciler.model.resource import Resource
from reconciler.model.settings import DesiredState
from tests.support.desired_states import make_resource, make_state

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:check"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/a"
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:audits"
_roles = st.sampled_from([f"arn:aws:iam::123456789012:role/{name}" for name in "ab"])
_levels = st.sampled_from(["DEBUG", "INFO", "ERROR", "WARN", "DISABLED"])
_KEPT_CHECK = "CONFLICTING_CLIENT_IDS_CHECK"


def draw_log_levels(draw: st.DrawFn, groups: list[Resource]) -> list[Resource]:
    """Return log levels, of which two have the same target in some states under different names."""
    specs = {"pump": LogLevel(draw(_levels), client_id=draw(st.sampled_from(["pump", "pump 2 ø"])))}
    if groups:
        name = draw(st.sampled_from([group.address.name for group in groups]))
        specs["group"] = LogLevel(draw(_levels), thing_group=name)
    return [
        make_resource("log_levels", name, specs[name])
        for name in sorted(draw(st.sets(st.sampled_from(sorted(specs)))))
    ]


@st.composite
def account_states(draw: st.DrawFn) -> DesiredState:
    """Return a desired state with every section of account settings, in which every field is set.

    Unset settings stay in AWS, so two states with other fields would not converge.
    """
    authorizers = [
        make_resource("authorizers", name, Authorizer(FUNCTION_ARN, signing_disabled=True)) for name in "ab"
    ]
    settings = {
        "default_authorizer": DefaultAuthorizer(draw(st.sampled_from([None, "a", "b"]))),
        "events": Events(*(draw(st.booleans()) for _ in range(11))),
        "encryption": draw(_encryptions()),
        "hub": Hub(draw(st.integers(1, 3))),
        "indexing": draw(_indexings()),
        "logging": draw(_loggings()),
        "managed_encryption": draw(_managed_encryptions()),
        "audit": draw(_audits()),
    }
    checks = settings["audit"].audit_check_configurations
    resources = [make_resource(f"account.{name}", name, spec) for name, spec in settings.items()]
    # An audit always has a check: so the first is always enabled.
    used = [_KEPT_CHECK, *(name for name in sorted(checks) if draw(st.booleans()) and checks[name].enabled)]
    audits = [make_resource("scheduled_audits", "daily", ScheduledAudit("DAILY", tuple(used)))]
    levels = [make_resource("log_levels", "pump", LogLevel(draw(_levels), client_id="pump"))]
    optional = [item for item in (*audits, *levels) if draw(st.booleans())]
    return make_state(*draw(st.permutations([*authorizers, *resources, *optional])))


def _encryptions() -> st.SearchStrategy[Encryption]:
    customers = st.builds(Encryption, st.just("CUSTOMER_MANAGED_KMS_KEY"), st.just(KEY_ARN), _roles)
    return customers | st.just(Encryption("AWS_OWNED_KMS_KEY"))


def _managed_encryptions() -> st.SearchStrategy[ManagedEncryption]:
    return st.sampled_from(
        [
            ManagedEncryption("CUSTOMER_KEY_ENCRYPTION", KEY_ARN),
            ManagedEncryption("MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION"),
        ]
    )


def _indexings() -> st.SearchStrategy[Indexing]:
    fields = st.sampled_from([(), (CustomField("attributes.site", "String"),)])
    return st.builds(
        Indexing,
        thing_indexing_mode=st.sampled_from(["REGISTRY", "REGISTRY_AND_SHADOW"]),
        thing_connectivity_indexing_mode=st.sampled_from(["OFF", "STATUS"]),
        device_defender_indexing_mode=st.sampled_from(["OFF", "VIOLATIONS"]),
        named_shadow_indexing_mode=st.sampled_from(["OFF", "ON"]),
        named_shadow_names=st.sampled_from([("a",), ("b", "a")]),
        geo_locations=st.sampled_from([(), (GeoLocation("shadow.reported.location"),)]),
        include_socket_information=st.sampled_from([(), ("GET_THING_CONNECTIVITY_DATA",)]),
        thing_custom_fields=fields,
        thing_group_indexing_mode=st.sampled_from(["OFF", "ON"]),
        thing_group_custom_fields=st.sampled_from([(), (CustomField("attributes.floor", "Number"),)]),
    )


def _loggings() -> st.SearchStrategy[Logging]:
    events = st.sampled_from([(), (LogEvent("Connect", "INFO"), LogEvent("Publish", log_destination="logs"))])
    return st.builds(Logging, _roles, _levels, st.booleans(), events)


def _audits() -> st.SearchStrategy[Audit]:
    ages = st.builds(
        AuditCheck, configuration=st.sampled_from([{"CERT_AGE_THRESHOLD_IN_DAYS": days} for days in "12"])
    )
    checks = st.fixed_dictionaries(
        {_KEPT_CHECK: st.just(AuditCheck())},
        optional={
            "LOGGING_DISABLED_CHECK": st.builds(AuditCheck, enabled=st.booleans()),
            "DEVICE_CERTIFICATE_AGE_CHECK": ages,
        },
    )
    targets = st.dictionaries(
        st.just("SNS"), st.builds(NotificationTarget, st.just(TOPIC_ARN), _roles, st.booleans())
    )
    return st.builds(Audit, _roles, targets, checks)
