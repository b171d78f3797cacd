"""Fault rules: which calls fail, and how."""

import pytest

from reconciler.registry.faults import FaultRule, Faults


def choose_fault_kinds(faults, operations):
    return [faults.choose_next_fault("iot", operation)[0] for operation in operations]


@pytest.mark.parametrize(
    ("glob", "matches"),
    [
        ("CreateThing", ["CreateThing"]),
        ("Create*", ["CreateThing", "CreatePolicy"]),
        ("iot:*Thing", ["CreateThing", "DeleteThing"]),
        ("iot-managed-integrations:*", []),
        ("creatething", []),
    ],
)
def test_a_rule_matches_operations_with_a_glob(glob, matches):
    operations = ["CreateThing", "CreatePolicy", "DeleteThing"]
    faults = Faults([FaultRule(glob, "throttle")])

    assert [name for name in operations if faults.choose_next_fault("iot", name)[0]] == matches


def test_a_rule_for_the_2nd_and_4th_call_counts_only_the_calls_that_match_it():
    faults = Faults([FaultRule("Create*", "error_after", calls=frozenset({2, 4}))])

    kinds = choose_fault_kinds(
        faults, ["CreateThing", "DeleteThing", "CreatePolicy", "CreateThing", "CreateThing"]
    )

    assert kinds == [None, None, "error_after", None, "error_after"]


def test_a_rule_applies_with_its_probability_and_to_the_same_calls_with_the_same_seed():
    def choose_with_seed(seed):
        return choose_fault_kinds(
            Faults([FaultRule("*", "throttle", probability=0.25)], seed), ["CreateThing"] * 2000
        )

    assert 430 < choose_with_seed(7).count("throttle") < 570  # 500 are expected
    assert choose_with_seed(7) == choose_with_seed(7)
    assert choose_with_seed(7) != choose_with_seed(8)


def test_the_first_rule_that_applies_decides_the_fault_and_delays_add_up():
    faults = Faults(
        [
            FaultRule("*", "delay", seconds=1.0),
            FaultRule("Delete*", "reset_before"),
            FaultRule("*", "throttle"),
            FaultRule("*", "delay", seconds=0.5),
        ]
    )

    assert faults.choose_next_fault("iot", "DeleteThing") == ("reset_before", 1.5)
    assert faults.choose_next_fault("iot", "CreateThing") == ("throttle", 1.5)


def test_without_rules_no_call_fails():
    assert Faults().choose_next_fault("iot", "CreateThing") == (None, 0.0)
