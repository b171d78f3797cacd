"""Statements about addresses that the file no longer has: `[[removed]]`, `[[moved]]` and `moved`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from attrs import Factory, define

from reconciler.engine.load.declaration import Declaration, TomlTable
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.resource_environments import ENVIRONMENTS_KEY, AbsentResources
from reconciler.engine.load.resources import ParsedDeclaration
from reconciler.engine.load.table_problems import build_missing_key_problem, build_unknown_key_problem
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds, find_kind, get_kind
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import ALL_NAMES, Address
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValuePath, ValueProblem
from reconciler.model.resource import Origin
from reconciler.model.text import describe_value, format_choices, format_path, quote

REMOVED, MOVED = "removed", "moved"

MOVED_REMOVED_KEYS: Mapping[str, Sequence[str]] = {REMOVED: ("from", "destroy"), MOVED: ("from", "to")}
"""The valid keys of each table, by the name of the array of tables."""

MOVED_REMOVED_TABLES = tuple(MOVED_REMOVED_KEYS)

INLINE_MOVED_KEYS = ("from",)
"""The keys of `moved` inside a resource's own table."""

_ADDRESS_FORMAT = "kind.name, such as 'things.pump-7'"
_DESTROY_FORMAT = "destroy = false (to delete the resource, remove its table and write no [[removed]])"
_ABSENT_ADDRESS = "an address that the file no longer has"


@frozen
class _Move:
    """An unchecked statement that the resource with the address `target` had the address `source` before.

    `path` is where the statement is in the declaration.
    """

    declaration: Declaration
    path: ValuePath
    source: object
    target: object


@frozen
class _ResolvedMove:
    """A move whose addresses are valid; `source_path` is where the former address is in the declaration."""

    declaration: Declaration
    source_path: ValuePath
    source: Address
    target: Address


@define
class MovedRemoved:
    """The valid statements.

    `removed` has the place of each `[[removed]]` by the address that it names, whose name may be `ALL_NAMES`; `moved` has each new
    address by the former one.
    """

    removed: dict[Address, Origin] = Factory(dict)
    moved: dict[Address, Address] = Factory(dict)


def resolve_moved_removed(  # noqa: PLR0913 (what the statements are checked against)
    tables: Sequence[TomlTable],
    parsed_declarations: Mapping[Address, ParsedDeclaration],
    declarations: Mapping[Address, Declaration],
    *,
    absent: AbsentResources,
    workspace: str,
    diagnostics: DiagnosticCollector,
) -> MovedRemoved:
    """Return the valid statements in the tables and in the resources' own `moved`; report the others.

    `tables` are the `[[removed]]` and `[[moved]]` tables, `declarations` all declarations of resources. `absent` has those of other
    environments. A `[[moved]]` counts only in the environments that have its resource. A `[[removed]]` about a resource that only
    some environments have counts only in the others.
    """
    return _Resolver(declarations, absent, workspace, diagnostics).resolve(tables, parsed_declarations)


class _Resolver:
    """Checks each statement against the declarations and the other statements."""

    def __init__(
        self,
        declarations: Mapping[Address, Declaration],
        absent: AbsentResources,
        workspace: str,
        diagnostics: DiagnosticCollector,
    ) -> None:
        self._declarations = declarations
        self._absent = absent
        self._workspace = workspace
        self._diagnostics = diagnostics
        self._valid_statements = MovedRemoved()
        self._sources_by_target: dict[Address, Address] = {}
        self._names_by_kind: defaultdict[str, list[str]] = defaultdict(list)
        for address in declarations:
            self._names_by_kind[address.kind].append(address.name)

    def resolve(
        self, tables: Sequence[TomlTable], parsed_declarations: Mapping[Address, ParsedDeclaration]
    ) -> MovedRemoved:
        moves: list[_Move] = []
        for table in tables:
            problems = [*_check_keys(table.entries, MOVED_REMOVED_KEYS[table.names[0]])]
            self._diagnostics.add(table, *problems)
            if table.names[0] == REMOVED:
                self._add_removal(table)
            elif not problems:
                moves.append(_Move(table, (), table.entries["from"], table.entries["to"]))
        moves += self._parse_inline_moves(parsed_declarations)
        self._add_moves(moves)
        return self._valid_statements

    def _parse_inline_moves(
        self, parsed_declarations: Mapping[Address, ParsedDeclaration]
    ) -> Iterator[_Move]:
        for item in parsed_declarations.values():
            keys, declaration = item.common_keys.moved, item.declaration
            if keys is None:
                continue
            problems = [problem.nest_under(MOVED) for problem in _check_keys(keys, INLINE_MOVED_KEYS)]
            self._diagnostics.add(declaration, *problems)
            if not problems and not _is_empty(keys["from"], declaration):
                yield _Move(declaration, (MOVED,), keys["from"], str(declaration.address))

    def _add_removal(self, table: TomlTable) -> None:
        destroy = table.entries.get("destroy", False)
        if destroy is not False:
            problem = f"got {describe_value(destroy)}"
            self._diagnostics.add(
                table, ValueProblem("wrong-type", problem, _DESTROY_FORMAT, path=("destroy",))
            )
        if "from" not in table.entries:
            return
        try:
            address = _parse_address(table.entries["from"])
            if self._is_restricted(address):
                return
            self._check_removal(address)
        except InvalidValueError as error:
            self._diagnostics.add(table, *error.nest_under("from").problems)
        else:
            self._valid_statements.removed[address] = table.origin

    def _is_restricted(self, address: Address) -> bool:
        """Return whether this environment declares a resource that other environments may not have."""
        declaration = self._declarations.get(address)
        return declaration is not None and ENVIRONMENTS_KEY in declaration.table.entries

    def _check_removal(self, address: Address) -> None:
        """Raise InvalidValueError if `[[removed]]` may not name this address.

        That is so for an address that the file still declares or that an earlier `[[removed]]` names, for an ownership marker, for
        a resource that is composed of others, and for a name that no orphan of the kind can have.
        """
        kind = get_kind(address.kind)
        if address in self._declarations:
            raise _build_error("still-declared", self._describe_declared(address), _ABSENT_ADDRESS)
        if address in self._valid_statements.removed:
            raise _build_error(
                "duplicate-statement",
                f"already listed at {self._valid_statements.removed[address]}; remove one of the two",
            )
        if address in list_reserved_addresses(self._workspace):
            problem = "this is an ownership marker; the workspace removes its markers itself"
            raise _build_error("reserved-name", problem, "another address")
        if kind.composed_of:
            problem = f"once its table is removed, a {kind.noun} is an ordinary thing"
            raise _build_error("wrong-kind", problem, "things.NAME, with the thing's name in AWS")
        if address.name == ALL_NAMES or kind.orphan_name_pattern is None:
            return
        if not kind.orphan_name_pattern.fullmatch(address.name):
            problem = f"the registry knows a {kind.noun} only by its ID, not by its name in the file"
            raise _build_error("wrong-name", problem, _describe_id(kind))

    def _add_moves(self, moves: Sequence[_Move]) -> None:
        resolved_moves: list[_ResolvedMove] = []
        for move in moves:
            try:
                resolved_move = _resolve_move(move)
            except InvalidValueError as error:
                self._diagnostics.add(move.declaration, *error.problems)
                continue
            is_declared = resolved_move.target in self._declarations
            if is_declared or self._absent.find_environments(resolved_move.target) is None:
                resolved_moves.append(resolved_move)
        ends = _find_ends({move.source: move.target for move in resolved_moves})
        for resolved_move in resolved_moves:
            try:
                self._check_source(resolved_move)
                self._check_target(resolved_move, ends)
                self._check_earlier_statements(resolved_move)
            except InvalidValueError as error:
                self._diagnostics.add(resolved_move.declaration, *error.problems)
            else:
                self._valid_statements.moved[resolved_move.source] = resolved_move.target
                self._sources_by_target[resolved_move.target] = resolved_move.source

    def _check_source(self, move: _ResolvedMove) -> None:
        """Raise InvalidValueError if the former address is of another kind, or still declared."""
        source, target = move.source, move.target
        if source.kind != target.kind:
            problem = f"a {get_kind(source.kind).noun} cannot become a {get_kind(target.kind).noun}"
            raise _build_error("wrong-kind", problem, f"an address in [{target.kind}.*]").nest_under(
                *move.source_path
            )
        if source in self._declarations:
            raise _build_error("still-declared", self._describe_declared(source), _ABSENT_ADDRESS).nest_under(
                *move.source_path
            )

    def _check_target(self, move: _ResolvedMove, ends: Mapping[Address, Address | None]) -> None:
        """Raise InvalidValueError if the new address is not declared; `ends` is as `_find_ends` returns it."""
        target = move.target
        if target in self._declarations:
            return
        if target in ends:
            end = ends[target]
            if end is None:
                problem = f"{_format_address(target)} is moved as well, in a cycle"
                raise _build_error("move-cycle", problem, "an address in this file").nest_under("to")
            problem = f"{_format_address(target)} is itself moved to {_format_address(end)}"
            raise _build_error("indirect-move", problem, f"{str(end)!r} directly").nest_under("to")
        names = self._names_by_kind.get(target.kind, ())
        suggestion = Suggestion(target.name, names, prefix=f"{target.kind}.", replaces_expected=True)
        problem, expected = (
            f"{_format_address(target)} is not declared in this file",
            f"a name in [{target.kind}.*]",
        )
        raise InvalidValueError(
            ValueProblem("dangling-reference", problem, expected, suggestion, path=("to",))
        )

    def _check_earlier_statements(self, move: _ResolvedMove) -> None:
        """Raise InvalidValueError if an earlier statement is about the same address."""
        source, target, moved = move.source, move.target, self._valid_statements.moved
        other_source = self._sources_by_target.get(target)
        if source in self._valid_statements.removed:
            error = _build_error(
                "duplicate-statement",
                f"{_format_address(source)} is listed in [[removed]], too",
                "one of the two",
            )
        elif source in moved:
            error = _build_error(
                "duplicate-statement",
                f"{_format_address(source)} is already moved to {_format_address(moved[source])}",
            )
        elif other_source:
            problem = f"{_format_address(target)} is already moved from {_format_address(other_source)}"
            error = _build_error("duplicate-statement", problem, "one former address")
        else:
            return
        raise error.nest_under(*move.source_path)

    def _describe_declared(self, address: Address) -> str:
        return f"{_format_address(address)} is still declared at {self._declarations[address].origin}"


def _is_empty(source: object, declaration: Declaration) -> bool:
    """Return whether a resource's own `moved` has no former address, as from an empty cell of a manifest.

    The cell is the whole address, or only the name in it.
    """
    has_row = declaration.origin.row is not None
    return source == "" or (has_row and source == f"{declaration.address.kind}.")


def _check_keys(entries: Mapping[str, object], keys: Sequence[str]) -> Iterator[ValueProblem]:
    """Yield the problems of unknown and missing keys; all of `keys` are required."""
    for name in entries:
        if name not in keys:
            yield build_unknown_key_problem(name, keys)
    for name in keys:
        if name not in entries:
            yield build_missing_key_problem(name, _DESTROY_FORMAT if name == "destroy" else _ADDRESS_FORMAT)


def _parse_address(value: object) -> Address:
    """Return the address that a statement names. Raises InvalidValueError."""
    if not isinstance(value, str):
        raise _build_error("wrong-type", f"got {describe_value(value)}", _ADDRESS_FORMAT)
    try:
        address = Address.parse(value)
    except ValueError:
        raise _build_error(
            "invalid-address", f"{quote(value)} is not a valid address", _ADDRESS_FORMAT
        ) from None
    if find_kind(address.kind):
        return address
    kinds = all_kinds()
    suggestion = Suggestion(
        address.kind, kinds, suffix=str(address).removeprefix(address.kind), replaces_expected=True
    )
    problem = f"unknown kind {quote(address.kind)}"
    raise InvalidValueError(ValueProblem("unknown-kind", problem, format_choices(sorted(kinds)), suggestion))


def _resolve_move(move: _Move) -> _ResolvedMove:
    source_path = (*move.path, "from")
    try:
        source = _parse_address(move.source)
    except InvalidValueError as error:
        raise error.nest_under(*source_path) from None
    try:
        target = _parse_address(move.target)
    except InvalidValueError as error:
        raise error.nest_under("to") from None
    return _ResolvedMove(move.declaration, source_path, source, target)


def _find_ends(targets: Mapping[Address, Address]) -> Mapping[Address, Address | None]:
    """Return the address that each former address leads to by any number of moves, or None in a cycle.

    `targets` has the new address of every move, by the former address.
    """
    ends: dict[Address, Address | None] = {}
    for source in targets:
        address, chain = source, dict[Address, None]()
        while address in targets and address not in ends and address not in chain:
            chain[address] = None
            address = targets[address]
        end = None if address in chain else ends.get(address, address)
        ends |= dict.fromkeys(chain, end)
    return ends


def _describe_id(kind: Kind) -> str:
    owner = kind.owned_through
    alternative = f", or the {get_kind(owner.table).noun} that has it" if owner else ""
    return f"{kind.table}.ID{alternative}, or {kind.table}.{ALL_NAMES} for all"


def _format_address(address: Address) -> str:
    return format_path(address.header)


def _build_error(code: str, problem: str, expected: str | None = None) -> InvalidValueError:
    return InvalidValueError(ValueProblem(code, problem, expected))
