"""Find the secrets without a value that the calls of a plan need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from reconciler.kinds.base.schema import get_members, is_spec_class
from reconciler.model.change import Delete, Forget
from reconciler.model.diagnostic import ValuePath
from reconciler.model.plan import Step
from reconciler.model.secret import Secret
from reconciler.model.text import format_path


def find_missing_secrets(step: Step, secrets: Iterable[Secret]) -> Iterator[str]:
    """Yield an error for each secret without a value; `secrets` are those in the calls of the step."""
    missing = {secret for secret in secrets if secret.value is None}
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
