"""Generate tables of the documentation from the kinds, commands and output formats."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from reconciler.engine.permissions.operations import VERBS
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.render.json.schemas import OUTPUTS
from tests.docs.api_tables import render_errors
from tests.docs.check_tables import render_limits, render_warnings
from tests.docs.command_tables import (
    render_command_overview,
    render_command_reference,
    render_common_options,
    render_fault_kinds,
)
from tests.docs.field_tables import build_heading_anchor, render_field_overview, render_field_reference
from tests.docs.format_tables import render_format
from tests.docs.markdown import join_code, render_heading, render_table

CREATING_PREFIXES = ("Create", "Register", "Add", "Attach")
MARKER_WRITES = frozenset({"CreateThingGroup", "UpdateThingGroup"})


def render_kinds() -> str:
    """Return a table of the kinds.

    It shows the AWS noun, the creating calls, the identity, the ownership, and the fields that force a replacement.
    """
    rows = [
        (
            f"[`{kind.table}`](fields.md#{build_heading_anchor(kind)})<br>{kind.noun}",
            _join_lines(list_creating_operations(kind)) or "always exists",
            search_docstring(kind, r"found by ([^,.;]+)") or "?",
            search_docstring(kind, r"owned (?:by |through )?([^,.;]+)") or "?",
            _join_lines(_list_replacing_fields(kind)) or "nothing",
        )
        for kind in all_kinds().values()
    ]
    return render_table(("Kind", "Created by", "Found by", "Owned by", "Replaced when this changes"), rows)


def render_call_reference() -> str:
    """Return a section for each kind with the API calls it sends, by purpose."""
    parts = []
    for kind in all_kinds().values():
        calls = {verb: join_code(getattr(kind.operations, verb)) for verb in VERBS}
        rows = [(verb, code or "none") for verb, code in calls.items() if code or verb != "show"]
        heading = render_heading(3, f"`{kind.table}`")
        parts += [heading, f"Service `{kind.service}`.", render_table(("To", "API calls"), rows)]
    return "\n\n".join(parts)


def measure_refresh_cost() -> str:
    """Plan a fleet that needs no changes, and return a sentence with the number of calls that this took."""
    from tests.support.desired_states import converge, make_ca, make_device, make_state, plan_state
    from tests.support.registry_client import Cloud

    device_count, cloud = 300, Cloud()
    devices = [make_device(f"d{number}", site="oslo") for number in range(device_count)]
    fleet = make_state(make_ca(), *(resource for resources in devices for resource in resources))
    converge(fleet, cloud)
    calls_before = cloud.request_count
    assert not plan_state(fleet, cloud)
    return (
        f"A plan without changes for {device_count} devices (one CA; a certificate and a thing each) took this project "
        f"{cloud.request_count - calls_before} calls to the embedded registry."
    )


SECTIONS: Mapping[str, Callable[[], str]] = {
    "kinds": render_kinds,
    "call_reference": render_call_reference,
    "field_overview": render_field_overview,
    "field_reference": render_field_reference,
    "command_overview": render_command_overview,
    "command_reference": render_command_reference,
    "common_options": render_common_options,
    "errors": render_errors,
    "warnings": render_warnings,
    "aws_limits": render_limits,
    "fault_kinds": render_fault_kinds,
    "refresh_cost": measure_refresh_cost,
    **{f"format_{output.replace('-', '_')}": partial(render_format, output) for output in OUTPUTS},
}
"""Generators of the text between `<!-- generated: NAME -->` and `<!-- /generated -->`."""


def search_docstring(kind: Kind, pattern: str) -> str | None:
    """Return the pattern's first group in the docstring of the kind's class, or else of its module."""
    for text in (type(kind).__doc__, sys.modules[type(kind).__module__].__doc__):
        if match := re.search(pattern, " ".join((text or "").split())):
            return match[1]
    return None


def list_creating_operations(kind: Kind) -> list[str]:
    """Return the operations that create a resource, without those of its marker group.

    Account settings always exist, so they have none.
    """
    if kind.only_name:
        return []
    names = [
        name for name in kind.operations.create if name not in MARKER_WRITES - set(kind.write_operations)
    ]
    return [name for name in names if name.startswith(CREATING_PREFIXES)] or [
        name for name in names if name in kind.write_operations
    ]


def _list_replacing_fields(kind: Kind) -> Iterator[str]:
    """Return the fields whose change replaces the resource."""
    return (name for name, member in kind.members.items() if member.on_change == "replaces")


def _join_lines(names: Iterable[str]) -> str:
    return "<br>".join(f"`{name}`" for name in names)
