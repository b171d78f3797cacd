"""The logging options of the account in Terraform; the other settings are in `terraform/fields.tf`."""

from __future__ import annotations

import pytest

from tests.support import terraform
from tests.support.registry_server import serve_registry

TERRAFORM = terraform.find_terraform()

pytestmark = [
    pytest.mark.skipif(isinstance(TERRAFORM, str), reason=str(TERRAFORM)),
    pytest.mark.xdist_group("Terraform"),  # one worker runs the slow fixtures
]

CONFIG = """
provider "aws" {}
resource "aws_iot_logging_options" "l" {
  role_arn          = "arn:aws:iam::123456789012:role/logging"
  default_log_level = "WARN"
}
"""


def test_terraform_applies_plans_and_destroys_the_logging_options(tmp_path):
    TERRAFORM.prepare(tmp_path, CONFIG)
    with serve_registry() as server:
        settings = terraform.build_provider_settings(server.url)
        commands = [
            ("apply", "-auto-approve", "-no-color"),
            ("plan", "-detailed-exitcode", "-no-color"),
            ("destroy", "-auto-approve", "-no-color"),
        ]
        results = [TERRAFORM.run(tmp_path, *command, provider_settings=settings) for command in commands]
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * len(commands)
