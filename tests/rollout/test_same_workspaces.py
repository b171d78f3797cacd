"""Two environments that turn out to be the same workspace are rejected when they are planned together."""

from __future__ import annotations

import pytest

from reconciler.model.errors import PlanRejectedError
from reconciler.rollout import Rollout
from tests.support.registry_server import serve_registry

FILE = """
[workspace]
name = "w"
target = "{url}"
region = "eu-west-1"
[environments.a]
[environments.b]
account = "123456789012"
[environments.c]
account = "333333333333"
[things.t]
"""


def test_environments_whose_credentials_are_of_the_same_account_are_rejected(tmp_path):
    path = tmp_path / "desired_state.toml"
    with serve_registry() as server:
        path.write_text(FILE.replace("{url}", server.url))
        rollout = Rollout(path)
        plan = rollout.plan()
        assert [response.status for response in plan.responses] == ["planned", "rejected", "planned"]
        assert plan.responses[1].error.startswith("is the same workspace as environment 'a': 'w'")
        with pytest.raises(PlanRejectedError, match="b: is the same workspace as environment 'a'"):
            rollout.apply(plan)
        drift = rollout.drift()
        assert [(response.status, response.error) for response in drift.responses] == [
            ("drifted", ""),
            ("rejected", plan.responses[1].error),
            ("drifted", ""),
        ]
        alone = Rollout(path, ["b", "c"]).plan()
        assert [response.status for response in alone.responses] == ["planned", "planned"]
