"""Each environment is checked against the present summaries of all others, which are remembered."""

from __future__ import annotations

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.environment import EnvironmentChoice
from reconciler.model.errors import InvalidDesiredStateError
from tests.engine.load.test_bounded_work import count_calls

FILE = """\
[workspace]
name = "fleet"
target = "embedded"

[variables]
region = "eu-west-1"

[environments.a]
account = "111111111111"

[environments."{name}"]
for_each = { file = "others.csv" }
account = "{account}"
region = "{var.region}"

[things.pump]
"""
OTHERS = "name,account\nb,222222222222\n"
DUPLICATE = {"duplicate-environment"}


def write(folder, text=FILE, others=OTHERS):
    (folder / "fleet.toml").write_text(text)
    (folder / "others.csv").write_text(others)


def find_codes(folder, name="a", environ=None):
    """Return the codes of the errors, or of the warnings, of one environment."""
    choice = EnvironmentChoice(name, {}, ())
    path, constraints = folder / "fleet.toml", ServiceModelConstraints()
    try:
        state = load(path, constraints=constraints, environ=environ or {}, choice=choice)
    except InvalidDesiredStateError as error:
        return {diagnostic.code for diagnostic in error.diagnostics}
    return {warning.code for warning in state.warnings}


@pytest.mark.parametrize(
    ("files", "environ", "expected"),
    [
        ({"text": FILE.replace("111111111111", "222222222222")}, {}, DUPLICATE),
        ({"text": FILE.replace('"111111111111"', '"222222222222"\nregion = "us-east-1"')}, {}, set()),
        ({"text": FILE.replace("{var.region}", "eu-west-1")}, {}, {"unused-variable"}),
        ({"others": "name,account\nb,111111111111\n"}, {"AWS_REGION": "eu-west-1"}, DUPLICATE),
        ({"others": "name,account\nb,111111111111\n"}, {"AWS_REGION": "eu-west-2"}, set()),
        (
            {"others": "name,account\nb,111111111111\n"},
            {"AWS_REGION": "eu-west-2", "RECONCILER_VAR_region": "eu-west-2"},
            DUPLICATE,
        ),
    ],
    ids=["account", "account and region", "variable", "manifest", "region", "value of a variable"],
)
def test_a_change_that_concerns_another_environment_is_noticed_by_the_next_load(
    tmp_path, files, environ, expected
):
    write(tmp_path)
    assert find_codes(tmp_path) == set()
    write(tmp_path, **files)
    assert find_codes(tmp_path, environ=environ) == expected
    write(tmp_path)
    assert find_codes(tmp_path) == set()


def test_a_change_of_an_included_file_is_noticed_by_the_next_load(tmp_path):
    write(tmp_path, FILE.replace('region = "eu-west-1"\n', "").replace("[variables]", 'include = ["common"]'))
    (tmp_path / ".git").mkdir()
    common = tmp_path / "common"
    common.mkdir()
    others = "name,account\nb,111111111111\n"
    (tmp_path / "others.csv").write_text(others)
    for region, expected in (("eu-west-1", DUPLICATE), ("eu-west-2", set()), ("eu-west-1", DUPLICATE)):
        (common / "variables.toml").write_text(f'[variables]\nregion = "{region}"\n')
        assert find_codes(tmp_path, environ={"AWS_REGION": "eu-west-1"}) == expected


def test_the_load_of_each_environment_resolves_the_others_only_once(tmp_path):
    calls = []
    for count in (20, 120):
        rows = "".join(f"b{number},{200_000_000_000 + number}\n" for number in range(count))
        write(tmp_path, others=f"name,account\n{rows}")
        assert find_codes(tmp_path) == set()
        calls.append(count_calls(lambda: find_codes(tmp_path, "b7")))
    assert (calls[1] - calls[0]) / 100 <= 150
