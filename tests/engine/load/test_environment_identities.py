"""Two environments that are the same workspace are an error, however the file writes it."""

from __future__ import annotations

import pytest

from reconciler.model.errors import InvalidDesiredStateError
from tests.support.environment_files import choose, load_state

ACCOUNT_OF_A = "916348801524"
"""The account of an environment `a` on the embedded registry, which follows from its name."""

ACCOUNT = "account = '111111111111'"
ROLE = "role_arn = 'arn:aws:iam::111111111111:role/deploy'"
AWS = "target = 'aws'"

SAME = {
    "the default Region": (ACCOUNT, f"{ACCOUNT}\nregion = 'eu-west-1'", {}),
    "the Region of AWS_REGION": (
        ACCOUNT,
        f"{ACCOUNT}\nregion = 'us-east-1'",
        {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-1"},
    ),
    "the Region of AWS_DEFAULT_REGION": (
        f"{AWS}\n{ACCOUNT}",
        f"{AWS}\n{ACCOUNT}\nregion = 'us-east-1'",
        {"AWS_DEFAULT_REGION": "us-east-1"},
    ),
    "the account of the role": (f"{AWS}\n{ACCOUNT}", f"{AWS}\n{ROLE}", {}),
    "the profile of AWS_PROFILE": (f"{AWS}\nprofile = 'x'", AWS, {"AWS_PROFILE": "x"}),
    "the default profile": (f"{AWS}\nprofile = 'default'", AWS, {}),
    "the case of a URL": ("target = 'HTTP://Registry:81/'", "target = 'http://registry:81'", {}),
    "the default port": ("target = 'https://registry:443'", "target = 'https://registry'", {}),
    "the names of this machine": ("target = 'http://127.0.0.1:81'", "target = 'http://localhost:81'", {}),
    "a variable": ("name = 'x'", "name = '{var.x}'\naccount = '{var.account}'", {}),
}

DIFFERENT = {
    "the credentials of variables": (f"{AWS}\nprofile = 'default'", AWS, {"AWS_ACCESS_KEY_ID": "x"}),
    "the port": ("target = 'http://registry:81'", "target = 'http://registry:82'", {}),
    "the scheme": ("target = 'http://registry'", "target = 'https://registry'", {}),
    "the account of an environment's name": ("", "", {}),
}


def load_both(folder, first: str, second: str, environ: dict[str, str]) -> list[str]:
    text = f"""
[workspace]
name = "w"
[variables]
x = "x"
account = "{ACCOUNT_OF_A}"
[environments.a]
{first}
[environments.b]
{second}
[things.t]
attributes = {{ x = "{{var.x}}{{var.account}}" }}
"""
    try:
        load_state(folder, {"desired_state.toml": text}, choose("a"), **environ)
    except InvalidDesiredStateError as error:
        return [str(diagnostic) for diagnostic in error.diagnostics]
    return []


@pytest.mark.parametrize("case", SAME)
def test_two_environments_that_are_the_same_workspace_are_an_error(tmp_path, case):
    (problem,) = load_both(tmp_path, *SAME[case])
    assert "error: environments.b: is the same workspace as environment 'a'" in problem


@pytest.mark.parametrize("case", DIFFERENT)
def test_two_environments_that_are_different_workspaces_are_valid(tmp_path, case):
    assert load_both(tmp_path, *DIFFERENT[case]) == []
