"""Saved plans: a plan in a file between review and apply, and the checks that it is still valid.

Invariant: nothing in the file is sent. The plan is made again, from the same desired state for the same target with the same
options. It is applied only if it is equal to the saved one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Literal, get_origin

import cattrs
from attrs import evolve
from cattrs.gen import make_dict_unstructure_fn, override

from reconciler.engine.load.environments import ENVIRONMENT_VARIABLE
from reconciler.engine.load.variables import ENVIRONMENT_VARIABLE_PREFIX
from reconciler.engine.plan.record import (
    CallRecord,
    ChangeRecord,
    FieldRecord,
    UnmanagedRecord,
    to_change_records,
    to_unmanaged_records,
)
from reconciler.engine.threads import ContextThreadPool
from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.edge_readings import EdgeReadings
from reconciler.model.environment import EnvironmentChoice
from reconciler.model.errors import PlanRejectedError
from reconciler.model.manifest_source import ManifestSource
from reconciler.model.plan import Plan, Target
from reconciler.model.plan_options import PlanOptions
from reconciler.model.redaction import REDACTED
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.settings import DesiredState
from reconciler.model.text import quote

FORMAT: Literal["reconciler.plan"] = "reconciler.plan"
VERSION: Literal[1] = 1

_MAX_ERRORS = 20
_MAX_VALUE_CHARACTERS = 100


@frozen(kw_only=True, slots=True)
class NoteRecord:
    """A note or warning of a plan.

    `level` is "warning", "info" or "unmanaged", which lists unmanaged resources. `address` is null for a note on the whole plan.
    """

    level: str
    text: str
    address: str | None = None


@frozen(kw_only=True, slots=True)
class PlanSummary:
    """A plan without its changes: the common part of a saved plan and of the first line of JSON Lines.

    - `file_digest`: the SHA-256 of the desired state;
    - `digest`: the SHA-256 of what would be sent and what was read;
    - `options`: the options that the plan was made with;
    - `counts`: the number of changes by action, such as `create`;
    - `unchanged`: the number of resources that need no change;
    - `calls`: the number of requests by API operation, such as `iot:CreateThing`;
    - `seconds`: the minimum time that the requests take under AWS's quotas;
    - `unmanaged`: the resources that the workspace does not manage, as far as the plan listed them;
    - `environment`: the environment's name; empty in a file without environments;
    - `variables`: the texts of the variables that `--var` or `RECONCILER_VAR_NAME` set, by name;
    - `manifest_sources`: where the rows of `for_each` come from, with their digests;
    - `edges`: how the edges were read, null if all were.
    """

    format: Literal["reconciler.plan"] = FORMAT
    version: Literal[1] = VERSION
    workspace: str
    target: Target
    file_digest: str
    digest: str
    options: Mapping[str, Any]
    counts: Mapping[str, int]
    unchanged: int
    calls: Mapping[str, int]
    seconds: float
    unmanaged: tuple[UnmanagedRecord, ...] = ()
    environment: str = ""
    variables: Mapping[str, str] = field(factory=dict)
    manifest_sources: tuple[ManifestSource, ...] = ()
    edges: EdgeReadings | None = None


@frozen(kw_only=True)
class PlanRecord(PlanSummary):
    """A whole plan as JSON.

    - `changes`: each after the changes that it depends on;
    - `notes`: warnings and notes;
    - `secrets`: the salted hash of each secret, null if it has no value, by the secret's reference.
    """

    changes: Sequence[ChangeRecord]
    notes: tuple[NoteRecord, ...]
    secrets: Mapping[str, str | None]


def to_plan_record(plan: Plan) -> PlanRecord:
    """Return a plan as a record. Hashing takes some milliseconds per secret, on all processors."""
    return PlanRecord(
        workspace=plan.workspace,
        target=plan.target,
        file_digest=plan.file_digest,
        digest=plan.digest,
        options=_build_options_converter().unstructure(plan.options),
        counts=plan.counts,
        unchanged=plan.unchanged,
        calls={f"{service}:{name}": count for (service, name), count in plan.estimate.calls.items()},
        seconds=plan.estimate.seconds,
        unmanaged=to_unmanaged_records(plan.unmanaged),
        environment=plan.environment,
        variables=plan.variables,
        manifest_sources=plan.manifest_sources,
        edges=plan.edges,
        changes=to_change_records(plan.steps),
        notes=tuple(
            NoteRecord(level=note.level, text=note.text, address=str(note.address) if note.address else None)
            for note in plan.notes
        ),
        secrets=_hash_secrets(plan),
    )


def read_options(saved: PlanRecord) -> PlanOptions:
    """Return the options that a plan was made with. Raises PlanRejectedError for an unknown option."""
    try:
        return _build_options_converter().structure(saved.options, PlanOptions)
    except (cattrs.BaseValidationError, ValueError) as error:
        raise PlanRejectedError(
            ["the saved plan has options that this version of reconciler does not support; save a new plan"]
        ) from error


def read_choice(
    saved: PlanRecord, choice: EnvironmentChoice, environ: Mapping[str, str]
) -> EnvironmentChoice:
    """Return the environment and the variables that a plan was made for.

    `choice` is that of the run; its allowed folders are kept. Raises PlanRejectedError if the run chooses another environment or
    another value of a variable.
    """
    source = "--env" if choice.name else ENVIRONMENT_VARIABLE
    name = choice.name or environ.get(ENVIRONMENT_VARIABLE)
    errors = []
    if name and not fnmatchcase(saved.environment, name):
        saved_for = (
            f"environment {quote(saved.environment)}" if saved.environment else "a file without environments"
        )
        errors.append(
            f"the saved plan is for {saved_for}, but {source} selects {quote(name)}; "
            "leave it out, or save a plan for that environment"
        )
    for variable, text in choice.variables.items():
        saved_text = saved.variables.get(variable)
        if text != saved_text:
            saved_value = "not set" if saved_text is None else quote(saved_text)
            errors.append(
                f"the variable {quote(variable)} was {saved_value} when the plan was saved, and is {quote(text)} now; "
                "leave out --var, or save a new plan"
            )
    errors += _find_other_variables(saved.variables, choice, environ)
    _reject(errors)
    return evolve(choice, name=saved.environment or None, variables=saved.variables)


def _find_other_variables(
    saved_variables: Mapping[str, str], choice: EnvironmentChoice, environ: Mapping[str, str]
) -> Iterator[str]:
    """Yield an error for each variable of a plan that the process's environment sets to another value."""
    for variable, saved_text in saved_variables.items():
        name = f"{ENVIRONMENT_VARIABLE_PREFIX}{variable}"
        text = environ.get(name, saved_text)
        if text != saved_text and variable not in choice.variables:
            yield (
                f"the variable {quote(variable)} was {quote(saved_text)} when the plan was saved, and {name} sets {quote(text)} now; "
                "unset that, or save a new plan"
            )


def check_inputs(saved: PlanRecord, state: DesiredState, target: Target) -> None:
    """Raise PlanRejectedError if a plan is for another workspace, target or desired state."""
    _reject(
        f"the variable {quote(variable)} was not set when the plan was saved, and {ENVIRONMENT_VARIABLE_PREFIX}{variable} sets "
        "it now; unset that, or save a new plan"
        for variable in state.chosen_variables
        if variable not in saved.variables
    )
    inputs = (
        ("workspace", saved.workspace, state.settings.name),
        ("environment", saved.environment or "none", state.environment_name or "none"),
        ("endpoint", saved.target.endpoint, target.endpoint),
        ("account", saved.target.account, target.account),
        ("region", saved.target.region, target.region),
        ("SHA-256 of the desired state", saved.file_digest, state.digest),
    )
    _reject(
        f"the {name} was {saved_value} when the plan was saved, and is {value} now; save a new plan"
        for name, saved_value, value in inputs
        if saved_value != value
    )


def check_changes(saved: PlanRecord, plan: Plan) -> None:
    """Raise PlanRejectedError with the first differences between a saved plan and the plan made now.

    Values of secrets are compared only if there is no other difference.
    """
    records = {record.address: record for record in to_change_records(plan.steps)}
    saved_records = {record.address: record for record in saved.changes}
    if saved_records and not records:
        _reject(["no changes left: the plan was already applied, or someone else made the same changes"])
    _reject(_find_differences(saved_records, records))
    if list(saved.changes) != list(records.values()) or saved.digest != plan.digest:
        _reject([f"the plan's digest was {saved.digest[:12]}; now it is {plan.digest[:12]}"])
    _reject(_find_changed_secrets(saved.secrets, plan))


def check_approved_digest(approved: str, plan: Plan) -> None:
    """Raise PlanRejectedError if a plan's digest does not start with the approved one."""
    if not plan.digest.startswith(approved):
        problem = (
            f"the approved plan has the digest {approved}, but this plan has {plan.digest[:12]} ({plan})"
        )
        _reject([f"{problem}; review this plan and approve its digest"])


def _build_options_converter() -> cattrs.Converter:
    """Return a converter of options to JSON values and back: addresses become text, sets are sorted."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(Address, lambda text, _: Address.parse(text))
    converter.register_unstructure_hook_func(_is_frozenset, lambda items: sorted(map(str, items)))
    is_rare = override(omit_if_default=True)
    unstructure = make_dict_unstructure_fn(PlanOptions, converter, allow_unmatched=is_rare)
    converter.register_unstructure_hook(PlanOptions, unstructure)
    return converter


def _is_frozenset(field_type: Any) -> bool:
    origin: Any = get_origin(field_type)
    return origin is frozenset


def _reject(errors: Iterable[str]) -> None:
    """Raise PlanRejectedError if there is an error, with the first errors and the number of the others."""
    remaining = iter(errors)
    reported = list(islice(remaining, _MAX_ERRORS))
    remaining_count = sum(1 for _ in remaining)
    if remaining_count:
        reported.append(f"and {remaining_count:,} more")
    if reported:
        raise PlanRejectedError(reported)


def _find_differences(
    saved_records: Mapping[str, ChangeRecord], records: Mapping[str, ChangeRecord]
) -> Iterator[str]:
    for address in sorted(saved_records.keys() | records.keys()):
        saved, current = saved_records.get(address), records.get(address)
        if saved != current:
            yield from (f"{address}: {difference}" for difference in _compare_changes(saved, current))


def _compare_changes(saved: ChangeRecord | None, current: ChangeRecord | None) -> Iterator[str]:
    """Yield how two changes of one resource differ; at most one of them is None."""
    if current is None:
        assert saved
        yield f"was planned as {saved.action}; now no change is needed"
    elif saved is None:
        yield f"no change was planned; now the plan would {current.action} it"
    elif saved.action != current.action:
        yield f"was planned as {saved.action}; now the plan would {current.action} it"
    else:
        yield from _compare_contents(saved, current)


def _compare_contents(saved: ChangeRecord, current: ChangeRecord) -> Iterator[str]:
    """Yield how two changes with the same action differ.

    All differences of fields and of the live resource's ID, version and owner are yielded; if there are none, only the first
    other difference.
    """
    differences = [
        *_compare_fields(saved.fields, current.fields),
        *_compare_attributes(saved.live, current.live, ("identity", "version", "owner")),
    ]
    if differences:
        yield from differences
    elif saved.live != current.live and saved.live and current.live:
        fingerprints = f"was {saved.live.fingerprint[:12]}; now it is {current.live.fingerprint[:12]}"
        yield f"was changed since the plan was saved: its fingerprint {fingerprints}"
    elif saved.calls != current.calls:
        yield f"its calls were {_format_calls(saved.calls)}; now they are {_format_calls(current.calls)}"
    elif saved.dependencies != current.dependencies:
        saved_text, text = _join_or_none(saved.dependencies), _join_or_none(current.dependencies)
        yield f"its dependencies were {saved_text}; now they are {text}"
    else:
        yield f"was declared at {saved.origin}; now it is declared at {current.origin}"


def _compare_fields(saved: Iterable[FieldRecord], current: Iterable[FieldRecord]) -> Iterator[str]:
    saved_fields = {field.path: field for field in saved}
    fields = {field.path: field for field in current}
    for path in sorted(saved_fields.keys() | fields.keys()):
        saved_field, field = saved_fields.get(path), fields.get(path)
        if saved_field != field:
            yield f"{path} was planned as {_format_field(saved_field)}; now it is {_format_field(field)}"


def _compare_attributes(saved: object, current: object, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        saved_value, value = getattr(saved, name, None), getattr(current, name, None)
        if saved_value != value:
            yield f"{name} was {_format_value(saved_value)}; now it is {_format_value(value)}"


def _format_field(field: FieldRecord | None) -> str:
    if field is None:
        return "no change"
    if field.sensitive:
        return REDACTED
    return f"{_format_value(field.before)} → {_format_value(field.after)}"


def _format_value(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}…"


def _format_calls(calls: Iterable[CallRecord]) -> str:
    return _join_or_none(f"{call.operation} {_format_value(dict(call.params))}" for call in calls)


def _join_or_none(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def _map_secrets_by_reference(plan: Plan) -> Mapping[str, Secret]:
    """Return the secrets in the calls of a plan by reference, several with one reference as one."""
    values: defaultdict[str, set[str | None]] = defaultdict(set)
    for secret in plan.secrets:
        values[secret.reference].add(secret.value)
    return {reference: _join_secrets(reference, values[reference]) for reference in sorted(values)}


def _join_secrets(reference: str, values: Collection[str | None]) -> Secret:
    texts = sorted(value for value in values if value is not None)
    if len(texts) < len(values):
        return Secret(reference)
    return Secret(reference, texts[0] if len(texts) == 1 else json.dumps(texts))


def _hash_secrets(plan: Plan) -> Mapping[str, str | None]:
    """Return a salted hash of each secret by reference, None for a secret without a value."""

    def hash_secret(secret: Secret) -> str | None:
        salt = f"{plan.workspace}/{secret.reference}"
        return None if secret.value is None else str(secret.hash_with_salt(salt))

    secrets = _map_secrets_by_reference(plan)
    if not secrets:
        return {}
    with ContextThreadPool() as pool:
        return dict(zip(secrets, pool.map(hash_secret, secrets.values()), strict=True))


def _find_changed_secrets(saved_hashes: Mapping[str, str | None], plan: Plan) -> Iterator[str]:
    """Yield an error, without any value, for each secret whose value has changed since the plan was saved."""
    for reference, current in _hash_secrets(plan).items():
        saved = saved_hashes.get(reference)
        if saved != current:
            yield f"the secret from {reference} was {_format_hash(saved)}; now it is {_format_hash(current)}"


def _format_hash(stored: str | None) -> str:
    """Return a text with the beginning of a salted hash, enough to see that two differ."""
    if stored is None:
        return "(not set)"
    secret_digest = SecretDigest.parse(stored)
    if secret_digest is None:
        return f"{REDACTED} with an invalid hash"
    return f"{REDACTED} with the hash {secret_digest.digest[:8]}…"
