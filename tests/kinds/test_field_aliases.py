"""Keys of Terraform, CloudFormation and the API suggest ours."""

from __future__ import annotations

import pytest

from reconciler.kinds import all_kinds
from reconciler.kinds.base.field_aliases import _ALIASES, find_field_for_alias

TERRAFORM = {  # table → arguments and attributes of its aws_iot_* resource (Terraform's AWS provider 6)
    "things": "name attributes thing_type_name region default_client_id version arn id",
    "thing_types": "name deprecated properties tags region arn tags_all id",
    "thing_groups": "name parent_group_name properties tags region arn id tags_all metadata version",
    "billing_groups": "name properties tags region arn id tags_all metadata version",
    "policies": "name policy tags region arn default_version_id tags_all id",
    "role_aliases": "alias role_arn credential_duration tags region arn tags_all id",
    "authorizers": "name authorizer_function_arn enable_caching_for_http signing_disabled status token_key_name "
    "token_signing_public_keys tags region arn tags_all id",
    "domain_configurations": "name authorizer_config domain_name server_certificate_arns service_type status tls_config "
    "validation_certificate_arn default_authorizer_name allow_authorizer_override tags region arn domain_type tags_all id",
    "certificates": "active csr certificate_pem ca_pem region id arn ca_certificate_id public_key",
    "ca_certificates": "active allow_auto_registration ca_certificate_pem certificate_mode registration_config tags "
    "verification_certificate_pem region id arn customer_version generation_id tags_all validity",
    "provisioning_templates": "name description enabled pre_provisioning_hook provisioning_role_arn tags template_body type region "
    "arn default_version_id tags_all id",
}
CLOUDFORMATION = {  # table → properties of its AWS::IoT::* type
    "things": "ThingName AttributePayload Arn Id",
    "thing_types": "ThingTypeName DeprecateThingType ThingTypeProperties Tags",
    "thing_groups": "ThingGroupName ParentGroupName QueryString ThingGroupProperties Tags",
    "billing_groups": "BillingGroupName BillingGroupProperties Tags",
    "policies": "PolicyName PolicyDocument Tags",
    "role_aliases": "RoleAlias RoleArn CredentialDurationSeconds Tags",
    "authorizers": "AuthorizerFunctionArn AuthorizerName EnableCachingForHttp SigningDisabled Status Tags TokenKeyName "
    "TokenSigningPublicKeys",
    "domain_configurations": "ApplicationProtocol AuthenticationType AuthorizerConfig ClientCertificateConfig DomainConfigurationName "
    "DomainConfigurationStatus DomainName ServerCertificateArns ServerCertificateConfig ServiceType Tags TlsConfig "
    "ValidationCertificateArn DomainType ServerCertificates",
    "certificates": "CACertificatePem CertificateMode CertificatePem CertificateSigningRequest Status",
    "ca_certificates": "AutoRegistrationStatus CACertificatePem CertificateMode RegistrationConfig RemoveAutoRegistration Status Tags "
    "VerificationCertificatePem",
    "provisioning_templates": "Description Enabled PreProvisioningHook ProvisioningRoleArn Tags TemplateBody TemplateName "
    "TemplateType",
    "dimensions": "Name StringValues Tags Type Arn",
    "certificate_providers": "AccountDefaultForOperations CertificateProviderName LambdaFunctionArn Tags",
    "custom_metrics": "MetricName MetricType DisplayName Tags",
    "mitigation_actions": "ActionName RoleArn ActionParams Tags",
    "security_profiles": "SecurityProfileName SecurityProfileDescription Behaviors AlertTargets AdditionalMetricsToRetainV2 "
    "MetricsExportConfig TargetArns Tags",
    "job_templates": "AbortConfig Description DestinationPackageVersions Document DocumentSource JobArn JobExecutionsRetryConfig "
    "JobExecutionsRolloutConfig JobTemplateId MaintenanceWindows PresignedUrlConfig Tags TimeoutConfig",
    "packages": "Description PackageName Tags",
    "package_versions": "Artifact Attributes Description PackageName Recipe Tags VersionName",
    "scheduled_audits": "ScheduledAuditName Frequency DayOfMonth DayOfWeek TargetCheckNames Tags",
}


@pytest.mark.parametrize("names_by_table", [TERRAFORM, CLOUDFORMATION], ids=["terraform", "cloudformation"])
def test_every_name_of_another_tool_is_ours_or_suggests_what_to_write(names_by_table):
    kinds = all_kinds()
    assert [
        (table, name)
        for table, names in names_by_table.items()
        for name in names.split()
        if name not in kinds[table].members and not find_field_for_alias(kinds[table], name)
    ] == []


@pytest.mark.parametrize("table", all_kinds())
def test_every_member_of_the_api_that_is_a_field_suggests_the_field(table):
    kind = all_kinds()[table]
    members = {(field, member.api.rpartition(".")[2]) for field, member in kind.members.items() if member.api}
    assert [
        (field, name) for field, name in members if name != field and find_field_for_alias(kind, name) is None
    ] == []


def test_aliases_are_of_kinds_and_none_hides_a_field():
    kinds = all_kinds()
    assert set(_ALIASES) <= set(kinds)
    assert [
        (table, alias)
        for table, aliases in _ALIASES.items()
        for alias in aliases
        if alias in kinds[table].members
    ] == []


@pytest.mark.parametrize(
    ("table", "name", "text"),
    [
        ("certificates", "active", 'status = "ACTIVE"'),
        ("ca_certificates", "registration_config", "registration_template"),
        ("ca_certificates", "RegistrationConfig", "registration_template"),
        ("things", "ThingName", "the table's name, as in [things.NAME]"),
        ("things", "name", "the table's name, as in [things.NAME]"),
        ("things", "thingTypeName", "thing_type"),
        ("policies", "PolicyDocument", "document"),
        ("role_aliases", "alias", "the table's name, as in [role_aliases.NAME]"),
        ("things", "tags", "attributes of things or thing groups: AWS has no tags for this kind"),
        ("thing_groups", "nonsense", None),
    ],
)
def test_a_name_of_another_tool_suggests_our_key(table, name, text):
    assert find_field_for_alias(all_kinds()[table], name) == text
