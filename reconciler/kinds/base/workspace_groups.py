"""Workspace groups: the static thing groups whose members are the things of a workspace."""

from __future__ import annotations

PREFIX = "reconciler-"
"""The beginning of the names of all workspace groups."""


def find_group_workspace(group: str) -> str | None:
    """Return the workspace that owns the members of a group, or None if the group records no owner.

    The group of a workspace's protected things, which has a colon in its name, records none.
    """
    return group.removeprefix(PREFIX) if group.startswith(PREFIX) and ":" not in group else None
