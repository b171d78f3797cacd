"""CloudFormation's functions are evaluated; what only the deployed stack knows becomes a variable."""

from __future__ import annotations

import json
import textwrap

from tests.support.template_conversion import convert, list_tables, read


def test_functions_of_the_deployed_stack_become_variables():
    text = """
    Resources:
      A:
        Type: AWS::IoT::RoleAlias
        Properties: { RoleAlias: a, RoleArn: !ImportValue shared-role }
      T:
        Type: AWS::IoT::Thing
        Properties: { ThingName: !GetAtt A.b.c }
    """
    conversion = convert(textwrap.dedent(text))
    assert list_tables(conversion) == {
        "role_aliases.a": {"role_arn": "{var.Fn_ImportValue}"},
        "things.{var.A_b_c}": {},
    }


def test_dynamic_references_become_variables_wherever_they_are_put_together():
    text = """
    Parameters:
      Stage: { Type: String, Default: dev }
      Path: { Type: "AWS::SSM::Parameter::Value<String>", Default: /path }
    Resources:
      T:
        Type: AWS::IoT::Thing
        Properties:
          ThingName: a
          AttributePayload:
            Attributes:
              plain: "x {{resolve:ssm:/site}} y"
              sub: !Sub "{{resolve:ssm:/${Stage}/site}}"
              join: !Join ["", ["{{resolve:secretsmanager:", !Ref Stage, ":SecretString:p}}"]]
              region: !Sub "{{resolve:ssm:/${AWS::Region}}}"
              parameter: !Ref Path
    """
    conversion = convert(textwrap.dedent(text))
    assert list_tables(conversion)["things.a"] == {
        "attributes": {
            "plain": "x {var.resolve_ssm_site} y",
            "sub": "{var.resolve_ssm_dev_site}",
            "join": "{var.resolve_secretsmanager_dev_SecretString_p}",
            "region": "{var.resolve_ssm_aws_region}",
            "parameter": "{var.Path}",
        }
    }
    assert (
        conversion.variables.descriptions["resolve_ssm_site"]
        == "the value of resolve:ssm:/site in the template"
    )


def test_a_chosen_region_decides_map_entries_and_conditions():
    text = """
    Mappings:
      Streams: { eu-west-1: { name: s1 }, cn-north-1: { name: s2 } }
    Conditions:
      IsChina: !Equals [!Ref "AWS::Partition", aws-cn]
    Resources:
      T:
        Type: AWS::IoT::Thing
        Properties:
          ThingName: !FindInMap [Streams, !Ref "AWS::Region", name]
          AttributePayload: { Attributes: { place: !If [IsChina, china, elsewhere] } }
    """
    tables = {
        region: list_tables(convert(textwrap.dedent(text), region=region))
        for region in ("eu-west-1", "cn-north-1")
    }
    assert tables == {
        "eu-west-1": {"things.s1": {"attributes": {"place": "elsewhere"}}},
        "cn-north-1": {"things.s2": {"attributes": {"place": "china"}}},
    }


def test_each_condition_is_evaluated_once():
    conditions = {"C0": {"Fn::Equals": ["a", "a"]}}
    for number in range(1, 90):
        conditions[f"C{number}"] = {"Fn::And": [{"Condition": f"C{number - 1}"}] * 2}
    resources = {
        "T": {"Type": "AWS::IoT::Thing", "Condition": "C89", "Properties": {"ThingName": "a"}},
    }
    template = json.dumps({"Conditions": conditions, "Resources": resources})
    assert list_tables(convert(template)) == {"things.a": {}}


def test_functions_that_are_not_valid_leave_only_their_resource_out():
    properties = [
        {"Fn::Join": "x"},
        {"Fn::Select": [9, []]},
        {"Fn::If": ["Missing", "a", "b"]},
        {"Fn::GetAtt": []},
    ]
    resources = {
        f"T{number}": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": value}}
        for number, value in enumerate([*properties, "good"])
    }
    conversion = convert(json.dumps({"Resources": resources}))
    assert list_tables(conversion) == {"things.good": {}}
    assert conversion.left_out.keys() == {"T0", "T1", "T2", "T3"}


def test_the_defaults_that_a_conversion_used_are_known():
    text = """
    Parameters:
      Site: { Type: String, Default: oslo }
      Stage: { Type: String, Default: dev }
      Unused: { Type: String, Default: x }
      Token: { Type: String, Default: secret, NoEcho: true }
    Resources:
      T:
        Type: AWS::IoT::Thing
        Properties: { ThingName: !Sub "${Site}-${Stage}-${Token}" }
    """
    source = read(textwrap.dedent(text), {"Stage": "prod"})
    assert source.assumed_parameters == {"Site": "oslo"}
