"""A table of the commands, and a section for each command."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from reconciler.cli.main import cli
from reconciler.registry.faults import FAULT_KINDS
from tests.docs.markdown import build_anchor, join_code, mark_code, render_heading, render_table, unwrap

COMMON_OPTIONS = frozenset({"file", "debug", "color", "no_color", "help"})
"""The names of the options that every command has."""

_DEFAULT = re.compile(r" \(default: ([^()]+)\)\.?$")


def render_command_overview() -> str:
    """Render a table of the commands, each with a link to its section."""
    rows = [
        (f"[`{path}`](#{build_anchor(path)})", command.get_short_help_str(200))
        for path, command in _iterate_commands(cli, "reconciler")
    ]
    return render_table(("Command", "Description"), rows)


def render_command_reference() -> str:
    """Render a section for each command: usage, description and options."""
    return "\n\n".join(
        _render_command(path, command) for path, command in _iterate_commands(cli, "reconciler")
    )


def render_common_options() -> str:
    """Render a table of the options that every command has."""
    context = click.Context(cli)
    options = [
        option
        for option in cli.get_params(context)
        if isinstance(option, click.Option) and option.name in COMMON_OPTIONS
    ]
    return _render_options(options)


def render_fault_kinds() -> str:
    """Render a table of the kinds of fault rules."""
    return render_table(
        ("`kind`", "The call"), [(f"`{kind}`", effect) for kind, effect in FAULT_KINDS.items()]
    )


def _render_command(path: str, command: click.Command) -> str:
    options = _list_own_options(command)
    usage = f"{path}{' [OPTIONS]' if options else ''}{_list_arguments(command)}"
    parts = [
        render_heading(2, f"`{path}`"),
        f"```text\n{usage}\n```",
        mark_code(unwrap(command.help or ""), _list_argument_names(command)),
    ]
    if options:
        parts.append(_render_options(options))
    if command.epilog:
        parts.append(_render_epilog(command.epilog))
    return "\n\n".join(parts)


def _render_epilog(epilog: str) -> str:
    """Render an epilog: a title and lines that click keeps as they are (`\\b`)."""
    title, *lines = epilog.replace("\b", "").strip().splitlines()
    body = "\n".join(line.removeprefix("  ") for line in lines)
    return f"{title}\n\n```text\n{body}\n```"


def _render_options(options: list[click.Option]) -> str:
    rows = []
    for option in options:
        description, default = _split_help(option)
        rows.append((_format_option(option), mark_code(description), mark_code(default)))
    return render_table(("Option", "Description", "Default"), rows)


def _format_option(option: click.Option) -> str:
    names = sorted(option.opts, key=len)
    value = "" if option.is_flag or isinstance(option.type, click.Choice) else _describe_option_value(option)
    return ", ".join(f"`{name}{value}`" for name in names)


def _split_help(option: click.Option) -> tuple[str, str]:
    """Return an option's description, and its default as code, or "off" for a flag."""
    text = option.help or ""
    default = "off" if option.is_flag else ""
    if match := _DEFAULT.search(text):
        text = text[: match.start()] + "."
        default = match[1]
    if isinstance(option.type, click.Choice):
        text = f"{text} One of {join_code(option.type.choices)}."
    return text, _format_default(default, option)


def _format_default(default: str, option: click.Option) -> str:
    """Format a default that is a value as code; leave one in words as it is."""
    is_value = (
        bool(default) and " " not in default and not option.is_flag and default not in {"stdout", "none"}
    )
    return f"`{default}`" if is_value else default


def _iterate_commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, such as `reconciler registry path`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _iterate_commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _list_own_options(command: click.Command) -> list[click.Option]:
    return [
        option
        for option in command.params
        if isinstance(option, click.Option) and option.name not in COMMON_OPTIONS
    ]


def _list_arguments(command: click.Command) -> str:
    pieces = command.collect_usage_pieces(click.Context(command))
    return "".join(f" {piece}" for piece in pieces if piece != "[OPTIONS]")


def _list_argument_names(command: click.Command) -> list[str]:
    """Return the words for the command's arguments in its help, such as `ADDRESS` and `FILE`."""
    return re.findall(r"[A-Z]{3,}", _list_arguments(command))


def _describe_option_value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " " + ", ".join(option.type.choices)
    return f" {option.metavar or option.type.name.upper()}"
