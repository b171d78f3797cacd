"""Roles that are not ARNs of IAM roles."""

import pytest

from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.role_aliases import RoleAlias
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.document import Document
from tests.support.desired_states import make_resource
from tests.support.kind_driver import list_problems

ROLE_ARN = "arn:aws:iam::123456789012:role/upload"


@pytest.mark.parametrize(
    "arn",
    [ROLE_ARN, ROLE_ARN.replace("aws", "aws-us-gov"), ROLE_ARN.replace("upload", "service-role/a+b"), None],
)
def test_the_arn_of_a_role_has_no_problem(arn):
    assert [*check_role_arn("role_arn", arn)] == []


@pytest.mark.parametrize(
    "arn",
    ["upload", "arn:aws:iam::123456789012:user/upload", "arn:aws:s3:::upload", "arn:aws:iam::1:role/upload"],
)
def test_every_role_that_is_not_the_arn_of_a_role_is_a_warning(arn):
    problem = f"{arn!r} is not the ARN of an IAM role; expected an ARN such as 'arn:aws:iam::123456789012:role/NAME'"
    alias = make_resource("role_aliases", "a", RoleAlias(arn))
    body = Document.from_value({"Resources": {}})
    template = make_resource("provisioning_templates", "a", ProvisioningTemplate(body, arn))
    assert list_problems(alias) == [f"role_arn: {problem}"]
    assert list_problems(template)[0] == f"provisioning_role_arn: {problem}"
