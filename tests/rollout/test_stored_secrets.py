"""Each environment of a rollout reads the secrets of its own account."""

from __future__ import annotations

from reconciler import Workspace
from reconciler.rollout import Rollout
from tests.support.rollouts import write_environments

TABLE = """
[provisioned_things.pump]
template = { file = "template.json" }
parameters = { Pin = { ssm = "/iot/{environment.name}" }, Name = "pump" }
"""
TEMPLATE = """{
"Parameters": {"Pin": {"Type": "String"}, "Name": {"Type": "String"}},
"Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {
  "ThingName": {"Ref": "Name"}, "AttributePayload": {"pin": {"Ref": "Pin"}}}}}}
"""


def test_each_environment_reads_its_own_account(tmp_path):
    path = write_environments(tmp_path / "files", 2, things=1, more=TABLE)
    (path.parent / "template.json").write_text(TEMPLATE)
    workspaces = {f"site-{number}": Workspace(path, environment=f"site-{number}") for number in (1, 2)}
    rollout = Rollout(path)
    failed = rollout.plan()
    problem = "there is no parameter /iot/{}; create it, or correct its name"
    assert {response.environment: problem.format(response.environment) in response.error for response in failed.responses} == {
        "site-1": True,
        "site-2": True,
    }  # fmt: skip
    for name, workspace in workspaces.items():
        workspace.client("ssm").put_parameter(
            Name=f"/iot/{name}", Value=f"pin-of-{name}", Type="SecureString"
        )
    assert rollout.apply(rollout.plan()).ok
    things = {
        name: workspace.client().describe_thing(thingName="pump")["attributes"]
        for name, workspace in workspaces.items()
    }
    assert things == {"site-1": {"pin": "pin-of-site-1"}, "site-2": {"pin": "pin-of-site-2"}}
