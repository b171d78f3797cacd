"""Check parsed declarations: AWS's constraints, references, duplicates, cycles, the kinds' checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import islice
from typing import get_origin

import attrs

from reconciler.engine.graph import build_graph, find_cyclic_subgraph, find_shortest_cycles
from reconciler.engine.load.allowed_warnings import WarningFilter, check_allow
from reconciler.engine.load.declarations import Declarations
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.field_checks import FieldChecker
from reconciler.engine.load.resource_environments import AbsentResources
from reconciler.engine.load.resources import ParsedDeclaration
from reconciler.engine.load.toml_types import accepts_document_or_name, accepts_external, select_toml_type
from reconciler.kinds import get_kind
from reconciler.kinds.base.context import Scope
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.normalize import find_empty_values, normalize_resources
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import Suggestion, ValuePath, ValueProblem
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, Resource
from reconciler.model.text import format_path, quote, suggest_file_table

_MAX_CYCLES = 50
"""The maximum number of dependency cycles that are searched for: each search may visit all resources of a file."""

_MAX_CYCLE_ADDRESSES = 20
"""The maximum number of addresses of a cycle that are shown."""


def check_declarations(
    parsed_declarations: Mapping[Address, ParsedDeclaration],
    declarations: Declarations,
    workspace: str,
    constraints: Constraints,
    diagnostics: DiagnosticCollector,
) -> None:
    """Report the problems of the declarations: those that parsing found, and those that the checks find.

    References to resources of partly read kinds are not checked, because not all of these resources are known.
    """
    desired = {address: item.resource for address, item in parsed_declarations.items() if item.resource}
    reference_checker = _ReferenceChecker(
        parsed_declarations.keys(), declarations.partly_read_kinds, declarations.absent
    )
    field_checker = FieldChecker(Scope(workspace, desired), constraints)
    normalized = normalize_resources(desired)
    other_problems = _check_tables(normalized)
    for address in list_reserved_addresses(workspace):
        problem = f"the name is reserved for the ownership markers of workspace {quote(workspace)}"
        other_problems[address].append(ValueProblem("reserved-name", problem, "another name"))
    warning_filter = WarningFilter()
    for address, item in parsed_declarations.items():
        problems = [*item.problems, *field_checker.check(item), *other_problems.pop(address, ())]
        if not reference_checker.are_declared(item):
            problems += reference_checker.check(item)
        lifecycle = item.common_keys.lifecycle
        if lifecycle.ignore_changes:
            problems += _check_ignore_changes(lifecycle.ignore_changes, item.kind)
        if lifecycle.allow:
            problems += check_allow(item)
        if item.resource:
            problems += item.kind.check(normalized[address], normalized)
            problems += _find_empty_values(item.resource, problems)
        if problems or lifecycle.allow:
            diagnostics.add(item.declaration, *warning_filter.remove_allowed(item, problems))
    for declaration, unused_entry in warning_filter.find_unused():
        diagnostics.add(declaration, unused_entry)
    _check_identities(parsed_declarations.values(), desired, diagnostics)
    _check_cycles(parsed_declarations, diagnostics)


def _find_empty_values(resource: Resource, problems: Sequence[ValueProblem]) -> list[ValueProblem]:
    """Return the problems of empty values, without those that other checks found, too."""
    empty_values = find_empty_values(resource.spec)
    if not empty_values:
        return []
    reported_paths = {problem.path for problem in problems if problem.severity == "error"}
    return [problem for problem in empty_values if problem.path not in reported_paths]


def _check_tables(desired: Desired) -> defaultdict[Address, list[ValueProblem]]:
    """Return the problems that concern several resources of a kind, by the address to report each for."""
    problems: defaultdict[Address, list[ValueProblem]] = defaultdict(list)
    for table in {address.kind for address in desired}:
        for address, problem in get_kind(table).check_together(desired):
            problems[address].append(problem)
    return problems


class _ReferenceChecker:
    """Finds references to undeclared resources, with the nearest declared name or address."""

    def __init__(
        self, declared: AbstractSet[Address], partly_read_kinds: Collection[str], absent: AbsentResources
    ) -> None:
        self._declared = declared
        self._absent = absent
        self._partly_read_kinds = partly_read_kinds
        self._names_by_kind: dict[str, list[str]] = {}
        for address in declared:
            self._names_by_kind.setdefault(address.kind, []).append(address.name)

    def are_declared(self, item: ParsedDeclaration) -> bool:
        """Return whether a declaration refers only to declared resources, so that it needs no check."""
        has_other_texts = item.common_keys.depends_on or item.unparsed_references
        return not has_other_texts and item.dependencies <= self._declared

    def check(self, item: ParsedDeclaration) -> Iterator[ValueProblem]:
        """Yield a problem for each reference to an undeclared resource, in a field or in `depends_on`."""
        yield from self._check_fields(item)
        yield from self._check_depends_on(item.common_keys.depends_on)

    def _check_fields(self, item: ParsedDeclaration) -> Iterator[ValueProblem]:
        """Yield a problem for each reference in a field to an undeclared resource."""
        for field_reference in item.references:
            path, table, reference = field_reference.path, field_reference.table, field_reference.value
            if isinstance(reference, External) or self._is_declared(Address(table, reference)):
                continue
            field = getattr(attrs.fields(item.kind.spec_class), str(path[0]))
            alternative = '{ id = "…" } for a resource outside this file'
            if accepts_document_or_name(field.type) and not accepts_external(field.type):
                alternative = "the document itself"
            expected = f"a name in [{table}.*], or {alternative}"
            # This field takes names, but an address may be in it by mistake, as `depends_on` takes addresses.
            suggestion: str | Suggestion = self._suggest_name(table, reference.removeprefix(f"{table}."))
            if accepts_document_or_name(field.type):
                suggestion = suggest_file_table(reference) or suggestion
            yield self._build_not_declared_problem(table, reference, expected, suggestion, path)

    def _check_depends_on(self, addresses: tuple[str, ...]) -> Iterator[ValueProblem]:
        """Yield a problem for each item of `depends_on` that is not a declared address."""
        for index, text in enumerate(addresses):
            path: ValuePath = ("depends_on", index)
            table, dot, name = text.partition(".")
            if not (table and dot and name):
                problem = f"{quote(text)} is not a valid address"
                yield ValueProblem(
                    "invalid-address", problem, "kind.name, such as 'things.pump-7'", path=path
                )
            elif not self._is_declared(Address.from_header(table, name)):
                suggestion = self._suggest_address(table, name)
                yield self._build_not_declared_problem(table, name, None, suggestion, path)

    def _is_declared(self, address: Address) -> bool:
        return address in self._declared or address.kind in self._partly_read_kinds

    def _suggest_address(self, table: str, name: str) -> Suggestion:
        """Suggest the nearest address of the kind, or of all kinds if the file has no resource of that kind."""
        if table not in self._names_by_kind:
            return Suggestion(f"{table}.{name}", self._declared_addresses)
        return Suggestion(name, self._names_by_kind[table], prefix=f"{table}.")

    def _suggest_name(self, table: str, name: str) -> Suggestion:
        """Suggest the nearest name in the table."""
        return Suggestion(name, self._names_by_kind.get(table, ()))

    @cached_property
    def _declared_addresses(self) -> Sequence[str]:
        return [*map(str, self._declared)]

    def _build_not_declared_problem(
        self,
        table: str,
        name: str,
        expected: str | None,
        suggestion: str | Suggestion,
        path: ValuePath,
    ) -> ValueProblem:
        subject = format_path((table, name))
        environments = self._absent.find_environments(Address.from_header(table, name))
        if environments:
            environment = quote(self._absent.environment or "")
            problem = (
                f"{subject} is not declared in environment {environment}; it exists only in {environments}"
            )
            expected = "a resource that exists in all environments of this one"
            return ValueProblem("dangling-reference", problem, expected, path=path)
        problem = f"{subject} is not declared in this file"
        return ValueProblem("dangling-reference", problem, expected, suggestion, path=path)


def _check_ignore_changes(paths: tuple[str, ...], kind: Kind) -> Iterator[ValueProblem]:
    """Yield a problem for each path in `ignore_changes` that is neither a field nor a key of a map field."""
    map_fields = {
        field.name
        for field in attrs.fields(kind.spec_class)
        if get_origin(select_toml_type(field.type)) is Mapping
    }
    for index, text in enumerate(paths):
        name, dot, key = text.partition(".")
        path: ValuePath = ("lifecycle", "ignore_changes", index)
        if name not in kind.members:
            problem = f"{quote(name)} is not a field of a {kind.noun}"
            suggestion = Suggestion(name, tuple(kind.members))
            yield ValueProblem("unknown-field", problem, None, suggestion, path=path)
        elif dot and not (name in map_fields and key):
            expected = f"{name}.KEY" if name in map_fields else f"{quote(name)} as a whole"
            problem = f"{quote(text)} is not a valid path"
            yield ValueProblem("invalid-path", problem, expected, path=path)


def _check_identities(
    parsed_declarations: Collection[ParsedDeclaration], desired: Desired, diagnostics: DiagnosticCollector
) -> None:
    """Report declarations of the same AWS resource, such as a certificate under two names."""
    first_items: dict[tuple[str, str], ParsedDeclaration] = {}
    duplicates: defaultdict[tuple[str, str], list[ParsedDeclaration]] = defaultdict(list)
    for item in parsed_declarations:
        if item.resource:
            for identity in item.kind.aws_identities(item.resource, desired):
                if first_items.setdefault(identity, item) is not item:
                    duplicates[identity].append(item)
    for identity, others in duplicates.items():
        items = [first_items[identity], *others]
        items.sort(key=lambda item: (item.declaration.origin, item.declaration.address))
        for item in items[1:]:
            diagnostics.add(item.declaration, _build_same_identity_problem(item, identity[0], items[0]))


def _build_same_identity_problem(
    item: ParsedDeclaration, table: str, first: ParsedDeclaration
) -> ValueProblem:
    address, noun = first.declaration.address, get_kind(table).noun
    verb = "is" if item.kind.table == table else "has"
    place = f"{format_path(address.header)}, declared at {first.declaration.origin}"
    pem_fields = [name for name, value in item.values.items() if isinstance(value, Pem)]
    return ValueProblem(
        "duplicate-identity",
        f"{verb} the same {noun} as {place}",
        f"each {noun} once",
        path=tuple(pem_fields[:1]),
    )


def _check_cycles(
    parsed_declarations: Mapping[Address, ParsedDeclaration], diagnostics: DiagnosticCollector
) -> None:
    """Report the first dependency cycles, each at its first address in sorted order."""
    cyclic_kinds = _find_cyclic_kinds(parsed_declarations)
    cyclic_dependencies = find_cyclic_subgraph(
        {
            address: item.dependencies
            for address, item in parsed_declarations.items()
            if address.kind in cyclic_kinds
        }
    )
    if not cyclic_dependencies:
        return
    for cycle in islice(find_shortest_cycles(build_graph(cyclic_dependencies)), _MAX_CYCLES):
        path = _format_cycle(cycle)
        problem = f"dependency cycle: {path}; remove one of these dependencies"
        diagnostics.add(parsed_declarations[cycle[0]].declaration, ValueProblem("cycle", problem))


def _find_cyclic_kinds(parsed_declarations: Mapping[Address, ParsedDeclaration]) -> AbstractSet[str]:
    """Return the kinds whose resources may be in a cycle; most kinds depend on few others."""
    addresses: defaultdict[str, list[frozenset[Address]]] = defaultdict(list)
    for address, item in parsed_declarations.items():
        addresses[address.kind].append(item.dependencies)
    dependencies = {
        kind: {dependency.kind for dependency in frozenset[Address]().union(*sets)}
        for kind, sets in addresses.items()
    }
    kinds, previous_kinds = set(dependencies), set[str]()
    while kinds != previous_kinds:
        previous_kinds = kinds
        dependents = {kind for user in kinds for kind in dependencies[user]}
        kinds = {kind for kind in kinds & dependents if dependencies[kind] & kinds}
    return kinds


def _format_cycle(cycle: Sequence[Address]) -> str:
    """Return the addresses of a cycle with arrows; the middle of a long one is left out."""
    names = [format_path(address.header) for address in cycle]
    if len(names) > _MAX_CYCLE_ADDRESSES:
        half = _MAX_CYCLE_ADDRESSES // 2
        names[half:-half] = [f"({len(names) - 2 * half:,} more)"]
    return " → ".join((*names, names[0]))
