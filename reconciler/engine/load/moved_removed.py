"""`[[removed]]`, `[[moved]]` and a table's own `moved`: what becomes of addresses that the file no longer has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import Factory, define, frozen

from reconciler.engine.load.declaration import Declaration, Finding, Path, Table
from reconciler.engine.load.value_error import Wrong
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.resource import Origin
from reconciler.model.text import closest_match, describe_value, format_choices, format_path, quote

REMOVED, MOVED = "removed", "moved"
KEYS: Mapping[str, Sequence[str]] = {REMOVED: ("from", "destroy"), MOVED: ("from", "to")}
WITHIN = ("from",)
"""What `moved` says inside a resource's own table."""

TRANSITIONS = tuple(KEYS)
"""The arrays of tables that are about addresses which the file no longer has."""

_AN_ADDRESS = "kind.name, such as 'things.pump-7'"
_KEEP = "destroy = false; what is to be deleted needs no word, only its table taken out"


@frozen
class Renaming:
    """`to` was `source`; said in a declaration, at a path inside it."""

    declaration: Declaration
    path: Path
    source: object
    to: object


@define
class Transitions:
    """What is understood so far, and what is wrong with the rest."""

    removed: dict[Address, Origin] = Factory(dict)
    moved: dict[Address, Address] = Factory(dict)
    findings: list[Finding] = Factory(list)


def transitions(
    tables: Sequence[Table],
    within: Sequence[tuple[Declaration, Mapping[str, str]]],
    declared: Mapping[Address, Declaration],
    workspace: str,
) -> Transitions:
    """All of them; `within` are the tables that say `moved` themselves, and what they say."""
    made = Transitions()
    renamings: list[Renaming] = []
    for table in tables:
        wrongs = [*_keys(table.entries, KEYS[table.names[0]])]
        made.findings += (Finding(table, wrong) for wrong in wrongs)
        if table.names[0] == REMOVED:
            _remove(table, declared, workspace, made)
        elif not wrongs:
            renamings.append(Renaming(table, (), table.entries["from"], table.entries["to"]))
    for declaration, said in within:
        wrongs = [wrong.under(MOVED) for wrong in _keys(said, WITHIN)]
        made.findings += (Finding(declaration, wrong) for wrong in wrongs)
        if not wrongs:
            renamings.append(Renaming(declaration, (MOVED,), said["from"], str(declaration.address)))
    _move(renamings, declared, made)
    return made


def _keys(entries: Mapping[str, object], valid: Sequence[str]) -> Iterator[Wrong]:
    for name in entries:
        if name not in valid:
            nearest = closest_match(name, valid)
            yield Wrong("unknown key", None if nearest else format_choices(valid), nearest, (name,))
    for name in valid:
        if name not in entries:
            yield Wrong("missing", _KEEP if name == "destroy" else _AN_ADDRESS, path=(name,))


def _address(value: object, path: Path) -> Address:
    """Raises Wrong."""
    kinds = all_kinds()
    if not isinstance(value, str):
        raise Wrong(describe_value(value), _AN_ADDRESS, path=path)
    try:
        found = Address.parse(value)
    except ValueError:
        raise Wrong(f"{quote(value)} is not an address", _AN_ADDRESS, path=path) from None
    if found.kind not in kinds:
        nearest = closest_match(found.kind, kinds)
        near = f"{nearest}.{found.name}" if nearest else None
        raise Wrong(
            f"unknown kind {quote(found.kind)}", None if near else format_choices(sorted(kinds)), near, path
        )
    return found


def _remove(table: Table, declared: Mapping[Address, Declaration], workspace: str, made: Transitions) -> None:
    destroy = table.entries.get("destroy", False)
    if destroy is not False:
        made.findings.append(Finding(table, Wrong(describe_value(destroy), _KEEP, path=("destroy",))))
    if "from" not in table.entries:
        return
    try:
        address = _address(table.entries["from"], ("from",))
        _can_be_forgotten(address, declared, workspace, made)
    except Wrong as wrong:
        made.findings.append(Finding(table, wrong))
    else:
        made.removed[address] = table.origin


def _can_be_forgotten(
    address: Address, declared: Mapping[Address, Declaration], workspace: str, made: Transitions
) -> None:
    """Raises Wrong for what is still wanted, for the marks, and for what the registry does not know by that name."""
    kind, where = all_kinds()[address.kind], ("from",)
    if address in declared:
        raise Wrong(_still(address, declared), "an address that is no longer in it", path=where)
    if address in made.removed:
        raise Wrong(f"said twice; the first is at {made.removed[address]}", path=where)
    if address in reserved_addresses(workspace):
        raise Wrong("this marks what the workspace owns, and goes with that", "another address", path=where)
    if kind.composed_of:
        problem = f"once its table is gone, a {kind.noun} is a thing like any other"
        raise Wrong(problem, "things.NAME, with the thing's name in AWS", path=where)
    if kind.orphan_name_pattern and not kind.orphan_name_pattern.fullmatch(address.name):
        problem = "AWS knows a certificate by its id alone, and not by the name that it had here"
        raise Wrong(problem, "certificates.ID, or the thing that has it, which takes it along", path=where)


def _still(address: Address, declared: Mapping[Address, Declaration]) -> str:
    return f"{_told(address)} is still in this file, at {declared[address].origin}"


def _told(address: Address) -> str:
    return format_path((address.kind, address.name))


def _move(renamings: Sequence[Renaming], declared: Mapping[Address, Declaration], made: Transitions) -> None:
    understood: list[tuple[Renaming, Address, Address]] = []
    for each in renamings:
        try:
            pair = _address(each.source, (*each.path, "from")), _address(each.to, ("to",))
        except Wrong as wrong:
            made.findings.append(Finding(each.declaration, wrong))
        else:
            understood.append((each, *pair))
    onward = {source: to for _, source, to in understood}
    for each, source, to in understood:
        try:
            _can_be_moved(each, source, to, onward, declared)
            _once(each, source, to, made)
        except Wrong as wrong:
            made.findings.append(Finding(each.declaration, wrong))
        else:
            made.moved[source] = to


def _can_be_moved(
    each: Renaming,
    source: Address,
    to: Address,
    onward: Mapping[Address, Address],
    declared: Mapping[Address, Declaration],
) -> None:
    """Raises Wrong: from one address that has gone to one of the same kind that has come, in one stride."""
    where = (*each.path, "from")
    if source.kind != to.kind:
        nouns = all_kinds()[source.kind].noun, all_kinds()[to.kind].noun
        raise Wrong(f"a {nouns[0]} does not become a {nouns[1]}", f"an address in [{to.kind}.*]", path=where)
    if source in declared:
        raise Wrong(_still(source, declared), "an address that is no longer in it", path=where)
    if to in declared:
        return
    if to in onward:
        end, seen = onward[to], {source, to}
        while end in onward and end not in seen:
            seen.add(end)
            end = onward[end]
        if end in seen:
            raise Wrong(f"{_told(to)} is moved as well, in a circle", "a name in this file", path=("to",))
        raise Wrong(f"{_told(to)} is moved on to {_told(end)}", f"{str(end)!r} at once", path=("to",))
    names = [address.name for address in declared if address.kind == to.kind]
    near = closest_match(to.name, names)
    raise Wrong(
        f"there is no {_told(to)} in this file",
        None if near else f"a name in [{to.kind}.*]",
        f"{to.kind}.{near}" if near else None,
        ("to",),
    )


def _once(each: Renaming, source: Address, to: Address, made: Transitions) -> None:
    """Raises Wrong where two want one name, or one is to have two."""
    where = (*each.path, "from")
    if source in made.removed:
        raise Wrong(f"{_told(source)} is removed, too", "one of both", path=where)
    if source in made.moved:
        raise Wrong(f"{_told(source)} is moved to {_told(made.moved[source])} already", path=where)
    others = [other for other, name in made.moved.items() if name == to]
    if others:
        raise Wrong(f"{_told(to)} was {_told(others[0])} already", "one former name", path=where)
