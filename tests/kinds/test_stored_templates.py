"""Stored provisioning templates are checked by `validate` and by the registry."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given

from reconciler.kinds.provisioning_templates import ProvisioningTemplate
from reconciler.kinds.shared.provisioning_template_checks import check_stored_template
from reconciler.model.document import Document
from reconciler.registry.templates.document import TemplateError
from reconciler.registry.templates.stored import check_stored_template as check_in_registry
from tests.support.desired_states import ROLE_ARN, make_resource
from tests.support.examples import examples
from tests.support.kind_driver import list_problems
from tests.support.stored_templates import ACCEPTED, REJECTED, almost_valid_templates, make_template


def list_template_problems(template):
    return [str(problem) for problem in check_stored_template(Document.from_value(template))]


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_template_that_can_provision_devices_is_accepted(name):
    assert list_template_problems(ACCEPTED[name]) == []
    check_in_registry(json.dumps(ACCEPTED[name]))


@pytest.mark.parametrize("name", REJECTED)
def test_a_template_that_cannot_provision_devices_is_rejected(name):
    template, problem, message = REJECTED[name]
    assert "; ".join(list_template_problems(template)) == problem
    with pytest.raises(TemplateError) as caught:
        check_in_registry(json.dumps(template))
    assert str(caught.value) == message


@pytest.mark.parametrize("template_type", ["FLEET_PROVISIONING", "JITP"])
def test_the_body_of_a_template_of_each_type_is_checked(template_type):
    body = Document.from_value(make_template(policy={}))
    spec = ProvisioningTemplate(body, provisioning_role_arn=ROLE_ARN, type=template_type)
    assert list_problems(make_resource("provisioning_templates", "t", spec)) == [
        "body.Resources.policy.Properties: AWS::IoT::Policy needs one of PolicyName, PolicyDocument; expected exactly one"
    ]
    assert (
        list_problems(
            make_resource(
                "provisioning_templates", "t", evolve(spec, body=Document.from_value(make_template()))
            )
        )
        == []
    )


def test_a_policy_in_a_template_that_allows_too_much_is_a_warning():
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    template = make_template(policy={"PolicyDocument": json.dumps(document)})
    (warning,) = check_stored_template(Document.from_value(template), "body")
    assert (warning.code, warning.severity) == ("policy-full-wildcard", "warning")
    assert warning.path == ("body", "Resources", "policy", "Properties", "PolicyDocument", "Statement")


def test_a_policy_document_as_an_object_is_rejected_in_a_jitp_template():
    template = make_template(policy={"PolicyDocument": {"Version": "2012-10-17", "Statement": []}})
    (problem,) = check_stored_template(Document.from_value(template), template_type="JITP")
    assert str(problem) == (
        "Resources.policy.Properties.PolicyDocument: a JSON object; expected the policy document as JSON text"
    )
    with pytest.raises(TemplateError):
        check_in_registry(json.dumps(template), "JITP")


@examples(100)
@given(almost_valid_templates())
def test_validate_and_the_registry_reject_the_same_templates(template):
    errors = [
        problem
        for problem in check_stored_template(Document.from_value(template))
        if problem.severity == "error"
    ]
    rejected_by = {"validate"} if errors else set()
    try:
        check_in_registry(json.dumps(template))
    except TemplateError:
        rejected_by.add("registry")
    assert rejected_by in (set(), {"validate", "registry"})
