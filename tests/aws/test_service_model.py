"""AWS's documented constraints on values, as in the installed service models."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.java_patterns import compile_pattern
from reconciler.aws.request_shapes import find_shape
from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.aws.session import create_core_session
from reconciler.engine.load.field_checks import MAX_UNCHECKED_DER_BYTES
from reconciler.kinds import all_kinds
from reconciler.kinds.base.schema import list_value_types
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.pem import Pem
from reconciler.service_models.loader import load_service_model

IOT, MANAGED = "iot", "iot-managed-integrations"


def find_violations(service: str, member: str, value: object, *, secret: bool = False) -> list[ValueProblem]:
    return list(ServiceModelConstraints().find_violations(service, member, value, secret=secret))


class TestMembers:
    def test_every_member_of_a_kind_is_in_the_service_model(self):
        members = {
            (kind.service, member.api)
            for kind in all_kinds().values()
            for member in kind.members.values()
            if member.api
        }
        members |= {(kind.service, kind.name_api) for kind in all_kinds().values() if kind.name_api}
        assert {(service, api) for service, api in members if find_shape(service, api) is None} == set()

    def test_a_certificate_that_loading_does_not_check_is_not_too_long_for_aws(self):
        limits = {
            find_shape(kind.service, member.api).max
            for kind in all_kinds().values()
            for member in kind.members.values()
            if member.api and Pem in list_value_types(kind.spec_class)[member.name]
        }
        text = Pem("", bytes(MAX_UNCHECKED_DER_BYTES)).text
        assert {limit for limit in limits if limit is not None and limit < len(text)} == set()

    @pytest.mark.parametrize(
        "member",
        ["CreateThings.thingName", "CreateThing.name", "CreateThing.thingName.deeper", "DescribeEndpoints.x"],
    )
    def test_an_unknown_member_raises_lookup_error(self, member):
        with pytest.raises(LookupError):
            find_violations(IOT, member, "x")

    def test_operations_are_those_of_the_service_model(self):
        operations = ServiceModelConstraints().list_operations(MANAGED)
        assert {"CreateManagedThing", "CreateThing"} & set(operations) == {"CreateManagedThing"}

    def test_creating_the_constraints_does_not_import_botocore(self):
        code = "import sys, reconciler.aws.service_model as m; m.ServiceModelConstraints(); print('botocore' in sys.modules)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout == "False\n"


class TestStrings:
    @pytest.mark.parametrize("name", ["a", "pump-7", "a:b_c", "n" * 128])
    def test_a_valid_value_has_no_problems(self, name):
        assert find_violations(IOT, "CreateThing.thingName", name) == []

    def test_a_string_can_be_too_long(self):
        assert find_violations(IOT, "CreateThing.thingName", "n" * 129) == [
            ValueProblem("too-long", "129 characters", "at most 128")
        ]

    def test_a_string_can_be_too_short(self):
        expected = [ValueProblem("too-short", "0 characters", "at least 1 and at most 128")]
        assert find_violations(IOT, "CreateThing.thingName", "") == expected

    def test_a_pattern_must_match_the_whole_value(self):
        expected = [
            ValueProblem("pattern-mismatch", r"'pump\n' is not accepted by AWS", "a match of [a-zA-Z0-9:_-]+")
        ]
        assert find_violations(IOT, "CreateThing.thingName", "pump\n") == expected

    def test_an_anchored_pattern_must_match_the_whole_value(self):
        (problem,) = find_violations(IOT, "CreateThingGroup.tags", {"a\n": "x"})
        assert problem.problem == r"the key: 'a\n' is not accepted by AWS"

    def test_an_invalid_choice_has_the_nearest_valid_one(self):
        valid = (
            "'ACTIVE', 'INACTIVE', 'REVOKED', 'PENDING_TRANSFER', 'REGISTER_INACTIVE', 'PENDING_ACTIVATION'"
        )
        assert [
            str(problem) for problem in find_violations(IOT, "UpdateCertificate.newStatus", "REVOCED")
        ] == [f"'REVOCED' is not valid; expected one of {valid}; did you mean 'REVOKED'?"]

    def test_a_secret_value_is_not_in_the_problem(self):
        member = "CreateManagedThing.AuthenticationMaterial"
        assert find_violations(MANAGED, member, "hunter²", secret=True) == [
            ValueProblem(
                "pattern-mismatch",
                "the value is not accepted by AWS",
                r'a match of [0-9A-Za-z!#$%&()*\+\-;<=>?@^_`{|}~\/: {},\\"]+',
            )
        ]
        assert find_violations(MANAGED, member, "x" * 513, secret=True) == [
            ValueProblem("too-long", "the value has the wrong length", "at most 512")
        ]
        (problem,) = find_violations(IOT, "UpdateCertificate.newStatus", "ACTIV", secret=True)
        assert (problem.problem, problem.nearest) == ("the value is not valid", None)

    def test_control_characters_in_a_problem_are_escaped(self):
        (problem,) = find_violations(IOT, "CreateThing.thingName", "\x1b[2J")
        assert problem.problem == r"'\x1b[2J' is not accepted by AWS"


class TestNumbers:
    MEMBER = "CreateManagedThing.WiFiSimpleSetupConfiguration.TimeoutInMinutes"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (5, []),
            (15, []),
            (4, [ValueProblem("out-of-range", "4 is too small", "at least 5")]),
            (16, [ValueProblem("out-of-range", "16 is too large", "at most 15")]),
        ],
    )
    def test_a_number_outside_its_bounds_is_a_problem(self, value, expected):
        assert find_violations(MANAGED, self.MEMBER, value) == expected


class TestMaps:
    MEMBER = "CreateThing.attributePayload.attributes"

    def test_map_keys_and_values_are_checked(self):
        assert find_violations(
            IOT, self.MEMBER, {"a b": "x", "site": "a b", "note": "n" * 801, "ok": ""}
        ) == [
            ValueProblem(
                "key-pattern-mismatch",
                "the key: 'a b' is not accepted by AWS",
                "a match of [a-zA-Z0-9_.,@/:#-]+",
                path=("a b",),
            ),
            ValueProblem(
                "pattern-mismatch",
                "'a b' is not accepted by AWS",
                r"a match of [a-zA-Z0-9_.,@/:#=\[\]-]*",
                path=("site",),
            ),
            ValueProblem("too-long", "801 characters", "at most 800", path=("note",)),
        ]

    def test_a_map_with_too_many_entries_is_a_problem(self):
        meta = {f"key{n}": "x" for n in range(51)}
        assert find_violations(MANAGED, "CreateManagedThing.MetaData", meta) == [
            ValueProblem("too-many-items", "51 entries", "at most 50")
        ]


class TestTags:
    @pytest.mark.parametrize(
        ("service", "member"),
        [
            (IOT, "CreateThingGroup.tags"),
            (IOT, "RegisterCACertificate.tags"),
            (MANAGED, "CreateManagedThing.Tags"),
        ],
    )
    def test_the_number_of_tags_their_lengths_and_their_prefixes_are_checked(self, service, member):
        tags = {f"key{n}": "x" for n in range(50)}
        assert find_violations(service, member, tags) == []
        assert find_violations(service, member, {**tags, "one more": "x"}) == [
            ValueProblem("too-many-items", "51 entries", "at most 50")
        ]
        assert find_violations(service, member, {"AWS:x": "x"}) == [
            ValueProblem("reserved-name", "the prefix 'aws:' is AWS's own", "another key", path=("AWS:x",))
        ]
        assert find_violations(service, member, {"note": "n" * 257}) == [
            ValueProblem("too-long", "257 characters", "at most 256", path=("note",))
        ]


class TestLists:
    def test_list_items_are_checked_with_their_index(self):
        assert find_violations(IOT, "UpdateThingGroupsForThing.thingGroupsToAdd", ["hall", "a b"]) == [
            ValueProblem(
                "pattern-mismatch", "'a b' is not accepted by AWS", "a match of [a-zA-Z0-9:_-]+", path=(1,)
            )
        ]


class TestPatterns:
    @pytest.mark.parametrize("service", [IOT, MANAGED])
    def test_every_pattern_of_the_service_models_compiles(self, service):
        model = load_service_model(service)
        patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names} - {None}
        assert {pattern for pattern in patterns if compile_pattern(pattern) is None} == set()

    @pytest.mark.parametrize(
        ("java_pattern", "match", "mismatch"),
        [
            (r"[\x{0022}]+", '""', "'"),
            (r"[a\x{005D}]+", "a]", "b"),
            (r"\x{2603}", "☃", "x"),
            (r"[\p{L}\p{N} ._-]+", "Größe 名前_1", "☃"),
            (r"[\p{Graph}\x20]*", "a b~!", "é"),
            (r"\p{Graph}", "~", "é"),
            (r"[^\p{Cntrl}]*", "é", "\x7f"),
            (r"[\p{Upper}\p{Digit}_]+", "A_1", "É"),
            (r"\d+", "09", "٣"),
            (r"\w+", "a_9", "é"),
            (r"[a-z[]+", "[a", "A"),
            (r"0[xX][0-9a-fA-F]+$|^[0-9]+", "0xAf", "Af"),
            (r"^[a-z]*$", "", "a\n"),
            (r"[\s\S]*", "any\n\tthing é", None),
        ],
    )
    def test_java_patterns_keep_their_meaning(self, java_pattern, match, mismatch):
        pattern = compile_pattern(java_pattern)
        assert pattern is not None
        assert pattern.fullmatch(match) is not None
        assert mismatch is None or pattern.fullmatch(mismatch) is None

    def test_an_invalid_pattern_is_not_compiled(self):
        assert compile_pattern("[a-z") is None


@given(name=st.text(max_size=200))
def test_a_thing_name_is_checked_as_documented(name):
    """API reference, CreateThing: 1 to 128 characters of [a-zA-Z0-9:_-]+."""
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-")
    is_valid = 1 <= len(name) <= 128 and set(name) <= allowed
    assert (find_violations(IOT, "CreateThing.thingName", name) == []) == is_valid


@pytest.mark.parametrize("service", [IOT, MANAGED])
def test_the_errors_of_a_service_are_those_that_botocore_finds(service):
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    names = [shape.name for shape in load_service_model(service).error_shapes]
    assert (names, len(names) > 5) == ([shape.name for shape in model.error_shapes], True)


@pytest.mark.parametrize("service", [IOT, MANAGED])
def test_sessions_the_embedded_registry_and_the_checks_of_a_file_share_the_parsed_models(service):
    loader = create_core_session().get_component("data_loader")
    parsed = loader.load_service_model(service, "service-2")["shapes"]
    assert load_service_model(service)._service_description["shapes"] is parsed
    member = "CreateThing.thingName" if service == IOT else "CreateManagedThing.Name"
    assert find_shape(service, member)._definitions is parsed
