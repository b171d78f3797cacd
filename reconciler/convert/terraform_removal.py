"""How to remove converted resources from Terraform's state, without deleting them."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from reconciler.convert.source import SourceResource

_KEY = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')
"""The key of a module's instance in an address."""


def list_removable(resources: Iterable[SourceResource], converted: Collection[str]) -> Sequence[str]:
    """Return the addresses to remove: a block if all its instances were converted, else the instances."""
    resources = list(resources)
    converted = frozenset(converted)
    partial = {resource.block for resource in resources if resource.address not in converted}
    return list(
        dict.fromkeys(
            resource.address if resource.block in partial else resource.block
            for resource in resources
            if resource.address in converted
        )
    )


def format_state_rm(addresses: Iterable[str]) -> Sequence[str]:
    """Return the lines of the command that removes the addresses from the state."""
    lines = ["terraform state rm", *(f"  {shlex.quote(address)}" for address in addresses)]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def render_removed_blocks(resources: Iterable[SourceResource], converted: Collection[str]) -> str:
    """Return `removed` blocks, which make an apply remove the resources from the state and keep them.

    Terraform 1.7 and later has such blocks. They name blocks of the configuration, without keys, so for those of which only some
    instances were converted there is a comment. Source: Terraform, "Remove a resource from state".
    """
    converted = frozenset(converted)
    addresses_by_block: defaultdict[str, list[str]] = defaultdict(list)
    for resource in resources:
        addresses_by_block[_KEY.sub("", resource.block)].append(resource.address)
    blocks = []
    for block, addresses in addresses_by_block.items():
        if converted.issuperset(addresses):
            blocks.append(f"removed {{\n  from = {block}\n  lifecycle {{\n    destroy = false\n  }}\n}}\n")
            continue
        blocks += [
            f"# Only some instances are converted: terraform state rm {shlex.quote(address)}\n"
            for address in addresses
            if address in converted
        ]
    return "\n".join(blocks)
