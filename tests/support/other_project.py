"""Find what would install the other project, whose distribution is `reconciler`.

Texts are searched, not parsed: pages, workflows, scripts, notebooks and code. So commands are also found inside sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

INSTALLER = r"\b(?:pip[\d.]*|pipx|uv|poetry|pdm|conda|mamba|pipenv)(?![\w-])"
INSTALL = r"\b(?:install|add|inject|download|wheel)\b"
INSTALL_COMMAND = re.compile(rf"{INSTALLER}[^\n`|;&#]*?{INSTALL}(?![`-])", re.IGNORECASE)
RUN_COMMAND = re.compile(r"\b(?:pipx run|uvx|uv tool run|uv run)\b", re.IGNORECASE)

WRAPPED_COMMAND = re.compile(
    rf"({INSTALLER}(?: tool| pip)?)[ \t]*\n[ \t>#*]*(?=(?:pip|tool|run|install|add|inject)\b)", re.IGNORECASE
)
WRAPPED_ARGUMENT = re.compile(
    rf"({INSTALL}(?:[ \t]+-\S+)*)[ \t]*\n[ \t>#*]*(?=[\"\'`]?reconciler)", re.IGNORECASE
)
LIST_SEPARATOR = re.compile(r"[\"\'] *, *[\"\']")
"""The separator of words in a command that is a list, as in `["pip", "install", "name"]`."""

WORD = re.compile(r"[ \t]*(\"[^\"\n]*\"|\'[^\'\n]*\'|[^\s`\"\'|;]+)")
WORDS_AFTER_COMMANDS = frozenset({"&", "&&", "and", "or", "then", "to", "before", "after"})
OPTIONS_WITH_VALUES = frozenset({"--with", "--from", "--spec", "--python", "-p"})

NAME = r"reconciler(?![\w/-]|\.\w)"
EXTRAS = r"\[(?:notebook|serve|all|dev|docs)\b[^\]\n]*\]"
SOURCE = r" *@ *(?:git\+|https?:|file:)"
OTHER_REQUIREMENT = re.compile(rf"(?:\w+==?)?{NAME}(?:\[.*\])?(?: *@.*| *[<>=~!].*)?[.,:)\]]*", re.IGNORECASE)

REQUIREMENTS = [
    re.compile(rf"(?<![\w./-])reconciler(?:{EXTRAS}|{SOURCE}| *[=~>]= *\d)", re.IGNORECASE),
    re.compile(rf"dependencies *[:=] *\[[^\]]*(?<![\w./-]){NAME}", re.IGNORECASE),
    re.compile(
        rf"(?:dependencies|pip|packages): *\n(?:[ \t]*- [^\n]*\n)*?[ \t]*- *[\"\']?{NAME}[\"\']?[ \t]*$",
        re.IGNORECASE | re.MULTILINE,
    ),
    # A file of requirements that a page or a script shows.
    re.compile(
        rf"requirements[\w./-]*\.(?:txt|in)\b[^\n]*\n(?:(?! *```|[ >]*\n)[^\n]*\n)*?[ \t>]*{NAME}[ \t]*(?:#.*)?$",
        re.IGNORECASE | re.MULTILINE,
    ),
    # A sentence with the name as code.
    re.compile(
        rf"(?<!not )(?<!never )\binstall`?\s+(?:the\s+(?:package|distribution)\s+)?`{NAME}(?:\[[^\]`]*\])?`",
        re.IGNORECASE,
    ),
]
REQUIREMENTS_FILE = re.compile(r"(?:^|/)(?:requirements|constraints)(?:/[^/]*|[\w.-]*)\.(?:txt|in)$")
REQUIREMENT_LINE = re.compile(rf"^{NAME}[^\n]*", re.IGNORECASE | re.MULTILINE)


def find_installs_of_the_other_project(text: str, path: str = "") -> list[str]:
    """Return the commands and requirements in a file's text that would install the other project."""
    commands = LIST_SEPARATOR.sub(" ", text.replace("\\\n", " "))
    commands = WRAPPED_ARGUMENT.sub(r"\1 ", WRAPPED_COMMAND.sub(r"\1 ", commands))
    patterns = [*REQUIREMENTS, *([REQUIREMENT_LINE] if REQUIREMENTS_FILE.search(path) else [])]
    return [
        *_find_install_commands(commands),
        *_find_run_commands(commands),
        *(match[0] for pattern in patterns for match in pattern.finditer(text)),
    ]


def _find_install_commands(text: str) -> Iterator[str]:
    for command in INSTALL_COMMAND.finditer(text):
        for word in _read_words(text, command.end()):
            if OTHER_REQUIREMENT.fullmatch(word):
                yield f"{command[0]} … {word}"


def _find_run_commands(text: str) -> Iterator[str]:
    """Find commands that install a distribution to run its program."""
    for command in RUN_COMMAND.finditer(text):
        # `uv run` runs a program of the project in the current folder.
        names_distribution = command[0].lower() == "uv run"
        words = _read_words(text, command.end())
        for word in words:
            option, _, value = word.partition("=")
            if option in OPTIONS_WITH_VALUES:
                value = value or next(words, "")
                names_distribution |= option in {"--from", "--spec"}
                if OTHER_REQUIREMENT.fullmatch(value.strip("\"'")):
                    yield f"{command[0]} {option} {value}"
            elif not word.startswith("-"):
                if not names_distribution and OTHER_REQUIREMENT.fullmatch(word):
                    yield f"{command[0]} {word}"
                break


def _read_words(text: str, position: int) -> Iterator[str]:
    """Yield the words of a command from a position on, without quotes, until the command ends."""
    while match := WORD.match(text, position):
        word = match[1]
        if word.lower() in WORDS_AFTER_COMMANDS or word.startswith("#"):
            return
        yield word.strip("\"'")
        if word.endswith((",", ":", "&&")) or (word.endswith(".") and word.strip(".")):
            return
        position = match.end()
