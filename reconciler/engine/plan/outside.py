"""Check what a plan needs outside the file: resources, settings of the account, and output files.

Each distinct need is read at most once, all needs in common batches. Resources that the refresh has listed or described are not
read again. The services of roles, functions and streams may be out of reach: what cannot be read there is noted, not an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from reconciler.engine.calls.output_files import find_output_problem
from reconciler.engine.plan.outside_reads import ListedItems, NeedKey, OutsideReader, list_resources
from reconciler.engine.plan.read_tracker import Progress
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext, Response
from reconciler.kinds.base.outside import CheckedNeed, Need, ProblemRead, ResourceNeed
from reconciler.kinds.base.outside_services import find_service_needs
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.references import iterate_references
from reconciler.kinds.base.schema import can_contain, get_members, is_spec_class
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.change import Change, Delete, Forget, Update
from reconciler.model.errors import AwsError, TargetError
from reconciler.model.output_file import OutputFile
from reconciler.model.plan import Note
from reconciler.model.resource import External, Origin
from reconciler.model.secret import KeySecret
from reconciler.model.text import closest_match, format_suggestion, join_some, quote

_MAX_READS_OF_ONE_KIND = 1_000
"""The most needs with the same `unread` that are read: at ten calls a second, they take 100 seconds."""
_INVALID_ID_CODES = frozenset({"InvalidRequestException", "ParameterValidation", "ValidationException"})
"""The error codes for a name or ID that AWS does not allow, so that no resource can have it."""


@frozen
class OutsideCheck:
    """Reasons to reject a plan because of its needs outside the file, and notes on unchecked ones."""

    errors: Sequence[str] = ()
    notes: Sequence[Note] = ()


@frozen
class _Use:
    """A change that needs something; `path` is the field because of which it does."""

    address: Address
    path: str
    origin: Origin | None


@frozen
class _ForeignReference:
    """A reference by an ARN of another partition, Region or account; nothing there is read."""

    address: Address
    path: str
    reference: External
    origin: Origin


def check_outside(
    changes: Mapping[Address, Change], context: PlanContext, call: Call, progress: Progress
) -> OutsideCheck:
    """Check everything that the changes need outside the file. Raises AwsError and TargetError.

    Without such needs, no call is sent. Needs that the caller has no permission to read are not checked, and noted, as are those in
    services other than those of the kinds that do not respond.
    """
    kinds = all_kinds()
    needs: dict[NeedKey, Need] = {}
    uses: dict[NeedKey, list[_Use]] = {}
    foreign_references = [*_find_foreign_references(changes, context)]
    foreign_needs = {(item.address, item.path, item.reference.name) for item in foreign_references}
    for address, change in changes.items():
        origin = None if isinstance(change, Delete | Forget) else change.resource.origin
        service_needs = find_service_needs(change, context.target)
        for need in (*kinds[address.kind].outside_needs(change, context), *service_needs):
            if isinstance(need, ResourceNeed) and (address, need.path, need.identity) in foreign_needs:
                continue
            key = _build_key(need)
            needs.setdefault(key, need)
            uses.setdefault(key, []).append(_Use(address, need.path, origin))
    read_needs, unread = _limit_needs(needs)
    listed = list_resources(_select_unknown(read_needs.values(), context), call)
    reader = OutsideReader(call, progress, dict(context.outside.responses))
    problems = reader.run({key: _start_read(need, context, listed) for key, need in read_needs.items()})
    errors = [
        _format_error(problem, uses[key]) for key in needs if (problem := problems.get(key)) is not None
    ]
    errors += [
        *_describe_foreign(foreign_references, context),
        *_check_output_files(changes),
        *_check_key_secrets(changes),
    ]
    notes = [
        *_describe_unread(unread),
        *_describe_denied(reader.denied),
        *_describe_failures(reader.failures),
    ]
    return OutsideCheck(errors, notes)


def _build_key(need: Need) -> NeedKey:
    return ("resource", need.table, need.identity) if isinstance(need, ResourceNeed) else need.key


def _limit_needs(needs: Mapping[NeedKey, Need]) -> tuple[Mapping[NeedKey, Need], Counter[str]]:
    """Return the needs to read, and for each text in `unread` the number of further needs."""
    read: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    limited: dict[NeedKey, Need] = {}
    for key, need in needs.items():
        text = need.unread if isinstance(need, CheckedNeed) else ""
        if text and read[text] == _MAX_READS_OF_ONE_KIND:
            unread[text] += 1
        else:
            read[text] += 1
            limited[key] = need
    return limited, unread


def _select_unknown(needs: Iterable[Need], context: PlanContext) -> Iterator[ResourceNeed]:
    """Yield the resources about which the refresh has not read enough."""
    for need in needs:
        if isinstance(need, ResourceNeed):
            description = all_kinds()[need.table].description
            only_has_to_exist = description is None or description.find_problem is None
            if not (only_has_to_exist and need.table in context.outside.listed_ids):
                yield need


def _start_read(need: Need, context: PlanContext, listed: Mapping[str, ListedItems]) -> ProblemRead:
    return need.read() if isinstance(need, CheckedNeed) else _read_resource(need, context, listed)


def _read_resource(
    need: ResourceNeed, context: PlanContext, listed: Mapping[str, ListedItems]
) -> ProblemRead:
    """Return why a resource outside the file cannot be referred to, or None.

    Nothing is read if a listing shows it.
    """
    kind = all_kinds()[need.table]
    name = quote(need.identity)
    deleted = context.deleted_resources.get((need.table, need.identity))
    if deleted:
        return f"this plan deletes the {kind.noun} {name} ({deleted}); keep it in the file, or remove the reference"
    is_listed, description = context.outside.is_listed(need.table, need.identity), kind.description
    if description and need.table in listed:
        item = listed[need.table].get(need.identity)
        return description.find_listed_problem(item) if item else _describe_missing(need, context)
    is_known = is_listed and (description is None or description.find_problem is None)
    if is_known or (description is None and is_listed is None):
        return None
    response: Response = {}
    if is_listed is not False and description:
        params = {description.id_param: need.identity}
        ignored_errors = NOT_FOUND | _INVALID_ID_CODES
        (response,) = yield [
            ApiCall(kind.service, description.operation, params, ignored_errors=ignored_errors)
        ]
    if not response:
        return _describe_missing(need, context)
    return description.find_problem(response) if description and description.find_problem else None


def _describe_missing(need: ResourceNeed, context: PlanContext) -> str:
    nearest = closest_match(need.identity, context.outside.listed_ids.get(need.table, ()))
    problem = f"there is no {all_kinds()[need.table].noun} {quote(need.identity)} in this account and Region"
    return f"{problem}; create it first, or correct the reference{format_suggestion(nearest)}"


def _format_error(problem: str, uses: Sequence[_Use]) -> str:
    """Return one error for all changes that need the same thing, with the place of the first of them."""
    first = uses[0]
    subject = f"{first.address}: {first.path}" if first.path else str(first.address)
    place = f" ({first.origin})" if first.origin else ""
    others = sorted({str(use.address) for use in uses} - {str(first.address)})
    suffix = f"; the same applies to {join_some(others)}" if others else ""
    return f"{subject}: {problem}{place}{suffix}"


def _find_foreign_references(
    changes: Mapping[Address, Change], context: PlanContext
) -> Iterator[_ForeignReference]:
    """Yield the references by an ARN of another partition, Region or account."""
    target = context.target
    for address in changes:
        resource = context.declared.get(address)
        for path, reference in _find_arns(resource.spec) if resource else ():
            _, partition, _, region, account, _ = reference.id.split(":", 5)
            if resource and (partition, region, account) != (
                target.partition,
                target.region,
                target.account,
            ):
                yield _ForeignReference(address, path, reference, resource.origin)


def _find_arns(spec: Any) -> Iterator[tuple[str, External]]:
    """Yield the field of each reference by ARN, and the reference."""
    for reference in iterate_references(spec):
        if isinstance(reference.value, External) and reference.value.id.startswith("arn:"):
            yield reference.field, reference.value


def _describe_foreign(references: Iterable[_ForeignReference], context: PlanContext) -> Iterator[str]:
    target = context.target
    for item in references:
        yield (
            f"{item.address}: {item.path}: {quote(item.reference.id)} is in another account or Region; "
            f"this plan is for account {target.account} in {target.region} ({item.origin})"
        )


def _check_output_files(changes: Mapping[Address, Change]) -> Iterator[str]:
    """Yield an error for each new file that cannot be written, or that two changes would write.

    A folder that does not exist is reported once, for its first file. The kinds themselves check files that had content when the
    file was loaded.
    """
    writers: dict[str, Address] = {}
    missing_folders: set[Path] = set()
    for address, change in changes.items():
        if isinstance(change, Delete | Forget):
            continue
        for path, file in _iterate_values(change.resource.spec, OutputFile):
            name = path.partition(".")[0]
            is_unchanged = isinstance(change, Update) and not change.has_changed(name)
            folder = Path(file.path).parent
            if file.content is not None or is_unchanged or folder in missing_folders:
                continue
            if not folder.is_dir():
                missing_folders.add(folder)
            problem = find_output_problem(file)
            writer = writers.setdefault(file.path, address)
            if problem is None and writer != address:
                problem = f"{file}: {writer} writes the same file; choose another path"
            if problem:
                yield f"{address}: {path}: {problem} ({change.resource.origin})"


def _check_key_secrets(changes: Mapping[Address, Change]) -> Iterator[str]:
    """Yield an error for each new secret that two changes would create."""
    writers: dict[str, Address] = {}
    for address, change in changes.items():
        if isinstance(change, Delete | Forget):
            continue
        for path, secret in _iterate_values(change.resource.spec, KeySecret):
            writer = writers.setdefault(secret.name, address)
            if writer != address:
                problem = f"{secret}: {writer} stores its key in the same secret; choose another name"
                yield f"{address}: {path}: {problem} ({change.resource.origin})"


_ValueT = TypeVar("_ValueT")


def _iterate_values(spec: object, wanted: type[_ValueT]) -> Iterator[tuple[str, _ValueT]]:
    """Yield the path and the value of each field of a class, inner tables included."""
    if not can_contain(type(spec), wanted):
        return
    for name in get_members(type(spec)):
        value = getattr(spec, name)
        if isinstance(value, wanted):
            yield name, value
        elif is_spec_class(type(value)):
            yield from ((f"{name}.{path}", item) for path, item in _iterate_values(value, wanted))


def _describe_unread(counts: Mapping[str, int]) -> Iterator[Note]:
    for text, count in counts.items():
        problem = f"not checked for {count:,} changes: {text}"
        yield Note("info", f"{problem}; AWS rejects such a change, and nothing else is affected")


def _describe_denied(operations: Iterable[tuple[str, str]]) -> Iterator[Note]:
    names = sorted(f"{service}:{operation}" for service, operation in operations)
    if names:
        text = f"references outside the file were not checked: the caller has no permission for {', '.join(names)}"
        yield Note("warning", f"{text}; `reconciler permissions --for plan` prints what a plan needs")


def _describe_failures(failures: Mapping[str, AwsError | TargetError]) -> Iterator[Note]:
    if failures:
        problems = "; ".join(_describe_failure(failures[service]) for service in sorted(failures))
        yield Note("warning", f"references outside the file were not checked: {problems}")


def _describe_failure(error: AwsError | TargetError) -> str:
    if isinstance(error, TargetError):
        return str(error)
    return f"{error.service}:{error.operation} failed with {error.code}: {error.message.rstrip('.')}"
