"""Everything a person reads is plain English, as CONTRIBUTING and docs/glossary.md describe it.

The words and phrases below should not be used. `language_exceptions.toml` has the number of accepted uses, by file and rule; these
numbers may only shrink.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from attrs import frozen

from reconciler.cli.main import cli
from tests.docs.checkout import ROOT

MAX_SUMMARY_LENGTH, MAX_FIRST_LINE_LENGTH, MAX_TEST_NAME_LENGTH = 60, 100, 100
MIN_TEST_NAME_WORDS = 4
FOLDERS = ("reconciler", "tests", "notebooks", ".github", ".githooks")
PAPERS = (
    *("*.md", "*.toml", "Makefile", "docs/**/*.md", "notebooks/*.ipynb"),
    *(".github/**/*.md", ".github/**/*.yml", ".github/**/*.sh"),
    *("reconciler/**/*.toml", "reconciler/**/*.js", "reconciler/**/*.css", "reconciler/**/*.html"),
)
"""Globs of the files other than Python code that people read."""

EXCEPTIONS = ROOT / "tests" / "language_exceptions.toml"

REPLACED_PHRASES = {
    "told, tell, say of data": r"\b(?:told|tells?|telling|says?|said)\b",
    "'is no X' for 'is not a valid X'": r"(?<!there )(?<!There )\b(?:is|are|was|were) no (?!longer\b|more than\b|such\b)\w",
    "pronouns for roles": r"\b(?:nobody|somebody|whoever|whatever|whichever)\b",
    "metaphors": r"\b(?:anew|beside|besides|bears?|bore|lets? go|letting go|for good|in vain|by now|at the least|so many|so much"
    r"|any more|stands? for|come to be|comes to be|of its own accord)\b",
    "'go' for delete": r"\b(?:goes away|has gone|have gone|is gone|are gone|that goes|what goes|which goes|to go)\b",
    "fronted relative clauses": r"(?:^|[.:;] )(?:What|Who|Whoever|Of|Whatever|Which|Where there)\b(?![^.?]*\?)",
    "'is to be' for the future": r"\b(?:is|are) to be\b",
    "'Law' for invariant": r"\bLaw:",
    "British spelling": r"(?i:\b(?:colour|behaviour|honour|favour|flavour|neighbour|labour|(?:recogni|organi|seriali|deseriali"
    r"|normali|initiali|summari|optimi|minimi|maximi|synchroni|authori|customi|capitali|generali)s(?:e|es|ed|er|ing|able|ations?)\b"
    r"|analys(?:e|ed|er|ers|ing)\b|cancelled(?!\(\))|cancelling|labelled\b|labelling|modelled|modelling|licence|centre|catalogue"
    r"|artefact|grey|defence|whilst)\w*)",
}
"""Patterns of the words and phrases that the house style replaces, by rule."""

COMPILED_PHRASES = {
    rule: re.compile(pattern.replace(" ", r"\s"), re.MULTILINE) for rule, pattern in REPLACED_PHRASES.items()
}
"""The same, for prose in which a phrase may continue on the next line."""

REPLACED_NAMES = frozenset(
    [
        "told",
        "said",
        "found",
        "given",
        "made",
        "seen",
        "going",
        "gone",
        "beside",
        "there",
        "why",
        "anew",
        "asked",
        "wished",
        "halfway",
        "meant",
        "at_work",
        "whole",
        "judged",
        "come",
        "ours",
        "theirs",
        "nobody",
        "stretched",
        "tangled",
        "knots",
        "blown",
    ]
)
"""Names that are bare participles, adverbs or pronouns; a name should be a noun, a verb or a predicate."""

NAME_FIELDS = ("name", "id", "attr", "arg", "asname", "rest")
"""The fields of syntax nodes that have names; `rest` is that of a mapping pattern, `asname` that of an import."""


STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|.)*?"""'
    r"|'''(?:\\.|.)*?'''"
    r'|"(?:\\.|[^"\\])*"'
    r"|'(?:\\.|[^'\\])*'"
    r"|\#[^\n]*",
    re.DOTALL,
)

only_one_worker_reads_the_files = pytest.mark.xdist_group("language")


@frozen
class PythonFile:
    """The parts of a Python file that the tests check."""

    path: str
    prose: list[str]
    """Comments, and docstrings and other texts of at least two words; an f-string is one text."""
    names: list[str]
    """All names that the code defines, and those of its arguments, in lower case."""
    docstrings: list[str]
    functions: list[str]
    classes: list[str]
    """The names of the classes that are not inside another class or function."""


@cache
def read_python_files() -> list[PythonFile]:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [parse_python_file(path) for path in paths]


def parse_python_file(path: Path) -> PythonFile:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    definitions = [tree, *functions, *(node for node in nodes if isinstance(node, ast.ClassDef))]
    docstrings = [ast.get_docstring(definition) for definition in definitions]
    return PythonFile(
        path.relative_to(ROOT).as_posix(),
        prose=[*find_texts(nodes), *find_comments(text)],
        names=list(find_names(nodes)),
        docstrings=[docstring for docstring in docstrings if docstring is not None],
        functions=[function.name for function in functions],
        classes=[node.name for node in tree.body if isinstance(node, ast.ClassDef)],
    )


def is_prose(text: str) -> bool:
    """Return whether the text has at least two words, as keys and values have not, and is not SQL."""
    return len(text.split()) > 1 and not re.match(r"\s*(?:SELECT|INSERT|CREATE|UPDATE|DELETE|CASE)\b", text)


def join_pieces(text: ast.JoinedStr) -> str:
    """Return the text of an f-string, with `x` in the place of each value."""
    return "".join(str(piece.value) if isinstance(piece, ast.Constant) else "x" for piece in text.values)


def find_texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    f_strings = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    pieces = {piece for f_string in f_strings for piece in f_string.values}
    yield from filter(is_prose, map(join_pieces, f_strings))
    for node in nodes:
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in pieces
        if is_text and is_prose(node.value):
            yield node.value


def find_comments(text: str) -> Iterator[str]:
    """Yield all comments that people write for people.

    Python's `tokenize` finds the same, but takes fifty times as long.
    """
    for token in STRING_OR_COMMENT.findall(text):
        if token.startswith("#") and not token.startswith(("#!", "# noqa", "# type:")):
            yield token.lstrip("# ")


def find_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if not isinstance(getattr(node, "ctx", None), ast.Load):
            fields = ("asname",) if isinstance(node, ast.alias) else NAME_FIELDS
            names = (getattr(node, field, None) for field in fields)
            yield from (name.strip("_").lower() for name in names if isinstance(name, str))


def read_paper(path: Path) -> str:
    """Return the text of a file, or the sources of all cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


@cache
def count_replaced_phrases(prose: str) -> Counter[str]:
    """Return how often the prose violates each rule."""
    lines = re.sub(r"[ \t]*\n[ \t]*", "\n", prose)
    return +Counter({rule: len(pattern.findall(lines)) for rule, pattern in COMPILED_PHRASES.items()})


def style_findings() -> Counter[str]:
    """Return how often each file violates each rule, by `file: rule`, without zeros."""
    counts: Counter[str] = Counter()
    this_file = Path(__file__).relative_to(ROOT).as_posix()
    for file in read_python_files():
        if file.path == this_file:
            continue
        for prose in (*file.prose, *(name.replace("_", " ") for name in file.names)):
            for rule, count in count_replaced_phrases(prose).items():
                counts[f"{file.path}: {rule}"] += count
        counts[f"{file.path}: bare participles and pronouns as names"] += sum(
            name in REPLACED_NAMES for name in file.names
        )
    for path in (path for paper in PAPERS for path in ROOT.glob(paper)):
        place = path.relative_to(ROOT).as_posix()
        for rule, count in count_replaced_phrases(read_paper(path)).items():
            counts[f"{place}: {rule}"] += count
    return +counts


@only_one_worker_reads_the_files
def test_no_text_or_name_uses_a_replaced_word_unless_it_is_a_listed_exception():
    allowed = Counter(tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))["allowed"])
    findings = style_findings()
    assert {"new": dict(findings - allowed), "no longer needed": dict(allowed - findings)} == {
        "new": {},
        "no longer needed": {},
    }


def count_long_summaries() -> Counter[str]:
    """Count the docstrings of each file that do not begin with one short sentence.

    The first line must be a sentence of at most `MAX_FIRST_LINE_LENGTH` characters, followed by an empty line or the end.
    """
    counts: Counter[str] = Counter()
    for file in read_python_files():
        for docstring in file.docstrings:
            lines = docstring.split("\n")
            is_sentence = lines[0].endswith((".", "?", "…", ":")) and len(lines[0]) <= MAX_FIRST_LINE_LENGTH
            if not is_sentence or lines[1:2] not in ([], [""]):
                counts[file.path] += 1
    return counts


def count_unreadable_test_names() -> Counter[str]:
    """Count test names by file that begin with a relative clause, are too long or have too few words."""
    counts: Counter[str] = Counter()
    for file in read_python_files():
        for name in file.functions:
            if file.path.startswith("tests/") and name.startswith("test_"):
                words = re.findall(r"[a-z]+", name.removeprefix("test_"))
                is_inverted = re.match(r"test_(?:what|whoever|whatever|of|who|which|where)_", name)
                is_short = len(words) < MIN_TEST_NAME_WORDS
                if is_inverted or is_short or len(name) > MAX_TEST_NAME_LENGTH:
                    counts[file.path] += 1
    return counts


@only_one_worker_reads_the_files
@pytest.mark.parametrize(
    ("rule", "count_findings"),
    [("docstrings", count_long_summaries), ("test_names", count_unreadable_test_names)],
)
def test_docstring_summaries_and_test_names_follow_the_style_except_where_listed(rule, count_findings):
    allowed = Counter(tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))[rule])
    findings = count_findings()
    assert (dict(findings - allowed), dict(allowed - findings)) == ({}, {})


def walk_commands(group: click.Group, path: str = "reconciler") -> Iterator[tuple[str, click.Command]]:
    """Yield every command and every group of commands with its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from walk_commands(command, f"{path} {name}")


COMMANDS = dict(walk_commands(cli))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_every_command_is_short_and_begins_with_a_verb(name):
    summary = (COMMANDS[name].help or "").split("\n\n")[0].replace("\n", " ")
    first_word = summary.split(" ", 1)[0]
    assert (summary.endswith("."), len(summary) <= MAX_SUMMARY_LENGTH) == (True, True), summary
    assert not re.match(r"(?:The|A|An|What|Which|Where|Who|\w+s|\w+ing|\w+ed)$", first_word), summary


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_text_of_every_option_begins_with_a_capital_and_ends_with_a_period(name):
    options = [
        option for option in COMMANDS[name].params if isinstance(option, click.Option) and not option.hidden
    ]
    texts = {max(option.opts, key=len): option.help or "" for option in options}
    assert {
        option: text for option, text in texts.items() if not text.endswith(".") or not text[:1].isupper()
    } == {}


@only_one_worker_reads_the_files
def test_no_public_class_name_is_used_twice():
    """The registry and the rest are checked separately: both may have a class for a thing of AWS IoT."""
    places = defaultdict(list)
    for file in read_python_files():
        side = "inside the registry" if "/registry/" in file.path else "outside the registry"
        for name in file.classes:
            if file.path.startswith("reconciler/") and not name.startswith("_"):
                places[side, name].append(file.path)
    assert {name: paths for (_, name), paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("Detach policies before deleting a thing", 0),
        ("Merge branch 'main'", 0),
        ("Embed the schema", 0),
        ("Process events in order", 0),
        ("Focus the search field", 0),
        ('Revert "Embed the schema"', 0),
        ("fixup! Embed the schema", 0),
        ("What a review found is told", 1),
        ("Fixed the order of deletions", 1),
        ("Fixes the order of deletions", 1),
        ("Adds a test", 1),
        ("Did the rest of the deletions", 1),
        ("Done with the deletions", 1),
        ("Better messages", 1),
        ("Various small changes", 1),
        (f"Merge branch '{'x' * 72}'", 1),
        (f'Revert "{"x" * 72}"', 1),
        ("fix the order of deletions", 1),
        ("Fix the order of deletions.", 1),
        ("Fix the order of deletions, of creations, of replacements and of all other steps", 1),
        ("", 1),
    ],
)
def test_the_commit_hook_accepts_only_short_imperative_subjects(subject, code, tmp_path):
    message = tmp_path / "message"
    message.write_text(f"{subject}\n\nBody.\n", encoding="utf-8")
    hook = ROOT / ".githooks" / "check_subject.py"
    assert (
        subprocess.run([sys.executable, hook, message], capture_output=True, check=False).returncode == code
    )
