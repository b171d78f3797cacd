"""Reject a plan whose calls need a secret that has no value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from reconciler.kinds.base.schema import get_members, is_spec_class
from reconciler.model.change import Delete, Forget
from reconciler.model.diagnostic import ValuePath
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan import Step
from reconciler.model.secret import Secret, walk_secrets
from reconciler.model.text import format_path


def check_secrets(steps: Iterable[Step]) -> None:
    """Raise PlanRejectedError with every secret without a value that a call of these steps reveals."""
    errors = [error for step in steps for error in _find_missing(step)]
    if errors:
        raise PlanRejectedError(errors)


def _find_missing(step: Step) -> Iterator[str]:
    missing = {secret for call in step.calls for secret in walk_secrets(call.params) if secret.value is None}
    if not missing or isinstance(step.change, Delete | Forget):
        return
    resource = step.change.resource
    subjects = _list_fields(resource.spec, missing) or sorted(
        {(secret.reference, secret) for secret in missing}, key=str
    )
    for subject, secret in subjects:
        yield f"{step.address}: {subject} {secret.explain_absence()} ({resource.origin})"


def _list_fields(spec: Any, missing: Collection[Secret]) -> list[tuple[str, Secret]]:
    """Return the fields with these secrets."""
    return [(format_path(path), secret) for path, secret in _iterate_secrets(spec) if secret in missing]


def _iterate_secrets(value: Any, path: ValuePath = ()) -> Iterator[tuple[ValuePath, Secret]]:
    match value:
        case Secret():
            yield path, value
        case Mapping():
            for key, item in value.items():
                yield from _iterate_secrets(item, (*path, key))
        case tuple():
            for index, item in enumerate(value):
                yield from _iterate_secrets(item, (*path, index))
        case _ if is_spec_class(type(value)):
            for name in get_members(type(value)):
                yield from _iterate_secrets(getattr(value, name), (*path, name))
