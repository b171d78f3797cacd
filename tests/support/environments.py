"""A desired state with environments on the embedded registry: dev, then staging, then a group of two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reconciler.engine.ownership.lease import hold_lease
from reconciler.model.run import ProcessIdentity
from reconciler.workspace import Workspace

ENVIRONMENTS = ("dev", "staging", "prod-oslo", "prod-rome")

FILE = """\
[workspace]
name = "plant"

[variables]
firmware = "1.0"

[environments.dev]

[environments.staging]
after = ["dev"]
variables = { firmware = "1.1" }

[environments."prod-{site}"]
for_each = [{ site = "oslo" }, { site = "rome" }]
after = ["staging"]

[policies.telemetry]
document = { file = "telemetry.json" }

[thing_groups.pumps]
attributes = { firmware = "{var.firmware}" }
"""

DOCUMENT = """\
{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:{aws.region}:{aws.account}:topic/pumps"}
  ]
}
"""

OPEN_POLICY = """
[policies.open]
document = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] }
environments = ["dev"]
"""
"""A policy with a warning, which only dev has."""


def write_environments(folder: Path, *additions: str) -> None:
    """Write the file, with additions at its end, and the document of its policy."""
    (folder / "desired_state.toml").write_text(FILE + "".join(additions))
    (folder / "telemetry.json").write_text(DOCUMENT)


@contextmanager
def hold_lease_of(environment: str) -> Iterator[Callable[[], None]]:
    """Hold the lease of an environment in the current folder, as an apply on another machine does.

    Yields a function that releases it early.
    """
    holder = ProcessIdentity("alice", "another-host", 1, "", 0.0)
    call = Workspace(environment=environment).connection.call
    with ExitStack() as stack:
        stack.enter_context(hold_lease("plant", call, holder, machine="another-host"))
        yield stack.close


def count_thing_groups(environment: str) -> int:
    """Return how many groups `pumps` an environment's registry has: 1 or 0."""
    groups = Workspace(environment=environment).client().list_thing_groups()["thingGroups"]
    return sum(group["groupName"] == "pumps" for group in groups)
