"""A CloudFormation template becomes tables; values of the deployed stack become variables."""

from __future__ import annotations

import json

import pytest

from reconciler.convert.cloudformation_template import parse_stack_resources, parse_template
from reconciler.model.errors import ReconcilerError
from tests.support import pki
from tests.support.template_conversion import convert, list_tables

CERTIFICATE = pki.Authority("Factory").issue("pump-1")
TEMPLATE = """\
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Site: { Type: String, Default: oslo }
  Role: { Type: String }
  Token: { Type: String, NoEcho: true, Default: hunter2 }
  Stage: { Type: String, Default: dev }
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsOslo: !And [!Equals [!Ref Site, oslo], !Not [!Condition IsProd]]
  IsUnknown: !Equals [!Ref Role, a]
Mappings:
  Descriptions: { dev: { text: For development }, prod: { text: For production } }
Resources:
  DeviceRole: { Type: "AWS::IAM::Role", Properties: {} }
  PumpType:
    Type: AWS::IoT::ThingType
    Properties:
      ThingTypeName: pump
      DeprecateThingType: "true"
      ThingTypeProperties:
        ThingTypeDescription: A pump
        SearchableAttributes: [site]
        Mqtt5Configuration: { PropagatingAttributes: [{ UserPropertyKey: s, ThingAttribute: site }] }
      Tags: [{ Key: team, Value: a }]
  Group:
    Type: AWS::IoT::ThingGroup
    Properties:
      ThingGroupName: !Sub "${Site}-pumps"
      ThingGroupProperties:
        ThingGroupDescription: !FindInMap [Descriptions, !Ref Stage, text]
        AttributePayload: { Attributes: { site: !If [IsOslo, !Ref Site, elsewhere] } }
  ChildGroup:
    Type: AWS::IoT::ThingGroup
    Properties: { ThingGroupName: child, ParentGroupName: !Ref Group }
  Dynamic:
    Type: AWS::IoT::ThingGroup
    Properties: { ThingGroupName: late, QueryString: "attributes.site:oslo" }
  Billing:
    Type: AWS::IoT::BillingGroup
    Properties: { BillingGroupName: line, BillingGroupProperties: { BillingGroupDescription: A line } }
  Telemetry:
    Type: AWS::IoT::Policy
    Properties:
      PolicyName: telemetry
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: iot:Publish
            Resource:
              - !Sub "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:topic/${!iot:ClientId}/{var.x}"
              - !GetAtt Group.Arn
  Pump:
    Type: AWS::IoT::Thing
    Properties:
      ThingName: !Join ["-", [!Select [1, !Split [",", "a,pump"]], "1"]]
      AttributePayload:
        Attributes: { site: !Ref Site, token: !Ref Token, none: !Ref "AWS::NoValue" }
  Nameless:
    Type: AWS::IoT::Thing
  OnlyProd:
    Type: AWS::IoT::Thing
    Condition: IsProd
    Properties: { ThingName: prod-pump }
  Unknown:
    Type: AWS::IoT::Thing
    Condition: IsUnknown
    Properties: { ThingName: unknown-pump }
  Alias:
    Type: AWS::IoT::RoleAlias
    Properties: { RoleAlias: fleet, RoleArn: !GetAtt DeviceRole.Arn, CredentialDurationSeconds: "1800" }
  Metric:
    Type: AWS::IoT::FleetMetric
    Properties:
      { MetricName: m, QueryString: "*", AggregationField: registry.version, Period: 60,
        AggregationType: { Name: Statistics, Values: [count] } }
  Claim:
    Type: AWS::IoT::ProvisioningTemplate
    Properties:
      TemplateName: claim
      ProvisioningRoleArn: !Ref Role
      Enabled: true
      TemplateType: JITP
      TemplateBody: '{"Resources": {}}'
  Ca:
    Type: AWS::IoT::CACertificate
    Properties:
      CACertificatePem: !Ref CaPem
      Status: INACTIVE
      AutoRegistrationStatus: ENABLE
      CertificateMode: SNI_ONLY
      RegistrationConfig: { TemplateName: !Ref Claim }
  Cert:
    Type: AWS::IoT::Certificate
    Properties: { Status: ACTIVE, CertificateMode: SNI_ONLY, CertificatePem: !Ref CertificatePem }
  Issued:
    Type: AWS::IoT::Certificate
    Properties: { Status: ACTIVE, CertificateSigningRequest: x }
  PumpCert:
    Type: AWS::IoT::ThingPrincipalAttachment
    Properties: { ThingName: !Ref Pump, Principal: !GetAtt Cert.Arn }
  CertPolicy:
    Type: AWS::IoT::PolicyPrincipalAttachment
    Properties: { PolicyName: !Ref Telemetry, Principal: !GetAtt Cert.Arn }
  Other: { Type: "AWS::IoT::NotYetKnown", Properties: {} }
"""
CA = pki.Authority("Factory").pem
PARAMETERS = {"CaPem": CA, "CertificatePem": CERTIFICATE}


@pytest.fixture(scope="module")
def template():
    parameters = "".join(f"  {name}: {{ Type: String }}\n" for name in PARAMETERS)
    return TEMPLATE.replace("Parameters:\n", f"Parameters:\n{parameters}")


def test_every_resource_becomes_a_table_and_every_attachment_a_field(template):
    conversion = convert(template, PARAMETERS)
    tables = list_tables(conversion)
    document = json.loads(tables["policies.telemetry"].pop("document"))
    prefix = "arn:{aws.partition}:iot:{aws.region}:{aws.account}"
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iot:Publish",
                "Resource": [
                    f"{prefix}:topic/${{iot:ClientId}}/{{{{var.x}}}}",
                    f"{prefix}:thinggroup/oslo-pumps",
                ],
            }
        ],
    }
    assert tables == {
        "policies.telemetry": {},
        "thing_types.pump": {
            "description": "A pump",
            "searchable_attributes": ["site"],
            "propagating_attributes": [{"user_property_key": "s", "thing_attribute": "site"}],
            "deprecated": True,
            "tags": {"team": "a"},
        },
        "thing_groups.oslo-pumps": {"description": "For development", "attributes": {"site": "oslo"}},
        "thing_groups.child": {"parent": "oslo-pumps"},
        "dynamic_thing_groups.late": {"query_string": "attributes.site:oslo"},
        "billing_groups.line": {"description": "A line"},
        "things.pump-1": {"attributes": {"site": "oslo", "token": "{var.Token}"}, "certificates": ["pump-1"]},
        "role_aliases.fleet": {"role_arn": "{var.DeviceRole_Arn}", "credential_duration_seconds": 1800},
        "fleet_metrics.m": {
            "query_string": "*",
            "aggregation_type": {"name": "Statistics", "values": ["count"]},
            "aggregation_field": "registry.version",
            "period": 60,
        },
        "provisioning_templates.claim": {
            "body": '{"Resources": {}}',
            "provisioning_role_arn": "{var.Role}",
            "type": "JITP",
            "enabled": True,
        },
        "ca_certificates.Ca": {
            "pem": CA,
            "certificate_mode": "SNI_ONLY",
            "status": "INACTIVE",
            "auto_registration": True,
            "registration_template": "claim",
        },
        "certificates.pump-1": {
            "pem": CERTIFICATE,
            "certificate_mode": "SNI_ONLY",
            "policies": ["telemetry"],
        },
    }  # fmt: skip
    assert conversion.notes == ()


def test_resources_of_device_defender_become_tables():
    conversion = convert("""\
Resources:
  Alarms:
    Type: AWS::IoT::Dimension
    Properties: { Name: alarms, Type: TOPIC_FILTER, StringValues: ["plants/+/alarms"] }
  Battery:
    Type: AWS::IoT::CustomMetric
    Properties: { MetricName: battery, MetricType: number, DisplayName: Battery }
  Audit:
    Type: AWS::IoT::ScheduledAudit
    Properties: { ScheduledAuditName: audit, Frequency: MONTHLY, DayOfMonth: "1", TargetCheckNames: [LOGGING_DISABLED_CHECK] }
  Group:
    Type: AWS::IoT::ThingGroup
    Properties: { ThingGroupName: quarantine }
  Action:
    Type: AWS::IoT::MitigationAction
    Properties:
      ActionName: isolate
      RoleArn: arn:aws:iam::123456789012:role/mitigation
      ActionParams:
        AddThingsToThingGroupParams: { ThingGroupNames: [!Ref Group, other], OverrideDynamicGroups: true }
""")
    assert list_tables(conversion) == {
        "dimensions.alarms": {"string_values": ["plants/+/alarms"]},
        "custom_metrics.battery": {"metric_type": "number", "display_name": "Battery"},
        "scheduled_audits.audit": {
            "frequency": "MONTHLY",
            "day_of_month": "1",
            "target_check_names": ["LOGGING_DISABLED_CHECK"],
        },
        "thing_groups.quarantine": {},
        "mitigation_actions.isolate": {
            "role_arn": "arn:aws:iam::123456789012:role/mitigation",
            "action_params": {
                "add_things_to_thing_group_params": {
                    "thing_group_names": ["quarantine", {"id": "other"}],
                    "override_dynamic_groups": True,
                }
            },
        },
    }
    assert (conversion.left_out, conversion.notes) == ({}, ())


def test_a_certificate_provider_becomes_a_table():
    conversion = convert("""\
Resources:
  Signing:
    Type: AWS::IoT::CertificateProvider
    Properties:
      CertificateProviderName: factory
      LambdaFunctionArn: arn:aws:lambda:eu-west-1:123456789012:function:sign
      AccountDefaultForOperations: [CreateCertificateFromCsr]
      Tags: [{ Key: line, Value: A }]
""")
    assert list_tables(conversion) == {
        "certificate_providers.factory": {
            "lambda_function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:sign",
            "account_default_for_operations": ["CreateCertificateFromCsr"],
            "tags": {"line": "A"},
        }
    }
    assert (conversion.left_out, conversion.notes) == ({}, ())


def test_a_security_profile_gets_its_targets_by_type():
    conversion = convert("""
Resources:
  Battery:
    Type: AWS::IoT::CustomMetric
    Properties: { MetricName: battery, MetricType: number }
  Group:
    Type: AWS::IoT::ThingGroup
    Properties: { ThingGroupName: pumps }
  Dynamic:
    Type: AWS::IoT::ThingGroup
    Properties: { ThingGroupName: oslo, QueryString: "attributes.site:oslo" }
  Profile:
    Type: AWS::IoT::SecurityProfile
    Properties:
      SecurityProfileName: pumps
      SecurityProfileDescription: Pumps
      AdditionalMetricsToRetainV2: [{ Metric: aws:num-disconnects }]
      AlertTargets: { SNS: { AlertTargetArn: "arn:aws:sns:eu-west-1:123456789012:a", RoleArn: "arn:aws:iam::123456789012:role/a" } }
      Behaviors:
        - { Name: battery, Metric: !Ref Battery, Criteria: { ComparisonOperator: less-than, Value: { Number: 5 }, ConsecutiveDatapointsToAlarm: 1 } }
        - { Name: messages, Metric: "aws:num-messages-sent", MetricDimension: { DimensionName: alarms, Operator: NOT_IN } }
      TargetArns:
        - !GetAtt Group.Arn
        - !GetAtt Dynamic.Arn
        - "arn:aws:iot:eu-west-1:123456789012:thinggroup/others"
        - !Sub "arn:aws:iot:${AWS::Region}:${AWS::AccountId}:all/registered-things"
""")
    assert list_tables(conversion)["security_profiles.pumps"] == {
        "description": "Pumps",
        "behaviors": [
            {
                "name": "battery",
                "metric": "battery",
                "criteria": {"comparison_operator": "less-than", "value": {"number": 5.0}},
            },
            {
                "name": "messages",
                "metric": "aws:num-messages-sent",
                "metric_dimension": {"dimension_name": {"id": "alarms"}, "operator": "NOT_IN"},
            },
        ],
        "alert_targets": {
            "SNS": {
                "alert_target_arn": "arn:aws:sns:eu-west-1:123456789012:a",
                "role_arn": "arn:aws:iam::123456789012:role/a",
            }
        },
        "additional_metrics_to_retain": [{"metric": "aws:num-disconnects"}],
        "thing_groups": ["pumps", {"arn": "arn:aws:iot:eu-west-1:123456789012:thinggroup/others"}],
        "dynamic_thing_groups": ["oslo"],
        "account_targets": ["registered-things"],
    }
    assert (conversion.left_out, conversion.notes) == ({}, ())


def test_a_job_template_becomes_a_table_with_its_configurations():
    conversion = convert("""\
Resources:
  Reboot:
    Type: AWS::IoT::JobTemplate
    Properties:
      JobTemplateId: reboot
      Description: Reboot
      Document: '{"operation": "reboot"}'
      JobArn: arn:aws:iot:eu-west-1:123456789012:job/first
      TimeoutConfig: { InProgressTimeoutInMinutes: 15 }
      PresignedUrlConfig: { RoleArn: "arn:aws:iam::123456789012:role/jobs", ExpiresInSec: 600 }
      JobExecutionsRolloutConfig:
        ExponentialRolloutRate:
          BaseRatePerMinute: 10
          IncrementFactor: 1.5
          RateIncreaseCriteria: { NumberOfSucceededThings: 50 }
      JobExecutionsRetryConfig:
        RetryCriteriaList: [{ FailureType: ALL, NumberOfRetries: 2 }]
      AbortConfig:
        CriteriaList: [{ FailureType: FAILED, Action: CANCEL, ThresholdPercentage: 10, MinNumberOfExecutedThings: 20 }]
      MaintenanceWindows: [{ StartTime: "cron(0 2 ? * SUN *)", DurationInMinutes: 120 }]
""")
    rate = {
        "base_rate_per_minute": 10,
        "increment_factor": 1.5,
        "rate_increase_criteria": {"number_of_succeeded_things": 50},
    }
    criteria = {
        "failure_type": "FAILED",
        "threshold_percentage": 10.0,
        "min_number_of_executed_things": 20,
    }
    assert list_tables(conversion) == {
        "job_templates.reboot": {
            "description": "Reboot",
            "document": '{"operation": "reboot"}',
            "presigned_url_config": {
                "role_arn": "arn:aws:iam::123456789012:role/jobs",
                "expires_in_sec": 600,
            },
            "job_executions_rollout_config": {"exponential_rate": rate},
            "abort_config": {"criteria_list": [criteria]},
            "timeout_config": {"in_progress_timeout_in_minutes": 15},
            "job_executions_retry_config": {
                "criteria_list": [{"failure_type": "ALL", "number_of_retries": 2}]
            },
            "maintenance_windows": [{"start_time": "cron(0 2 ? * SUN *)", "duration_in_minutes": 120}],
        }
    }
    assert (conversion.left_out, conversion.notes) == (
        {},
        ("Reboot: JobArn is left out; set document or document_source",),
    )


def test_a_software_package_and_its_versions_become_tables():
    conversion = convert("""\
Resources:
  Firmware:
    Type: AWS::IoT::SoftwarePackage
    Properties: { PackageName: firmware, Description: Pumps }
  First:
    Type: AWS::IoT::SoftwarePackageVersion
    Properties:
      PackageName: !Ref Firmware
      VersionName: 1.0.0
      Description: First
      Attributes: { platform: arm }
      Artifact: { S3Location: { Bucket: b, Key: k, Version: "3" } }
      Recipe: '{"operation": "install"}'
      Sbom: { S3Location: { Bucket: b, Key: s } }
      Tags: [{ Key: line, Value: A }]
  Other:
    Type: AWS::IoT::SoftwarePackageVersion
    Properties: { PackageName: elsewhere, VersionName: 1.0.0 }
  Unnamed:
    Type: AWS::IoT::SoftwarePackageVersion
    Properties: { PackageName: !Ref Firmware }
""")
    assert list_tables(conversion) == {
        "packages.firmware": {"description": "Pumps"},
        "package_versions.First": {
            "package": "firmware",
            "version_name": "1.0.0",
            "description": "First",
            "attributes": {"platform": "arm"},
            "artifact": {"s3_location": {"bucket": "b", "key": "k", "version": "3"}},
            "recipe": '{"operation": "install"}',
            "sbom": {"s3_location": {"bucket": "b", "key": "s"}},
            "tags": {"line": "A"},
        },
        "package_versions.Other": {"package": {"id": "elsewhere"}, "version_name": "1.0.0"},
    }
    assert (conversion.left_out, conversion.notes) == (
        {"Unnamed": "it has no name there; add --stack-resources"},
        (),
    )


def test_topic_rule_destinations_get_their_logical_ids_as_names():
    text = """\
Resources:
  Web:
    Type: AWS::IoT::TopicRuleDestination
    Properties: { Status: ENABLED, HttpUrlProperties: { ConfirmationUrl: "https://example.com/" } }
  Net:
    Type: AWS::IoT::TopicRuleDestination
    Properties: { VpcProperties: { VpcId: vpc-1, SubnetIds: [subnet-1], RoleArn: r } }
  Rule:
    Type: AWS::IoT::TopicRule
    Properties:
      RuleName: r
      TopicRulePayload:
        Sql: SELECT 1
        Actions: [{ Kafka: { DestinationArn: !GetAtt Net.Arn, Topic: t, ClientProperties: { acks: "1" } } }]
"""
    action = {"destination": "Net", "topic": "t", "client_properties": {"acks": "1"}}
    tables = {
        "topic_rule_destinations.Net": {
            "vpc": {"vpc_id": "vpc-1", "subnet_ids": ["subnet-1"], "role_arn": "r"}
        },
        "topic_rule_destinations.Web": {"http": {"confirmation_url": "https://example.com/"}},
        "topic_rules.r": {"sql": "SELECT 1", "actions": [{"kafka": action}]},
    }
    arn = "arn:aws:iot:eu-west-1:123456789012:ruledestination/vpc/7a280e37-b9c6-47a2-a751-0703693f46e4"
    assert list_tables(convert(text)) == tables
    assert list_tables(convert(text, physical_ids={"Net": arn})) == tables


def test_each_resource_left_out_has_a_reason(template):
    conversion = convert(template, PARAMETERS)
    assert conversion.left_out == {
        "Nameless": "it has no name there; add --stack-resources",
        "OnlyProd": "its condition IsProd is false with Stage = 'dev'; if the stack has other values, add --parameter NAME=VALUE",
        "Unknown": "a condition depends on values that are not in the template",
        "Issued": "its certificate is not there; import it with `reconciler adopt`",
        "Other": "no table declares AWS::IoT::NotYetKnown",
    }
    assert not {"OnlyProd", "Nameless", "Unknown"} & set(conversion.converted)


def test_a_parameter_without_echo_is_a_variable_and_its_default_is_not_written(template):
    conversion = convert(template, {**PARAMETERS, "Token": "swordfish"})
    assert conversion.variables.descriptions == {
        "Token": "the parameter Token of the template",
        "DeviceRole_Arn": "Arn of DeviceRole in the stack",
        "Role": "the parameter Role of the template",
    }
    assert "hunter2" not in repr(conversion)
    assert "swordfish" not in repr(conversion)


def test_parameters_choose_conditions_and_map_entries(template):
    tables = list_tables(convert(template, {**PARAMETERS, "Stage": "prod", "Role": "b"}))
    assert tables["thing_groups.oslo-pumps"] == {
        "description": "For production",
        "attributes": {"site": "elsewhere"},
    }
    assert "things.prod-pump" in tables
    assert "things.unknown-pump" not in tables


def test_the_stack_gives_names_that_the_template_does_not_have(template):
    physical_ids = parse_stack_resources(
        json.dumps(
            {"StackResources": [{"LogicalResourceId": "Nameless", "PhysicalResourceId": "stack-Nameless-1X"}]}
        ),
        "resources",
    )
    conversion = convert(template, PARAMETERS, physical_ids)
    assert "things.stack-Nameless-1X" in list_tables(conversion)
    assert "Nameless" in conversion.converted


def test_json_yaml_and_the_output_of_get_template_have_the_same_conversion():
    yaml = 'Resources: { T: { Type: "AWS::IoT::Thing", Properties: { ThingName: !Sub "a-${AWS::Region}" } } }'
    document = {
        "Resources": {
            "T": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Fn::Sub": "a-${AWS::Region}"}}}
        }
    }
    texts = (
        yaml,
        json.dumps(document),
        json.dumps({"TemplateBody": document}),
        json.dumps({"TemplateBody": yaml}),
    )
    assert [list_tables(convert(text)) for text in texts] == [{"things.a-{aws.region}": {}}] * 4


def test_keys_of_yaml_are_texts():
    assert parse_template("Resources: { 1: { Type: x, Properties: { 2: a } } }", "s") == {
        "Resources": {"1": {"Type": "x", "Properties": {"2": "a"}}}
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Resources: [",
            "s: not YAML: expected the node content, but found '<stream end>' in line 1, column 13",
        ),
        (
            "Resources: &a { b: *a }",
            "s: not YAML: an alias, which CloudFormation does not accept in line 1, column 20",
        ),
        ("a: b", "s: not a CloudFormation template, which has Resources"),
        ("- a", "s: not a CloudFormation template"),
        ('{"a": ', "s: not JSON: Expecting value in line 1, column 7"),
        ("x: " + "[" * 20_000, "s: nested too deeply"),
    ],
)
def test_another_text_is_rejected_with_the_next_step(text, message):
    with pytest.raises(ReconcilerError) as caught:
        parse_template(text, "s")
    assert str(caught.value) == f"{message}; check it with `aws cloudformation validate-template`"


def test_a_template_without_resources_of_aws_iot_is_rejected():
    with pytest.raises(ReconcilerError, match=r"has no AWS::IoT::\* resources among its 1 resources"):
        convert('{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}')


def test_a_parameter_that_the_template_does_not_declare_is_rejected(template):
    with pytest.raises(ReconcilerError, match="the template has no parameter 'Sites'; did you mean 'Site'"):
        convert(template, {"Sites": "x"})


def test_other_output_than_that_of_describe_stack_resources_is_rejected():
    with pytest.raises(ReconcilerError, match="r: has no StackResources; write it with `aws cloudformation"):
        parse_stack_resources("{}", "r")
