"""Let the kinds derive values from resources, and register the derived secrets for redaction."""

from __future__ import annotations

from msgspec.structs import replace

from reconciler.kinds import get_kind
from reconciler.model.redaction import register_secret, register_secret_attributes
from reconciler.model.resource import Desired


def evaluate(desired: Desired) -> Desired:
    """Return the resources, each with the evaluation by its kind, if there is one."""
    kinds = {table: get_kind(table) for table in {address.kind for address in desired}}
    kinds = {table: kind for table, kind in kinds.items() if kind.replaces_default("evaluate")}
    evaluated = {}
    for address, resource in desired.items():
        if address.kind in kinds:
            evaluation = kinds[address.kind].evaluate(resource, desired)
            if evaluation:
                evaluated[address] = replace(resource, evaluation=evaluation)
    return {**desired, **evaluated} if evaluated else desired


def register_secrets(desired: Desired) -> None:
    """Register for redaction the secrets in evaluations, and the names of things' secret attributes."""
    for resource in desired.values():
        if resource.evaluation is None:
            continue
        for secret in resource.evaluation.secrets:
            if secret.value is not None:
                register_secret(secret.value)
        register_secret_attributes(resource.evaluation.secret_attributes)
