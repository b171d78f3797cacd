"""Static thing groups and their members."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:thinggroup/"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


def create_tree(iot, tree, parent=None):
    """Create a tree of groups from nested dicts."""
    for name, children in tree.items():
        parent_params = {} if parent is None else {"parentGroupName": parent}
        iot.create_thing_group(thingGroupName=name, **parent_params)
        create_tree(iot, children, name)


def build_items(*names):
    return [{"groupName": name, "groupArn": ARN + name} for name in names]


def list_members(iot, group, **extra):
    return iot.list_things_in_thing_group(thingGroupName=group, **extra)["things"]


def test_a_group_is_described_as_it_was_created(iot):
    properties = {"thingGroupDescription": "a hall", "attributePayload": {"attributes": {"site": "oslo"}}}
    tags = [{"Key": "reconciler:workspace", "Value": "greenhouse"}]
    created = remove_metadata(
        iot.create_thing_group(thingGroupName="hall", thingGroupProperties=properties, tags=tags)
    )
    described = remove_metadata(iot.describe_thing_group(thingGroupName="hall"))

    assert created == {
        "thingGroupName": "hall",
        "thingGroupArn": ARN + "hall",
        "thingGroupId": described["thingGroupId"],
    }
    assert described == {
        **created,
        "version": 1,
        "thingGroupProperties": properties,
        "thingGroupMetadata": {"creationDate": START_TIME},
    }
    assert iot.list_tags_for_resource(resourceArn=ARN + "hall")["tags"] == tags


def test_a_group_is_described_with_its_ancestors(iot):
    create_tree(iot, {"site": {"hall": {"row": {}}}})

    assert iot.describe_thing_group(thingGroupName="row")["thingGroupMetadata"] == {
        "parentGroupName": "hall",
        "rootToParentThingGroups": build_items("site", "hall"),
        "creationDate": START_TIME,
    }


def test_repeating_a_creation_succeeds_but_other_parameters_raise_409(iot):
    tags = [{"Key": "line", "Value": "A"}]
    first = remove_metadata(iot.create_thing_group(thingGroupName="hall", tags=tags))

    assert remove_metadata(iot.create_thing_group(thingGroupName="hall", tags=tags)) == first
    # Tags are compared only if the request has some.
    assert remove_metadata(iot.create_thing_group(thingGroupName="hall")) == first
    expected = ("ResourceAlreadyExistsException", 409)
    different = {"thingGroupProperties": {"thingGroupDescription": "other"}}
    assert catch_error(iot.create_thing_group, thingGroupName="hall", **different) == expected
    assert catch_error(iot.create_thing_group, thingGroupName="hall", tags=[{"Key": "line"}]) == expected


def test_updates_increment_the_version_and_a_stale_one_raises_version_conflict(iot):
    """See test_21 in facts/test_things.py; this test covers thing groups."""
    iot.create_thing_group(thingGroupName="hall")
    params = {"thingGroupName": "hall", "thingGroupProperties": {}}

    versions = [iot.update_thing_group(**params, expectedVersion=version)["version"] for version in (1, 2)]

    assert versions == [2, 3]
    expected = ("VersionConflictException", 409)
    assert catch_error(iot.update_thing_group, **params, expectedVersion=1) == expected
    assert catch_error(iot.delete_thing_group, thingGroupName="hall", expectedVersion=1) == expected
    iot.delete_thing_group(thingGroupName="hall", expectedVersion=3)
    assert iot.list_thing_groups()["thingGroups"] == []


def test_an_update_merges_or_replaces_attributes(iot):
    def update(**payload):
        iot.update_thing_group(thingGroupName="hall", thingGroupProperties={"attributePayload": payload})
        return iot.describe_thing_group(thingGroupName="hall")["thingGroupProperties"]

    iot.create_thing_group(
        thingGroupName="hall",
        thingGroupProperties={
            "thingGroupDescription": "a hall",
            "attributePayload": {"attributes": {"a": "1", "b": "2"}},
        },
    )

    merged = update(attributes={"a": "", "c": "3"}, merge=True)
    replaced = update(attributes={"d": "4"})
    emptied = update(attributes={})

    assert merged["attributePayload"] == {"attributes": {"b": "2", "c": "3"}}
    assert replaced == {"thingGroupDescription": "a hall", "attributePayload": {"attributes": {"d": "4"}}}
    assert emptied == {"thingGroupDescription": "a hall"}


def test_a_group_cannot_be_deleted_within_the_detach_lag_of_a_child(iot, clock):
    create_tree(iot, {"site": {"hall": {}}, "other": {}})
    iot.delete_thing_group(thingGroupName="hall")
    clock.advance(4.9)
    assert catch_error(iot.delete_thing_group, thingGroupName="site") == INVALID
    iot.delete_thing_group(thingGroupName="other")
    clock.advance(0.1)
    iot.delete_thing_group(thingGroupName="site")

    assert iot.list_thing_groups()["thingGroups"] == []


def test_deleting_a_group_with_children_fails_and_with_things_succeeds(iot, clock):
    """Tested over HTTP too, by test_20 in facts/test_things.py."""
    create_tree(iot, {"site": {"hall": {}}})
    iot.create_thing(thingName="pump-7")
    iot.add_thing_to_thing_group(thingGroupName="hall", thingName="pump-7")

    assert catch_error(iot.delete_thing_group, thingGroupName="site") == INVALID
    iot.delete_thing_group(thingGroupName="hall")
    clock.advance(5.0)
    iot.delete_thing_group(thingGroupName="site")
    iot.delete_thing_group(thingGroupName="missing")
    assert iot.list_thing_groups()["thingGroups"] == []
    assert iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"] == []


def test_a_hierarchy_has_at_most_seven_levels(iot):
    names = [f"level-{level}" for level in range(1, 8)]
    for parent, name in zip([None, *names], names, strict=False):
        iot.create_thing_group(thingGroupName=name, **({"parentGroupName": parent} if parent else {}))

    assert catch_error(iot.create_thing_group, thingGroupName="level-8", parentGroupName="level-7") == INVALID


def test_a_group_has_at_most_100_children(iot):
    create_tree(iot, {"site": {f"hall-{number}": {} for number in range(100)}})

    assert catch_error(iot.create_thing_group, thingGroupName="one-more", parentGroupName="site") == INVALID


def test_too_many_attributes_and_an_unknown_parent_are_rejected(iot):
    payload = {"attributes": {f"a{number}": "x" for number in range(51)}}

    error_with_attributes = catch_error(
        iot.create_thing_group, thingGroupName="hall", thingGroupProperties={"attributePayload": payload}
    )
    error_with_parent = catch_error(iot.create_thing_group, thingGroupName="hall", parentGroupName="none")

    assert (error_with_attributes, error_with_parent) == (INVALID, INVALID)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["site", "hall", "row", "hall-2", "yard"]),
        ({"recursive": False}, ["site", "yard"]),
        ({"parentGroup": "site"}, ["hall", "row", "hall-2"]),
        ({"parentGroup": "site", "recursive": False}, ["hall", "hall-2"]),
        ({"parentGroup": "yard"}, []),
        ({"namePrefixFilter": "hall"}, ["hall", "hall-2"]),
        ({"namePrefixFilter": "hall", "recursive": False}, []),
        ({"namePrefixFilter": "r", "parentGroup": "site"}, ["row"]),
    ],
)
def test_groups_can_be_filtered_by_parent_by_name_prefix_and_by_depth(iot, filters, expected):
    create_tree(iot, {"site": {"hall": {"row": {}}, "hall-2": {}}, "yard": {}})

    assert iot.list_thing_groups(**filters)["thingGroups"] == build_items(*expected)


def test_a_thing_can_be_added_and_removed_by_name_or_arn(iot):
    group = iot.create_thing_group(thingGroupName="hall")
    thing = iot.create_thing(thingName="pump-7")
    by_name = {"thingGroupName": "hall", "thingName": "pump-7"}
    by_arn = {"thingGroupArn": group["thingGroupArn"], "thingArn": thing["thingArn"]}

    for params in (by_name, by_arn, {**by_name, **by_arn}):
        iot.add_thing_to_thing_group(**params)
    assert list_members(iot, "hall") == ["pump-7"]
    assert iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"] == build_items("hall")
    for params in (by_arn, by_name):
        iot.remove_thing_from_thing_group(**params)
    assert list_members(iot, "hall") == []


@pytest.mark.parametrize(
    "params",
    [
        {"thingName": "pump-7"},
        {"thingGroupName": "hall"},
        {"thingGroupName": "hall", "thingGroupArn": ARN + "yard", "thingName": "pump-7"},
        {"thingGroupArn": "hall", "thingName": "pump-7"},
        {"thingGroupArn": ARN.replace("eu-west-1", "us-east-1") + "hall", "thingName": "pump-7"},
    ],
)
def test_omitted_conflicting_and_invalid_names_and_arns_are_rejected(iot, params):
    iot.create_thing_group(thingGroupName="hall")
    iot.create_thing(thingName="pump-7")

    assert catch_error(iot.add_thing_to_thing_group, **params) == INVALID
    assert catch_error(iot.remove_thing_from_thing_group, **params) == INVALID


def test_a_thing_cannot_be_in_two_groups_of_one_hierarchy(iot):
    create_tree(iot, {"site": {"hall": {}, "yard": {}}, "line": {}})
    iot.create_thing(thingName="pump-7")
    iot.add_thing_to_thing_group(thingGroupName="hall", thingName="pump-7")
    iot.add_thing_to_thing_group(thingGroupName="line", thingName="pump-7")

    for group in ("site", "yard"):
        assert catch_error(iot.add_thing_to_thing_group, thingGroupName=group, thingName="pump-7") == INVALID


def test_a_thing_is_in_at_most_10_groups(iot):
    iot.create_thing(thingName="pump-7")
    for number in range(11):
        iot.create_thing_group(thingGroupName=f"group-{number}")
    for number in range(10):
        iot.add_thing_to_thing_group(thingGroupName=f"group-{number}", thingName="pump-7")

    assert catch_error(iot.add_thing_to_thing_group, thingGroupName="group-10", thingName="pump-7") == INVALID


def test_a_recursive_listing_includes_the_things_of_descendants(iot):
    create_tree(iot, {"site": {"hall": {"row": {}}}})
    for name, group in (("a", "row"), ("b", "site"), ("c", "hall")):
        iot.create_thing(thingName=name)
        iot.add_thing_to_thing_group(thingGroupName=group, thingName=name)

    assert list_members(iot, "site") == ["b"]
    assert list_members(iot, "site", recursive=True) == ["a", "b", "c"]
    assert list_members(iot, "hall", recursive=True) == ["a", "c"]


def test_the_groups_of_a_thing_change_completely_or_not_at_all(iot):
    create_tree(iot, {"site": {"hall": {}, "yard": {}}, "line": {}})
    iot.create_thing(thingName="pump-7")
    iot.update_thing_groups_for_thing(thingName="pump-7", thingGroupsToAdd=["hall", "line"])
    iot.update_thing_groups_for_thing(
        thingName="pump-7", thingGroupsToAdd=["yard"], thingGroupsToRemove=["hall"]
    )
    hierarchy_error = catch_error(
        iot.update_thing_groups_for_thing,
        thingName="pump-7",
        thingGroupsToRemove=["line"],
        thingGroupsToAdd=["hall"],
    )
    duplicate_error = catch_error(
        iot.update_thing_groups_for_thing,
        thingName="pump-7",
        thingGroupsToRemove=["line"],
        thingGroupsToAdd=["line"],
    )

    assert (hierarchy_error, duplicate_error) == (INVALID, INVALID)
    assert iot.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"] == build_items("yard", "line")


def test_missing_groups_and_things_raise_resource_not_found(iot):
    iot.create_thing(thingName="pump-7")
    iot.create_thing_group(thingGroupName="hall")

    assert catch_error(iot.describe_thing_group, thingGroupName="none") == MISSING
    assert catch_error(iot.update_thing_group, thingGroupName="none", thingGroupProperties={}) == MISSING
    assert catch_error(iot.list_thing_groups, parentGroup="none") == MISSING
    assert catch_error(iot.list_things_in_thing_group, thingGroupName="none") == MISSING
    assert catch_error(iot.list_thing_groups_for_thing, thingName="none") == MISSING
    assert catch_error(iot.add_thing_to_thing_group, thingGroupName="none", thingName="pump-7") == MISSING
    assert catch_error(iot.add_thing_to_thing_group, thingGroupName="hall", thingName="none") == MISSING
