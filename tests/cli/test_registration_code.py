"""The registration code, with which another machine's CA signs its verification certificate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pki import Authority

WORKSPACE = '[workspace]\nname = "greenhouse"\nregion = "eu-west-1"\n'
CA = """
[ca_certificates.factory]
pem = { file = "ca.pem" }
verification = { certificate = { file = "verification.pem" } }
"""
ENVIRONMENTS = """
[environments.dev]
account = "111111111111"
[environments.prod]
account = "222222222222"
"""


def read_code(run, *words):
    code, stdout, stderr = run("registration-code", *words)
    assert (code, stderr) == (0, "")
    return stdout


def test_a_certificate_that_the_ca_signs_for_the_code_verifies_it(run):
    """The code is printed although the file refers to a verification certificate that does not exist yet."""
    Path("desired_state.toml").write_text(WORKSPACE + CA)
    code = read_code(run)
    ca = Authority("factory")
    Path("ca.pem").write_text(ca.pem)
    Path("verification.pem").write_text(ca.issue(code.rstrip()))
    assert run("apply", "--yes")[0] == 0
    assert read_code(run) == code


def test_each_account_has_a_code_of_its_own(run):
    Path("desired_state.toml").write_text(WORKSPACE + ENVIRONMENTS)
    assert read_code(run, "--env", "dev") == read_code(run, "--env", "dev")
    assert read_code(run, "--env", "dev") != read_code(run, "--env", "prod")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (WORKSPACE.replace("region", "regon"), "did you mean  region?"),
        (WORKSPACE + ENVIRONMENTS, "none is selected; choose one of dev, prod"),
        ("[workspace", "not valid TOML"),
    ],
)
def test_no_code_is_read_with_settings_that_are_not_valid(run, text, problem):
    Path("desired_state.toml").write_text(text)
    code, stdout, stderr = run("registration-code")
    assert (code, stdout, problem in stderr) == (1, "", True), stderr
