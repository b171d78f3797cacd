"""Role aliases: found by name, updated in place."""

from __future__ import annotations

from reconciler.kinds.role_aliases import RoleAlias
from reconciler.model.resource import Live
from tests.support.desired_states import ROLE_ARN, make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("rolealias/a")
OTHER_ROLE = "arn:aws:iam::123456789012:role/other"


def make_live(spec: RoleAlias) -> Live:
    return Live("a", spec, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS})


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_resource("role_aliases", "a", RoleAlias(ROLE_ARN))) == [
        make_iot_call(
            "CreateRoleAlias",
            roleAlias="a",
            roleArn=ROLE_ARN,
            credentialDurationSeconds=3600,
            tags=make_tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_every_alias_is_described_because_the_listing_has_only_names():
    def describe(params):
        description = {
            "roleAlias": params["roleAlias"],
            "roleAliasArn": build_arn(f"rolealias/{params['roleAlias']}"),
            "roleArn": ROLE_ARN,
            "credentialDurationSeconds": 900,
        }
        return {"roleAliasDescription": description}

    responses = {
        "ListRoleAliases": {"roleAliases": ["a", "foreign"]},
        "DescribeRoleAlias": describe,
        "ListTagsForResource": lambda params: {
            "tags": make_tag_list(OWNERSHIP_TAGS) if params["resourceArn"] == ARN else []
        },
    }
    live_resources, operations = read_kind("role_aliases", responses)
    assert operations.count("DescribeRoleAlias") == 2
    assert live_resources == [make_live(RoleAlias(ROLE_ARN, credential_duration_seconds=900))]


def test_role_and_duration_are_updated_in_place():
    after = make_resource("role_aliases", "a", RoleAlias(OTHER_ROLE, credential_duration_seconds=900))
    assert list_calls(make_change(after, make_live(RoleAlias(ROLE_ARN)))) == [
        make_iot_call("UpdateRoleAlias", roleAlias="a", roleArn=OTHER_ROLE, credentialDurationSeconds=900)
    ]


def test_an_update_of_tags_does_not_update_the_role():
    after = make_resource("role_aliases", "a", RoleAlias(ROLE_ARN, tags={"line": "A"}))
    assert list_calls(make_change(after, make_live(RoleAlias(ROLE_ARN)))) == [
        make_iot_call("TagResource", resourceArn=ARN, tags=make_tag_list({"line": "A"}))
    ]


def test_a_deletion_is_one_call():
    assert list_delete_calls("role_aliases", make_live(RoleAlias(ROLE_ARN))) == [
        make_iot_call("DeleteRoleAlias", ignored_errors=NOT_FOUND, roleAlias="a")
    ]
