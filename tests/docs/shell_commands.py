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
    r"(?:\bpip3?|\bpipx|\buv(?: pip| tool)?|-m pip) (?:install|add|run|inject|upgrade)\b([^\n`#]*)|\buvx (?:--from )?([^\n`#]*)"
)


def is_run(command: str) -> bool:
    """Return whether the runner runs a command; it does not install or fetch anything."""
    return not _NOT_RUN.match(command)


def check_command(command: str) -> None:
    """Raise a PageError unless a reader can run the command and it stays in the page's folder."""
    first_line = command.partition("\n")[0]
    first_line = first_line.lstrip("( ")
    words = first_line.split() if "<<" in first_line else shlex.split(first_line, comments=True)
    program = next((word for word in words if not re.match(r"\w+=", word)), "export")
    if program not in _PROGRAMS:
        raise PageError(f"$ {command}\nis not a command that every reader can run")
    if program in {"rm", "mv"} and any(word.startswith(("/", "~")) or ".." in word for word in words):
        raise PageError(f"$ {command}\nwould change files outside the page's folder")


def check_install_commands(text: str) -> None:
    """Raise a PageError if a command of the page installs an unexpected package.

    The package index has another project named `reconciler`.
    """
    for match in _INSTALL.finditer(text):
        command, words = match[0], (match[1] or match[2]).replace('"', " ").replace("'", " ").split()
        for package in _list_packages(words):
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
