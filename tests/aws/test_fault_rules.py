"""Reading the fault file that `--faults` names."""

from __future__ import annotations

import pytest

from reconciler.aws.fault_rules import load_faults
from reconciler.model.errors import TargetError


@pytest.fixture
def load(tmp_path):
    """A function that writes a fault file and loads it."""

    def write_and_load(text):
        file = tmp_path / "faults.toml"
        file.write_text(text)
        return load_faults(file)

    return write_and_load


def test_every_rule_of_a_fault_file_is_applied(load):
    faults = load(
        """
        seed = 3
        [[rules]]
        operation = "iot:Create*"
        kind = "error_after"
        calls = [2]
        [[rules]]
        operation = "*"
        kind = "delay"
        seconds = 2
        """
    )

    kinds_and_delays = [faults.choose_next_fault("iot", "CreateThing") for _ in range(3)]
    assert kinds_and_delays == [(None, 2.0), ("error_after", 2.0), (None, 2.0)]


def test_an_empty_fault_file_causes_no_faults(load):
    assert load("").choose_next_fault("iot", "CreateThing") == (None, 0.0)


def test_the_problems_of_all_rules_are_reported_at_once(load, tmp_path):
    with pytest.raises(TargetError) as caught:
        load(
            """
            [[rules]]
            operation = ""
            kind = "throttel"
            probabilty = 0.5
            probability = 2
            calls = [0]
            [[rules]]
            kind = "delay"
            """
        )

    kinds = "'throttle', 'error_before', 'error_after', 'reset_before', 'reset_after', 'delay'"
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        "faults.toml: rules[0].operation is the string ''; expected a glob such as \"iot:Create*\"",
        f"faults.toml: rules[0].kind is the string 'throttel'; expected one of {kinds}",
        "faults.toml: rules[0].probabilty is not a valid key; did you mean 'probability'?",
        "faults.toml: rules[0].probability is the integer 2; expected a number from 0 to 1",
        "faults.toml: rules[0].calls is an array; expected an array of one or more integers from 1, such as [1, 3]",
        "faults.toml: rules[0]: probability and calls cannot be combined",
        'faults.toml: rules[1].operation is missing; expected a glob such as "iot:Create*"',
        "faults.toml: rules[1]: seconds is required for kind = 'delay' and not allowed for others",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules = 3", "rules is the integer 3; expected tables [[rules]]"),
        ("rule = []", "rule is not a valid key; did you mean 'rules'?"),
        ("seed = true", "seed is true; expected an integer"),
    ],
)
def test_the_top_level_keys_of_a_fault_file_are_checked(load, tmp_path, text, problem):
    with pytest.raises(TargetError) as caught:
        load(text)

    assert str(caught.value) == f"{tmp_path / 'faults.toml'}: {problem}"


def test_invalid_toml_is_reported_with_its_line(load, tmp_path):
    with pytest.raises(TargetError) as caught:
        load("seed = 1\nrules = 1 2")

    assert str(caught.value).startswith(f"{tmp_path / 'faults.toml'}: ")
    assert "line 2" in str(caught.value)
