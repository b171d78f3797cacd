"""The layout of `kinds/`: one kind per module, and neither a kind, a helper nor the engine imports it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import engine, kinds
from reconciler.kinds import all_kinds, base, shared
from reconciler.kinds.base.account_settings import AccountSettings
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.marked_kind import MarkedKind
from reconciler.kinds.base.plain_kind import PlainKind

TABLES = frozenset(all_kinds())
KINDS_FOLDER, ENGINE_FOLDER = Path(kinds.__path__[0]), Path(engine.__path__[0])
FILES = sorted(KINDS_FOLDER.rglob("*.py"))
ENGINE_FILES = sorted(ENGINE_FOLDER.rglob("*.py"))


def find_imported_modules(file: Path) -> Iterator[str]:
    """Return the full names of the modules, or of the members of modules, that a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def find_imported_kinds(file: Path) -> set[str]:
    """Return the tables of the kinds whose modules a file imports."""
    parts = (name.removeprefix("reconciler.kinds.").split(".")[0] for name in find_imported_modules(file))
    return TABLES.intersection(parts)


def find_words_of_literals(file: Path) -> set[str]:
    """Return the words in a file's literals, without docstrings and messages; `kind.name` is one word."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    pieces = {piece for node in nodes if isinstance(node, ast.JoinedStr) for piece in node.values}
    words = set()
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            is_message = node in pieces and " " in node.value.strip()
            words |= set() if is_message else set(re.findall(r"[\w.-]+", node.value))
    return words


def get_relative_path(file: Path) -> str:
    return file.relative_to(KINDS_FOLDER.parent).as_posix()


def test_every_module_of_kinds_defines_the_kind_of_its_name():
    modules = [module.name for module in pkgutil.iter_modules(kinds.__path__) if not module.ispkg]
    tables = [importlib.import_module(f"reconciler.kinds.{name}").KIND.table for name in modules]
    assert [table.replace(".", "_") for table in tables] == modules


def test_the_only_folders_in_kinds_are_base_and_shared():
    assert {file.parent.relative_to(KINDS_FOLDER).as_posix() for file in FILES} == {".", "base", "shared"}


@pytest.mark.parametrize("package", [base, shared], ids=["base", "shared"])
def test_no_helper_defines_a_kind(package):
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        values = [
            value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__
        ]
        subclasses = [value for value in values if isinstance(value, type) and issubclass(value, Kind)]
        assert subclasses in (
            [],
            [Kind],
            [PlainKind],
            [MarkedKind],
            [AccountSettings],
        )  # the base classes themselves
        assert not hasattr(module, "KIND")


@pytest.mark.parametrize("file", FILES, ids=get_relative_path)
def test_no_module_of_kinds_imports_a_kind(file):
    assert find_imported_kinds(file) == set()


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.parent.name == "base"], ids=get_relative_path
)
def test_the_base_of_kinds_imports_nothing_shared(file):
    assert [name for name in find_imported_modules(file) if name.startswith("reconciler.kinds.shared")] == []


@pytest.mark.parametrize("file", ENGINE_FILES, ids=get_relative_path)
def test_the_engine_imports_no_kind_and_names_no_table(file):
    assert find_imported_kinds(file) | (find_words_of_literals(file) & TABLES) == set()
