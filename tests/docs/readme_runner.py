"""Run the README's commands, edits and code in order, as a reader would, and return their outputs.

- ```` ```console ````: each line that begins with `$` is run, and the lines after it are its output. Without such lines, the output
  is not compared. A line `…` matches any lines. `exit=N` after `console` is the exit code of the last command. `make` runs the
  Makefile's own recipe.
- ```` ```diff ````: an edit of `desired_state.toml`.
- ```` ```python ````: code that is run; the comment after `print(…)  # ` is its output.
- ```` ```toml ````: a desired state, or a part of one, that must be valid. It is not stored.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from click.testing import CliRunner

from reconciler import Workspace
from reconciler.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
FILE = "desired_state.toml"
ENVIRONMENT: Mapping[str, str | None] = {
    **dict.fromkeys(("COLUMNS", "FORCE_COLOR", "RECONCILER_FILE", "RECONCILER_REGISTRY", "TTY_COMPATIBLE")),
    "NO_COLOR": "1",
}

ANY_LINES = "…"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PRINT = re.compile(r"^(print\(.*\)  # )(.*)$")


class ReadmeError(Exception):
    """The README contains something that cannot be run, so no new output can correct it."""


def checkout(folder: Path) -> Path:
    """Copy to `folder` the files of a clone that the commands need."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / FILE, folder / FILE)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return folder


def update_outputs(readme: str, folder: Path) -> str:
    """Return the README with every output updated. `folder` is a checkout."""
    with contextlib.chdir(folder):
        return _BLOCK.sub(_update_block, readme)


def without_durations(text: str) -> str:
    """Return the text with every duration set to zero: it differs from run to run."""
    text = re.sub(r"^([✔✖] \w+ +\S+ +)\d+\.\d+ s$", r"\g<1>0 s", text, flags=re.MULTILINE)
    return re.sub(r"(Apply complete in|applied in) \d+\.\d+ s", r"\1 0 s", text)


def commands(readme: str) -> Iterator[str]:
    """Yield every command in the README."""
    for block in _BLOCK.finditer(readme):
        if block[1] == "console":
            yield from (line[2:] for line in block[3].splitlines() if line.startswith("$ "))


def run(
    *words: str, environment: Mapping[str, str | None] = ENVIRONMENT, stderr: bool = True
) -> tuple[int, str]:
    """Run one `reconciler` command; return its exit code and its output, with or without stderr."""
    result = CliRunner().invoke(cli, words, env=environment, prog_name="reconciler")
    return result.exit_code, result.output if stderr else result.stdout


def _update_block(block: re.Match[str]) -> str:
    language, options, body = block.groups()
    match language:
        case "console":
            body = _run_console(body, int(options.partition("exit=")[2] or 0))
        case "diff":
            _edit_file(body)
        case "python":
            body = _run_python(body)
        case "toml":
            _check_toml(body)
    return f"```{language}{options}\n{body}```"


def _run_console(body: str, expected_code: int) -> str:
    """Run the commands of a block, of which the last must exit with this code; return the updated block."""
    shown_commands: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            shown_commands.append((line[2:], []))
        else:
            shown_commands[-1][1].append(line)
    lines = []
    for number, (command, shown_output) in enumerate(shown_commands, 1):
        exit_code, output = _run_command(command)
        if exit_code != (expected_code if number == len(shown_commands) else 0):
            raise ReadmeError(f"$ {command}\nexits with {exit_code}:\n{output}")
        lines.append(f"$ {command}")
        if shown_output:
            lines += _update_shown_output(shown_output, output.rstrip("\n").split("\n"))
    return "".join(f"{line}\n" for line in lines)


def _run_command(command: str) -> tuple[int, str]:
    match shlex.split(command):
        case ["reconciler", *words]:
            return run(*words)
        case ["make", target]:
            return _run_make(target)
        case ["source", ".venv/bin/activate"] if "VENV   := .venv\n" in _makefile():
            return 0, ""
        case _:
            raise ReadmeError(f"$ {command}\nis not a command that every reader can run")


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """Return the Makefile's commands for a target, without the prefix that hides them."""
    match = re.search(rf"^{re.escape(target)}:[^\n]*\n((?:\t[^\n]*\n?)*)", _makefile(), re.MULTILINE)
    if not match:
        raise ReadmeError(f"the Makefile has no target {target!r}")
    return [line.strip().lstrip("@") for line in match[1].splitlines()]


def _run_make(target: str) -> tuple[int, str]:
    """Run a recipe of our own commands.

    A recipe with other commands, such as one that runs the tests, only has to exist.
    """
    output, commands = "", [shlex.split(line.replace("$(BIN)/", "")) for line in recipe(target)]
    if any(program not in {"reconciler", "echo"} for program, *_ in commands):
        return 0, ""
    for program, *words in commands:
        exit_code, printed = run(*words) if program == "reconciler" else (0, f"{' '.join(words)}\n")
        output += printed
        if exit_code:
            return exit_code, output
    return 0, output


def _update_shown_output(shown: list[str], actual: list[str]) -> list[str]:
    """Return the shown lines, updated from the actual output.

    Where `…` replaces lines, only the lines before the first and after the last `…` are updated.
    """
    if ANY_LINES not in shown:
        return actual
    pattern = "\n".join(
        "(?:.*\n)*?.*" if line == ANY_LINES else re.escape(without_durations(line)) for line in shown
    )
    if re.fullmatch(pattern, without_durations("\n".join(actual))):
        return shown
    first, last = shown.index(ANY_LINES), len(shown) - 1 - shown[::-1].index(ANY_LINES)
    tail_length = len(shown) - 1 - last
    return [*actual[:first], *shown[first : last + 1], *(actual[-tail_length:] if tail_length else ())]


def _edit_file(body: str) -> None:
    lines = body.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    path = Path(FILE)
    text = path.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise ReadmeError(f"{FILE} does not contain this exactly once:\n{before}")
    path.write_text(text.replace(before, after), encoding="utf-8")


def _run_python(body: str) -> str:
    printed: dict[int, str] = {}

    def record_print(*values: object, **_: object) -> None:
        printed[sys._getframe(1).f_lineno] = " ".join(map(str, values))

    with _reader_environment():
        exec(
            compile(body, "README.md", "exec"),
            {"__builtins__": {**vars(builtins), "print": record_print}},
        )
    lines = body.splitlines()
    for number, text in printed.items():
        lines[number - 1] = _PRINT.sub(lambda match, text=text: match[1] + text, lines[number - 1])
    return "".join(f"{line}\n" for line in lines)


def _check_toml(body: str) -> None:
    path = Path("shown.toml")
    workspace_table = "" if "[workspace]" in body else '[workspace]\nname = "shown"\n\n'
    path.write_text(workspace_table + body, encoding="utf-8")
    with _reader_environment():
        Workspace(path).desired  # noqa: B018 (raises with every diagnostic)
    path.unlink()


@contextlib.contextmanager
def _reader_environment() -> Iterator[None]:
    """Remove the variables that a reader does not have, and restore them at the end of the block."""
    removed = {name: os.environ.pop(name) for name in ENVIRONMENT if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(removed)
