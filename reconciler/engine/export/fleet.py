"""Group alike tables into tables with `for_each`, whose manifests have one row for each device.

A device is the tables of one name that refer to each other, such as a thing and its certificate. Devices are alike if their
tables have the same fields and refer to the same types. A value that differs between alike devices becomes a column.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any, TypeAlias

from reconciler.engine.export.tables import Table
from reconciler.engine.load.for_each import FOR_EACH
from reconciler.engine.load.manifests.builder import MAX_COLUMNS
from reconciler.frozen_classes import field, frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.schema import Member
from reconciler.model.address import Address
from reconciler.model.text import escape_invisible

MIN_DEVICES = 5
"""The minimum number of alike devices that get a table with `for_each`."""

_NAME = "name"
"""The column with the names of the devices, or the end of its name."""

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?")
"""A certificate, which is the only text of several lines in a manifest, where it is on one line."""

_UNSAFE_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9_-]+")

_Path: TypeAlias = tuple[str | int, ...]
_Device: TypeAlias = tuple[Table, ...]


@frozen
class ExportedManifest:
    """The rows of alike devices, as a CSV file; `file` is its name."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)


@frozen
class Fleets:
    """The tables of an export, ordered by kind, with the manifests of those that have `for_each`."""

    tables: tuple[Table, ...]
    manifests: tuple[ExportedManifest, ...]


def group_into_fleets(
    tables: Sequence[Table],
    is_taken: Callable[[str], bool],
    *,
    declared: Collection[Address] = (),
    min_devices: int = MIN_DEVICES,
) -> Fleets:
    """Return tables with `for_each` for alike devices, and the other tables as they are.

    The tables declare the same resources as before. `is_taken` returns whether a file name is in use already, and `declared` has
    the headers in the TOML file that the tables are appended to. Fewer than `min_devices` alike devices keep their tables.
    """
    devices_by_shape: defaultdict[Any, list[_Device]] = defaultdict(list)
    other_tables: list[Table] = []
    for device in _find_devices(tables):
        if not all(_is_plain(table.fields) for table in device):
            other_tables += device
        else:
            devices_by_shape[tuple(map(_describe_shape, device))].append(device)
    fleets: list[list[_Device]] = []
    for devices in devices_by_shape.values():
        if len(devices) < min_devices:
            other_tables += (table for device in devices for table in device)
        else:
            fleets += _split_by_columns(devices)
    fleets.sort(key=_get_sort_key)
    names = _FleetNames(fleets, is_taken, declared)
    builders = [_FleetBuilder(devices, *names.choose(devices)) for devices in fleets]
    fleet_tables = [table for builder in builders for table in builder.tables]
    return Fleets(
        tuple(_sort_by_kind([*fleet_tables, *other_tables])), tuple(builder.manifest for builder in builders)
    )


# ── devices ─────────────────────────────────────────────────────────────────────────────────────


def _find_devices(tables: Iterable[Table]) -> Iterator[_Device]:
    """Yield the tables in groups: those of one name that refer to each other are one device."""
    tables_by_name: defaultdict[str, list[Table]] = defaultdict(list)
    for table in tables:
        tables_by_name[table.address.name].append(table)
    for namesakes in tables_by_name.values():
        remaining = list(namesakes)
        while remaining:
            device = [remaining.pop(0)]
            for table in device:  # grows while it is read
                device += (other for other in remaining if _refers(table, other) or _refers(other, table))
                remaining = [other for other in remaining if other not in device]
            yield tuple(_sort_by_kind(device))


def _refers(table: Table, other: Table) -> bool:
    """Return whether a table refers to another one of the same name."""
    members = all_kinds()[table.address.kind].members
    for name, value in table.fields.items():
        if name in members and members[name].references == other.address.kind:
            values = value if isinstance(value, list) else [value]
            if other.address.name in values:
                return True
    return False


def _sort_by_kind(tables: Iterable[Table]) -> list[Table]:
    """Return the tables in the order of their kinds: a kind comes after those that it refers to."""
    order = {kind: number for number, kind in enumerate(all_kinds())}
    return sorted(tables, key=lambda table: order[table.address.kind])


# ── shapes ──────────────────────────────────────────────────────────────────────────────────────


def _is_plain(value: Any) -> bool:
    """Return whether the texts of a table can be in a table with `for_each` and in its manifest.

    Braces would have to be doubled, which makes JSON unreadable. CSV cannot escape invisible characters, as TOML can.
    """
    match value:
        case str():
            has_brace = "{" in value or "}" in value
            return not has_brace and (escape_invisible(value) == value or bool(_PEM.fullmatch(value)))
        case Mapping():
            return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
        case list():
            return all(map(_is_plain, value))
        case _:
            return True


def _describe_shape(table: Table) -> Any:
    """Return a hashable value that is equal for alike tables."""
    members = all_kinds()[table.address.kind].members
    fields = tuple(
        (name, _describe_field(members.get(name), value, table.address.name))
        for name, value in table.fields.items()
        if not _may_lack_entries(members.get(name))
    )
    return table.address.kind, table.comments, fields


def _describe_field(member: Member | None, value: Any, name: str) -> Any:
    is_constant = member is None or (bool(member.references) and not isinstance(value, list))
    return _describe_constant(value, name) if is_constant else _describe_value(value)


def _describe_constant(value: Any, name: str) -> Any:
    """Return a value that has to be equal for alike tables; the table's own name counts as the same."""
    return (_NAME,) if value == name else repr(value)


def _describe_value(value: Any) -> Any:
    """Return the structure of a value; its texts may differ between alike tables."""
    match value:
        case str():
            return str
        case Mapping():
            return tuple((key, _describe_value(item)) for key, item in value.items())
        case list():
            return ("list", *map(_describe_value, value))
        case _:
            return repr(value)


def _may_lack_entries(member: Member | None) -> bool:
    """Return whether an empty text in this map, such as an empty cell, means that there is no entry."""
    return member is not None and member.drops_empty_values


def _split_by_columns(devices: list[_Device]) -> list[list[_Device]]:
    """Return the devices in one group, or in several if one would have too many columns."""
    if len(_list_paths(devices)) < MAX_COLUMNS:
        return [devices]
    groups: defaultdict[Any, list[_Device]] = defaultdict(list)
    for device in devices:
        groups[tuple(path for table in device for path, _ in _iterate_texts(table.fields))].append(device)
    return [*groups.values()]


def _list_paths(devices: Iterable[_Device]) -> list[tuple[int, _Path]]:
    """Return the paths of all texts: the number of the table in a device, and the path in it."""
    paths = {
        (number, path): None
        for device in devices
        for number, table in enumerate(device)
        for path, _ in _iterate_texts(table.fields)
    }
    return [*paths]


def _iterate_texts(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, str]]:
    match value:
        case str():
            yield path, value
        case Mapping():
            for key, item in value.items():
                yield from _iterate_texts(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from _iterate_texts(item, (*path, index))


# ── tables with for_each ────────────────────────────────────────────────────────────────────────


def _get_sort_key(devices: Sequence[_Device]) -> tuple[str, str]:
    """Return the type of a fleet's devices, and the name of the first one."""
    device = devices[0]
    return str(device[-1].fields.get("thing_type", "")), device[0].address.name


class _FleetNames:
    """Chooses unused names for each fleet: of its file, and of the column with the devices' names.

    Two tables with `for_each` of one kind need different headers, such as `[things."{name}"]` and `[things."{pump_name}"]`.
    """

    def __init__(
        self,
        fleets: Sequence[Sequence[_Device]],
        is_taken: Callable[[str], bool],
        declared: Collection[Address],
    ) -> None:
        self._group_counts = Counter(devices[0][-1].address.kind for devices in fleets)
        self._is_taken = is_taken
        self._files: set[str] = set()
        self._headers = set(declared)

    def choose(self, devices: Sequence[_Device]) -> tuple[str, str]:
        """Return the name of the file and of the column.

        They are named after the main kind and, if there are several fleets, after its type.
        """
        device = devices[0]
        kind, thing_type = device[-1].address.kind, device[-1].fields.get("thing_type")
        stem, column = kind, _NAME
        if self._group_counts[kind] > 1 and isinstance(thing_type, str):
            suffix = _UNSAFE_IN_FILE_NAMES.sub("-", thing_type)
            stem, column = f"{kind}-{suffix}", f"{suffix}_{_NAME}"
        stems = chain([stem], (f"{stem}-{number}" for number in count(2)))
        file = next(
            name
            for name in (f"{stem}.csv" for stem in stems)
            if name not in self._files and not self._is_taken(name)
        )
        columns = chain([column], (f"{column}_{number}" for number in count(2)))
        column = next(
            column
            for column in columns
            if self._headers.isdisjoint(Address(table.address.kind, f"{{{column}}}") for table in device)
        )
        self._files.add(file)
        self._headers |= {Address(table.address.kind, f"{{{column}}}") for table in device}
        return file, column


class _FleetBuilder:
    """Builds the manifest of alike devices and their tables with `for_each`."""

    def __init__(self, devices: Sequence[_Device], file: str, name_column: str) -> None:
        self._devices = sorted(devices, key=lambda device: device[0].address.name)
        self._file = file
        self._name_text = f"{{{name_column}}}"
        self._names = [device[0].address.name for device in self._devices]
        self._cells_by_column: dict[str, list[str]] = {name_column: self._names}
        self._texts_by_path = {path: self._choose_text(*path) for path in _list_paths(self._devices)}
        self.tables = [self._build_table(number) for number in range(len(self._devices[0]))]
        # The other values are easier to read before the certificates.
        columns = sorted(
            self._cells_by_column,
            key=lambda column: self._cells_by_column[column][0].startswith("-----BEGIN"),
        )
        rows = zip(*(self._cells_by_column[column] for column in columns), strict=True)
        self.manifest = ExportedManifest(file, tuple(columns), tuple(rows))

    def _choose_text(self, number: int, path: _Path) -> str:
        """Return the text at a path with columns, and add a column if it needs one."""
        values = [_get_text(device[number].fields, path) for device in self._devices]
        if len(set(values)) == 1:
            return values[0]
        templates = {
            value.replace(name, self._name_text) for value, name in zip(values, self._names, strict=True)
        }
        if len(templates) == 1:
            return templates.pop()
        column = self._choose_column(self._devices[0][number].address.kind, path)
        self._cells_by_column[column] = [_to_cell(value) for value in values]
        return f"{{{column}}}"

    def _choose_column(self, kind: str, path: _Path) -> str:
        """Return an unused name for the column of a path; the shortest one that is clear."""
        parts = [str(part) for part in path if part not in {"env", "file", "id"}] or [kind]
        field_name, last = parts[0], parts[-1]
        member = all_kinds()[kind].members.get(field_name)
        if isinstance(path[-1], int) or last.isdigit():
            noun = all_kinds()[member.references].noun if member and member.references else field_name
            last = noun.replace(" ", "_")
        candidates = [last, f"{field_name}.{last}", f"{kind}.{field_name}.{last}"]
        candidates += [f"{last}_{number}" for number in range(2, MAX_COLUMNS + 2)]
        return next(name for name in candidates if name not in self._cells_by_column)

    def _build_table(self, number: int) -> Table:
        tables = [device[number] for device in self._devices]
        fields: dict[str, Any] = {FOR_EACH: {"file": self._file}}
        for table in tables:
            for name, value in table.fields.items():
                fields[name] = _merge(fields.get(name), self._fill(value, number, (name,)))
        return Table(Address(tables[0].address.kind, self._name_text), fields, tables[0].comments)

    def _fill(self, value: Any, number: int, path: _Path) -> Any:
        match value:
            case str():
                return self._texts_by_path[number, path]
            case Mapping():
                return {key: self._fill(item, number, (*path, key)) for key, item in value.items()}
            case list():
                return [self._fill(item, number, (*path, index)) for index, item in enumerate(value)]
            case _:
                return value


def _merge(first: Any, second: Any) -> Any:
    """Return a map with the entries of both; of other values, which are equal, the second."""
    return {**first, **second} if isinstance(first, Mapping) and isinstance(second, Mapping) else second


def _get_text(value: Any, path: _Path) -> str:
    """Return the text at a path, which is empty where an entry is missing."""
    for part in path:
        if isinstance(value, Mapping) and part not in value:
            return ""
        value = value[part]
    text: str = value
    return text


def _to_cell(text: str) -> str:
    """Return a text for a cell: a certificate is written on one line."""
    return "".join(text.split("\n")) if _PEM.fullmatch(text) else text
