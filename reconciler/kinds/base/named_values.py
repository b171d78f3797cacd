"""Texts with names that may be secrets, such as headers of HTTP requests.

Invariant: whether such a text is a secret follows from its name alone, whether it comes from AWS or from the file. Only the names that
a field lists are public, so a text with an unknown name is a secret. A template that reads a secret when a message arrives has no secret in
itself, and is public under every name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.kinds.base.schema import Member, get_members
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.secret import Secret
from reconciler.model.text import quote

_GET_SECRET = re.compile(r"\$\{\s*get_secret\((?:[^'(){}]|'[^']*')*\)\s*\}")
"""The function's substitution template, by which AWS IoT reads a secret (developer guide, "Functions", get_secret)."""


def is_public(member: Member, name: str, text: str) -> bool:
    """Return whether a text under this name is not a secret."""
    is_public_name = member.public_names is not None and name.lower() in member.public_names
    return is_public_name or _GET_SECRET.fullmatch(text) is not None


def hide_secret_values(spec: Any) -> None:
    """Replace the texts of a new spec that are not public by secrets."""
    for member in get_members(type(spec)).values():
        if member.public_names is None:
            continue
        value = getattr(spec, member.name)
        if member.named_by:
            hidden: Any = _hide(member, getattr(spec, member.named_by), value)
        else:
            hidden = {name: _hide(member, name, item) for name, item in value.items()}
        object.__setattr__(spec, member.name, hidden)


def find_public_secrets(spec: Any) -> Iterator[ValueProblem]:
    """Yield a problem for each secret under a public name: plans would show it when it comes from AWS."""
    for member, path, name, value in _iterate_named_values(spec):
        if isinstance(value, Secret) and is_public(member, name, ""):
            problem = f"{quote(name)} takes no secret, because its value is always shown"
            yield ValueProblem("public-value", problem, "its value as text", path=path)


def iterate_written_secrets(spec: Any) -> Iterator[tuple[ValuePath, str]]:
    """Yield the path and the name of each secret whose text is written in the file itself."""
    for _, path, name, value in _iterate_named_values(spec):
        if isinstance(value, Secret) and value.reference == _describe(name):
            yield path, name


def _iterate_named_values(spec: Any) -> Iterator[tuple[Member, ValuePath, str, str | Secret]]:
    """Yield each text that has a name, or the secret in its place, with its member and its path."""
    for member in get_members(type(spec)).values():
        if member.public_names is None:
            continue
        value = getattr(spec, member.name)
        if member.named_by:
            yield member, (member.name,), getattr(spec, member.named_by), value
        else:
            for name, item in value.items():
                yield member, (member.name, name), name, item


def _hide(member: Member, name: str, value: str | Secret) -> str | Secret:
    is_hidden = isinstance(value, str) and not is_public(member, name, value)
    return Secret(_describe(name), value) if is_hidden and isinstance(value, str) else value


def _describe(name: str) -> str:
    return f"the value of {name}"
