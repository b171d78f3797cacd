"""Rules for the shell commands of a page: programs, packages, and what is not run."""

from __future__ import annotations

import re
import shlex

from tests.docs.checkout import PageError

DISTRIBUTION = "iot-reconciler"
OTHER_PACKAGES = frozenset(
    {"awscli", "boto3", "build", "ipykernel", "jupyterlab", "notebook", "pip", "pre-commit", "pytest"}
)
"""Other packages that pages can install."""
_NOT_RUN = re.compile(
    r"(pip3?|pipx|uv|uvx|docker|gh|glab)( |$)|git clone |python3? -m (venv|pip)( |$)|source \S+/bin/activate$|deactivate$"
)
_PROGRAMS = frozenset(
    re.split(
        r"\s+",
        """reconciler python python3 aws curl openssl git jq
        cat cd chmod cp cut date diff disown echo env export false find for grep head if jobs kill ls mkdir mktemp mv printf pwd rm sed
        seq set sleep sort tail tee test touch tr true umask uniq unset until wait wc while [ [[""",
    )
)
"""Programs that a reader has; `rm` and `mv` must stay in the page's folder."""
_INSTALL = re.compile(
    r"(?:\bpip3?|\bpipx|\buv(?: pip| tool)?|-m pip) (?:install|add|download|run|inject|upgrade)\b([^\n`#]*)|\buvx (?:--from )?([^\n`#]*)"
)
_RUNNERS = re.compile(r"(?:pipx|uv|uv tool) run|uvx")

_SHELL_TOKEN = re.compile(
    r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|(?P<operator>&&|\|\||[;|\n]|&(?=\s))|(?P<comment>(?<=\s)\#[^\n]*)|.""",
    re.DOTALL,
)
_SHOWN_COMMAND = re.compile(
    r"\s*(?:\$ |(?:\w+=(?:\"[^\"]*\"|'[^']*'|\S*) +)*(?:reconciler|make|pip3?|pipx|uv|aws|python3?|git clone|docker|curl)(?: |$))"
)


def is_run(command: str) -> bool:
    """Return whether the runner runs a command; it does not install or fetch anything."""
    return not _NOT_RUN.match(command)


def looks_like_command(line: str) -> bool:
    """Return whether a line of text starts as a command does, with or without `$ ` and variables."""
    return bool(_SHOWN_COMMAND.match(line))


def partition_command(command: str) -> tuple[str, str, str]:
    """Return the first of the commands in a line, the operator after it, and the rest."""
    for match in _SHELL_TOKEN.finditer(command):
        if match["operator"]:
            return command[: match.start()].strip(), match[0], command[match.end() :].strip()
    return command, "", ""


def check_command(command: str) -> None:
    """Raise a PageError unless a reader can run the command and it stays in the page's folder."""
    _check_no_installation(command)
    first_line = command.partition("\n")[0]
    first_line = first_line.lstrip("( ")
    words = first_line.split() if "<<" in first_line else shlex.split(first_line, comments=True)
    program = next((word for word in words if not re.match(r"\w+=", word)), "export")
    if program not in _PROGRAMS:
        raise PageError(f"$ {command}\nis not a command that every reader can run")
    if program in {"rm", "mv"} and any(word.startswith(("/", "~")) or ".." in word for word in words):
        raise PageError(f"$ {command}\nwould change files outside the page's folder")


def _check_no_installation(command: str) -> None:
    """Raise a PageError if a part of the line, such as that after `;`, is a command that is not run."""
    rest = command.partition("\n")[0] if "<<" in command else command
    while rest:
        part, _, rest = partition_command(rest)
        if not is_run(part):
            raise PageError(f"$ {command}\ninstalls or fetches something; put that on its own line")


def check_install_commands(text: str) -> None:
    """Raise a PageError if a command of the page installs an unexpected package.

    The package index has another project named `reconciler`.
    """
    for match in _INSTALL.finditer(text):
        command = match[0]
        words = re.sub(r"[\"']", " ", match[1] or match[2] or "").split()
        packages = _list_packages(words)
        if _RUNNERS.match(command):
            packages = packages[:1]  # the others are arguments of its program
        for package in packages:
            if package not in {DISTRIBUTION, *OTHER_PACKAGES}:
                raise PageError(f"{command}\ninstalls {package!r}; expected {DISTRIBUTION!r}")


def _list_packages(words: list[str]) -> list[str]:
    """Return the names of the packages among the arguments of an install command."""
    packages = []
    skips_next = False
    for word in words:
        if skips_next:
            skips_next = False
        elif word in {
            "-r",
            "-c",
            "-e",
            "--requirement",
            "--constraint",
            "--editable",
            "--with",
            "--python",
            "@",
        }:
            skips_next = True
        elif word in {"&&", ";", "|", "\\"}:
            break
        elif (
            not word.startswith(("-", ".", "/")) and "://" not in word and not word.endswith((".whl", ".gz"))
        ):
            packages.append(re.split(r"[\[=<>~!@;]", word)[0])
    return packages
