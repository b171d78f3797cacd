"""Check the commands, options and make targets that a page has in backticks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import click
from markdown_it import MarkdownIt

from reconciler.cli.main import cli
from reconciler.notebook.extension import COMMANDS
from tests.docs.checkout import PageError, read_recipe

_ASSIGNMENT = re.compile(r"\w+=")
_OPTION = re.compile(r"--[a-z][a-z-]*|-[a-zA-Z]")
_PLACEHOLDER = re.compile(r"[A-Z_]+|…")
_MAGIC_OPTIONS = {"-f", "--yes"}
_NAMES = frozenset(cli.list_commands(click.Context(cli)))
_parser = MarkdownIt("commonmark").enable("table")


def find_inline_code(text: str) -> list[str]:
    """Return every text in backticks, without the blocks of code."""
    return [
        child.content
        for token in _parser.parse(text)
        for child in token.children or []
        if child.type == "code_inline"
    ]


def find_problem(code: str) -> str | None:
    """Return what is wrong with a command or an option in backticks; None for any other text."""
    words = code.split()
    while words and _ASSIGNMENT.match(words[0]):
        del words[0]
    match words:
        case ["reconciler", *arguments]:
            return _check_command(arguments)
        case [name, *arguments] if name in _NAMES and any(map(_OPTION.match, arguments)):
            return _check_command(words)
        case ["make", *targets]:
            return _check_targets(targets)
        case ["%reconcile", *arguments]:
            return _check_magic(arguments)
        case [name, *values] if _OPTION.fullmatch(name.partition("=")[0]):
            return _check_option_of_any_command(name, values)
    return None


def _check_command(arguments: Sequence[str]) -> str | None:
    """Follow the names of groups and commands, and check each option where it stands."""
    command: click.Command = cli
    remaining = iter(arguments)
    for word in remaining:
        name, _, value = word.partition("=")
        if word in {"|", ">", "&&"}:
            return None
        if _OPTION.fullmatch(name):
            option = _find_option(command, name)
            if option is None:
                return f"{command.name!r} has no option {name!r}"
            if not option.is_flag and (problem := _check_value(option, value or next(remaining, ""))):
                return problem
        elif isinstance(command, click.Group) and not _PLACEHOLDER.fullmatch(word):
            inner = command.get_command(click.Context(command), word)
            if inner is None:
                return f"{command.name!r} has no command {word!r}"
            command = inner
    return None


def _check_option_of_any_command(name: str, values: Sequence[str]) -> str | None:
    name, _, value = name.partition("=")
    options = [option for command in _iterate_commands(cli) if (option := _find_option(command, name))]
    if not options:
        return f"no command has the option {name!r}"
    problems = [_check_value(option, value or " ".join(values)) for option in options]
    return problems[0] if all(problems) else None


def _check_value(option: click.Option, value: str) -> str | None:
    """Check a value that must be one of the option's choices; it can be left out."""
    if not value or not isinstance(option.type, click.Choice) or _PLACEHOLDER.fullmatch(value):
        return None
    return None if value in option.type.choices else f"{option.opts[-1]!r} cannot be {value!r}"


def _check_targets(targets: Sequence[str]) -> str | None:
    for target in targets:
        if not _ASSIGNMENT.match(target):
            try:
                read_recipe(target)
            except PageError as error:
                return str(error)
    return None


def _check_magic(arguments: Sequence[str]) -> str | None:
    if arguments and arguments[0] not in {*COMMANDS, *_MAGIC_OPTIONS}:
        return f"%reconcile has no command {arguments[0]!r}"
    options = [word for word in arguments if word.startswith("-") and word not in _MAGIC_OPTIONS]
    return f"%reconcile has no option {options[0]!r}" if options else None


def _find_option(command: click.Command, name: str) -> click.Option | None:
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option) and name in {*parameter.opts, *parameter.secondary_opts}:
            return parameter
    return None


def _iterate_commands(command: click.Command) -> Iterator[click.Command]:
    """Yield a command; for a group, also all commands in it."""
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if inner := command.get_command(context, name):
                yield from _iterate_commands(inner)
