"""Empty texts: AWS treats them as absent, so plans do not compare them."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.base.normalize import normalize_spec
from reconciler.kinds.base.tags import retag, select_user_tags
from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.job_templates import JobTemplate
from reconciler.kinds.provisioning_templates import Hook, ProvisioningTemplate
from reconciler.kinds.scheduled_audits import ScheduledAudit
from reconciler.kinds.shared.ca_certificate_spec import CaCertificate, CaVerification
from reconciler.kinds.shared.job_template_configs import PresignedUrlConfig, RolloutConfig
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.call import ApiCall
from reconciler.model.document import Document
from reconciler.model.pem import Pem

PRESIGNED = PresignedUrlConfig("role")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Thing(attributes={"note": "", "site": "oslo"}), Thing(attributes={"site": "oslo"})),
        (ThingGroup(description="", attributes={"note": ""}), ThingGroup()),
        (
            DynamicThingGroup("thingName:a", description="", query_version=""),
            DynamicThingGroup("thingName:a"),
        ),
    ],
    ids=["attributes", "description", "default"],
)
def test_an_empty_text_is_an_absent_one(spec, expected):
    assert normalize_spec(spec) == expected
    assert normalize_spec(expected) is expected


def test_an_inner_table_without_values_is_an_absent_one():
    rollout = RolloutConfig(exponential_rate=None)
    spec = JobTemplate("Reboot", job_executions_rollout_config=rollout, presigned_url_config=PRESIGNED)
    assert normalize_spec(spec) == JobTemplate("Reboot", presigned_url_config=PRESIGNED)
    ca = CaCertificate(Pem("a"), verification=CaVerification())
    assert normalize_spec(ca) is ca  # a verification is never sent as it is


def test_an_empty_text_in_an_inner_table_is_an_absent_one():
    spec = ScheduledAudit("DAILY", ("C",), day_of_month="")
    hook = Hook("arn", payload_version="")
    template = ProvisioningTemplate(Document.from_value({}), "role", pre_provisioning_hook=hook)
    assert normalize_spec(spec) == ScheduledAudit("DAILY", ("C",))
    assert normalize_spec(template) == evolve(template, pre_provisioning_hook=Hook("arn"))


def test_a_tag_without_a_value_and_a_required_text_stay():
    spec = ThingGroup(tags={"k": ""})
    assert normalize_spec(spec) is spec
    required = DynamicThingGroup("")
    assert normalize_spec(required) is required


def test_tags_of_awss_own_services_are_neither_compared_nor_removed():
    tags = {"aws:cloudformation:stack-name": "s", "AWS:x": "", "line": "A", "reconciler:workspace": "ws"}
    assert select_user_tags(tags) == {"line": "A"}
    assert list(retag("iot", "arn", tags, {"line": "B"})) == [
        ApiCall(
            "iot",
            "UntagResource",
            {"resourceArn": "arn", "tagKeys": ["reconciler:workspace"]},
            idempotent=True,
        ),
        ApiCall(
            "iot",
            "TagResource",
            {"resourceArn": "arn", "tags": [{"Key": "line", "Value": "B"}]},
            idempotent=True,
        ),
    ]
