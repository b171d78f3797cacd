"""Role aliases: found by name, changed in place."""

from __future__ import annotations

from reconciler.kinds.role_aliases import RoleAlias
from reconciler.model.resource import Live
from tests.support.desired_states import ROLE, resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    calls_of,
    change_to,
    create_calls,
    delete_calls,
    iot,
    read,
    tag_list,
)

ARN = build_arn("rolealias/a")
OTHER = "arn:aws:iam::123456789012:role/other"


def live(spec: RoleAlias) -> Live:
    return Live("a", spec, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS})


def test_a_new_one_is_one_call_with_its_marks():
    assert create_calls(resource("role_aliases", "a", RoleAlias(ROLE))) == [
        iot(
            "CreateRoleAlias",
            roleAlias="a",
            roleArn=ROLE,
            credentialDurationSeconds=3600,
            tags=tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_what_is_there_is_described_one_by_one_for_the_list_has_only_names():
    def describe(asked):
        found = {
            "roleAlias": asked["roleAlias"],
            "roleAliasArn": build_arn(f"rolealias/{asked['roleAlias']}"),
            "roleArn": ROLE,
        }
        return {"roleAliasDescription": {**found, "credentialDurationSeconds": 900}}

    answers = {
        "ListRoleAliases": {"roleAliases": ["a", "foreign"]},
        "DescribeRoleAlias": describe,
        "ListTagsForResource": lambda asked: {
            "tags": tag_list(OWNERSHIP_TAGS) if asked["resourceArn"] == ARN else []
        },
    }
    assert read("role_aliases", answers)[0] == [live(RoleAlias(ROLE, 900))]


def test_role_and_duration_change_in_place():
    after = resource("role_aliases", "a", RoleAlias(OTHER, 900))
    assert calls_of(change_to(after, live(RoleAlias(ROLE)))) == [
        iot("UpdateRoleAlias", roleAlias="a", roleArn=OTHER, credentialDurationSeconds=900)
    ]


def test_tags_alone_leave_the_role_alone():
    after = resource("role_aliases", "a", RoleAlias(ROLE, tags={"line": "A"}))
    assert calls_of(change_to(after, live(RoleAlias(ROLE)))) == [
        iot("TagResource", resourceArn=ARN, tags=tag_list({"line": "A"}))
    ]


def test_nothing_stands_in_the_way_of_its_deletion():
    assert delete_calls("role_aliases", live(RoleAlias(ROLE))) == [
        iot("DeleteRoleAlias", ignored_errors=NOT_FOUND, roleAlias="a")
    ]
