"""A file with several environments in one embedded registry, each in an account of its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reconciler import Workspace
from reconciler.registry import Registry, RegistrySettings
from tests.support.registry_client import REGION, Cloud

POLICY = '{"Version": "2012-10-17", "Statement": []}'


def write_environments(folder: Path, count: int, things: int = 2, *, more: str = "") -> Path:
    """Write a file with the environments `site-1`, `site-2`, …, each with the same things and a policy."""
    rows = ", ".join(
        f'{{ number = "{number}", account = "{_name_account(number)}" }}' for number in range(1, count + 1)
    )
    names = [f"pump-{number}" for number in range(1, things + 1)]
    tables = "".join(
        f'[things.{name}]\nattributes = {{ site = "{{var.site}}" }}\nthing_groups = ["pumps"]\n'
        for name in names
    )
    (folder / "policies").mkdir(parents=True, exist_ok=True)
    (folder / "policies/pumps.json").write_text(POLICY)
    path = folder / "desired_state.toml"
    path.write_text(f"""
[workspace]
name = "greenhouse"
region = "{REGION}"

[variables]
site = {{ type = "string" }}

[environments."site-{{number}}"]
for_each = [{rows}]
account = "{{account}}"
variables = {{ site = "site-{{number}}" }}

[thing_groups.pumps]

[policies.pumps]
document = {{ file = "policies/pumps.json" }}

{tables}
{more}
""")
    return path


def _name_account(number: int) -> str:
    return f"{number:012}"


def read_contents(path: Path, count: int) -> Mapping[str, Any]:
    """Return the content of each environment's account, without the leases."""
    registry_path = path.parent / ".reconciler/registry.sqlite3"
    return {f"site-{number}": _read_content(registry_path, number) for number in range(1, count + 1)}


def _read_content(registry_path: Path, number: int) -> dict[str, Any]:
    cloud = _create_cloud()
    cloud.registry.close()
    cloud.registry = Registry(registry_path, RegistrySettings(_name_account(number), REGION))
    return cloud.read_content()


@cache
def _create_cloud() -> Cloud:
    """Return the only cloud of this process; its clients are created once, because that is slow."""
    return Cloud()


def apply_directly(path: Path, count: int) -> Mapping[str, Any]:
    """Apply one environment after the other, without a rollout, and return the contents."""
    for number in range(1, count + 1):
        workspace = Workspace(path, environment=f"site-{number}")
        assert workspace.apply(workspace.plan()).ok
    return read_contents(path, count)
