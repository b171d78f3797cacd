"""References in the fields of a spec, and in its inner tables at any depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import pytest
from attrs import evolve

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.members import from_members, to_members
from reconciler.kinds.base.references import (
    FieldReference,
    find_referenced_tables,
    find_references,
    iterate_references,
    replace_references,
)
from reconciler.kinds.base.schema import (
    find_nested_classes,
    get_members,
    get_types,
    is_spec_class,
    list_secret_members,
    member,
)
from reconciler.model.address import Address
from reconciler.model.resource import External, Reference
from reconciler.model.secret import Secret


@frozen
class GroupParams:
    names: tuple[Reference, ...] = member(
        "Groups.",
        api="CreateMitigationAction.actionParams.addThingsToThingGroupParams.thingGroupNames",
        references="thing_groups",
    )


@frozen
class ActionParams:
    groups: GroupParams | None = member(
        "Params.",
        api="CreateMitigationAction.actionParams.addThingsToThingGroupParams",
        default=None,
    )


@frozen
class Measure:
    metric: Reference = member(
        "Metric.",
        api="CreateSecurityProfile.behaviors.metric",
        references="custom_metrics",
        builtin_prefix="aws:",
    )


@frozen
class Plant:
    """A spec with references at three depths."""

    owner: Reference | None = member("Owner.", references="things", default=None)
    params: ActionParams | None = member("Params.", api="CreateMitigationAction.actionParams", default=None)
    measures: tuple[Measure, ...] = member("Measures.", api="CreateSecurityProfile.behaviors", default=())
    by_site: Mapping[str, Measure] = member("By site.", factory=dict)


PLANT = Plant(
    owner="pump",
    params=ActionParams(GroupParams(("b", External("outside"), "a"))),
    measures=(
        Measure("aws:num-messages"),
        Measure("level"),
        Measure(External("arn:aws:iot:::custommetric/x")),
    ),
    by_site={"oslo": Measure("heat")},
)


def test_references_have_the_path_of_their_field_in_the_inner_tables():
    assert list(iterate_references(PLANT)) == [
        FieldReference(("owner",), "things", "pump"),
        FieldReference(("params", "groups", "names", 0), "thing_groups", "b"),
        FieldReference(("params", "groups", "names", 1), "thing_groups", External("outside")),
        FieldReference(("params", "groups", "names", 2), "thing_groups", "a"),
        FieldReference(("measures", 1, "metric"), "custom_metrics", "level"),
        FieldReference(("measures", 2, "metric"), "custom_metrics", External("arn:aws:iot:::custommetric/x")),
        FieldReference(("by_site", "oslo", "metric"), "custom_metrics", "heat"),
    ]


def test_the_field_of_a_reference_has_no_index_of_its_array():
    fields = {reference.field for reference in iterate_references(PLANT)}
    assert fields == {
        "owner",
        "params.groups.names",
        "measures[1].metric",
        "measures[2].metric",
        "by_site.oslo.metric",
    }


def test_a_spec_depends_on_what_its_inner_tables_refer_to():
    assert set(find_references(PLANT)) == {
        Address("things", "pump"),
        Address("thing_groups", "b"),
        Address("thing_groups", "a"),
        Address("custom_metrics", "level"),
        Address("custom_metrics", "heat"),
    }


def test_a_spec_class_refers_to_the_tables_of_its_inner_classes():
    assert find_referenced_tables(Plant) == {"things", "thing_groups", "custom_metrics"}


def test_replaced_references_of_an_array_are_sorted_and_each_is_in_it_once():
    replaced = replace_references(
        PLANT, lambda reference, table: "a" if table == "thing_groups" else reference
    )
    assert replaced == evolve(PLANT, params=ActionParams(GroupParams(("a",))))


def test_references_without_a_replacement_are_left_out_of_an_array():
    replaced = replace_references(PLANT, lambda reference, _: None if reference == "b" else reference)
    assert replaced == evolve(PLANT, params=ActionParams(GroupParams(("a", External("outside")))))


def test_a_spec_whose_references_stay_is_the_same_object():
    plant = evolve(PLANT, params=None)
    assert replace_references(plant, lambda reference, _: reference) is plant


def test_members_have_the_names_of_resources_and_responses_become_references_outside():
    members = to_members(PLANT)
    assert members == {
        "actionParams": {"addThingsToThingGroupParams": {"thingGroupNames": ["b", "outside", "a"]}},
        "behaviors": [{"metric": "aws:num-messages"}, {"metric": "level"}, {"metric": "x"}],
    }
    assert from_members(Plant, members) == Plant(
        params=ActionParams(GroupParams((External("b"), External("outside"), External("a")))),
        measures=(Measure("aws:num-messages"), Measure(External("level")), Measure(External("x"))),
    )


def test_only_names_outside_the_file_are_checked_in_inner_tables():
    params = ActionParams(GroupParams(("any text!", External("outside"), External("not valid!"))))
    constraints = ServiceModelConstraints()
    problems = constraints.find_violations("iot", "CreateMitigationAction.actionParams", params)
    assert [(problem.path, problem.problem) for problem in problems] == [
        (("groups", "names", 2), "'not valid!' is not accepted by AWS")
    ]


@pytest.mark.parametrize("kind", all_kinds().values(), ids=all_kinds())
def test_the_classes_that_annotations_name_are_those_of_the_resolved_types(kind):
    for spec_class in list_spec_classes(kind.spec_class):
        types = get_types(spec_class)
        nested = {name: list(find_classes(annotation)) for name, annotation in types.items()}
        assert {name: list(classes) for name, classes in find_nested_classes(spec_class).items()} == nested


@pytest.mark.parametrize("kind", all_kinds().values(), ids=all_kinds())
def test_the_members_with_secrets_are_those_whose_resolved_types_have_them(kind):
    expected = {
        member.api.rpartition(".")[2]
        for spec_class in list_spec_classes(kind.spec_class)
        for name, member in get_members(spec_class).items()
        if member.api and has_secret(get_types(spec_class)[name])
    }
    assert list_secret_members(kind.spec_class) == expected


def list_spec_classes(spec_class):
    classes = [spec_class]
    for annotation in get_types(spec_class).values():
        classes += [inner for nested in find_classes(annotation) for inner in list_spec_classes(nested)]
    return classes


def find_classes(annotation):
    if isinstance(annotation, type) and is_spec_class(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from find_classes(argument)


def has_secret(annotation):
    return annotation is Secret or any(map(has_secret, get_args(annotation)))
