"""Run the README's commands, edits and code in order, as a reader would, and update its outputs.

- ```` ```console ````: each line that begins with `$` is run, and the lines after it are its output. If no lines follow, the output is
  not shown. A line `…` matches any lines. `exit=N` after `console` is the exit code of the last command. `make TARGET` runs the
  recipe in the Makefile if its commands are all `reconciler` and `echo`.
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
"""Environment variables of the commands; a variable with the value None is removed."""

ANY_LINES = "…"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PRINT = re.compile(r"^(print\(.*\)  # )(.*)$")


class ReadmeError(Exception):
    """A fault in the README that updating its outputs does not correct, such as an unknown command."""


def copy_checkout(folder: Path) -> Path:
    """Copy the files that the commands need to `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / FILE, folder / FILE)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return folder


def update_outputs(readme: str, folder: Path) -> str:
    """Run the README in `folder` and return it with every output updated.

    `folder` is a checkout, which the commands change.
    """
    with contextlib.chdir(folder):
        return _BLOCK.sub(_update_block, readme)


def remove_durations(text: str) -> str:
    """Return the text with every duration set to zero, because durations differ from run to run."""
    text = re.sub(r"^([✔✖] \w+ +\S+ +)\d+\.\d+ s$", r"\g<1>0 s", text, flags=re.MULTILINE)
    return re.sub(r"(Apply complete in|applied in) \d+\.\d+ s", r"\1 0 s", text)


def find_commands(readme: str) -> Iterator[str]:
    """Yield every command in the README, without its `$`."""
    for block in _BLOCK.finditer(readme):
        if block[1] == "console":
            yield from (line[2:] for line in block[3].splitlines() if line.startswith("$ "))


def run_reconciler(
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
    """Run the commands of a block and return the updated block.

    The last command must exit with the expected code, and all commands before it with 0.
    """
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
            return run_reconciler(*words)
        case ["make", target]:
            return _run_make(target)
        case ["source", ".venv/bin/activate"] if "VENV   := .venv\n" in _read_makefile():
            return 0, ""  # the Makefile creates this environment; here, `reconciler` is run in this process
        case _:
            raise ReadmeError(f"$ {command}\nis not a command that every reader can run")


def _read_makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def read_recipe(target: str) -> list[str]:
    """Return the Makefile's commands for a target, without the `@` that keeps make from printing them."""
    match = re.search(rf"^{re.escape(target)}:[^\n]*\n((?:\t[^\n]*\n?)*)", _read_makefile(), re.MULTILINE)
    if not match:
        raise ReadmeError(f"the Makefile has no target {target!r}")
    return [line.strip().lstrip("@") for line in match[1].splitlines()]


def _run_make(target: str) -> tuple[int, str]:
    """Run the recipe of a target, and return its exit code and its output.

    A recipe with other programs than `reconciler` and `echo`, such as one that runs the tests, is not run: it only has to exist.
    """
    commands = [shlex.split(line.replace("$(BIN)/", "")) for line in read_recipe(target)]
    if any(program not in {"reconciler", "echo"} for program, *_ in commands):
        return 0, ""
    output = ""
    for program, *words in commands:
        exit_code, printed = (
            run_reconciler(*words) if program == "reconciler" else (0, f"{' '.join(words)}\n")
        )
        output += printed
        if exit_code:
            return exit_code, output
    return 0, output


def _update_shown_output(shown: list[str], actual: list[str]) -> list[str]:
    """Return the lines that the README should show.

    If no line is `…`, the actual output is shown. Otherwise, the shown lines stay if they match the actual output; if they do not,
    the lines before the first `…` and after the last `…` are updated.
    """
    if ANY_LINES not in shown:
        return actual
    pattern = "\n".join(
        "(?:.*\n)*?.*" if line == ANY_LINES else re.escape(remove_durations(line)) for line in shown
    )
    if re.fullmatch(pattern, remove_durations("\n".join(actual))):
        return shown
    first, last = shown.index(ANY_LINES), len(shown) - 1 - shown[::-1].index(ANY_LINES)
    tail_length = len(shown) - 1 - last
    return [*actual[:first], *shown[first : last + 1], *(actual[-tail_length:] if tail_length else ())]


def _edit_file(body: str) -> None:
    """Apply a diff to the desired state; its old lines must occur there exactly once."""
    lines = body.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    path = Path(FILE)
    text = path.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise ReadmeError(f"{FILE} does not contain this exactly once:\n{before}")
    path.write_text(text.replace(before, after), encoding="utf-8")


def _run_python(body: str) -> str:
    """Run the code, and return it with the comment after each `print` updated."""
    texts_by_line: dict[int, str] = {}

    def record_print(*values: object, **_: object) -> None:
        line_number = sys._getframe(1).f_lineno  # of the call of `print`
        texts_by_line[line_number] = " ".join(map(str, values))

    with _reader_environment():
        exec(
            compile(body, "README.md", "exec"),
            {"__builtins__": {**vars(builtins), "print": record_print}},
        )
    lines = body.splitlines()
    for number, text in texts_by_line.items():
        lines[number - 1] = _PRINT.sub(lambda match, text=text: match[1] + text, lines[number - 1])
    return "".join(f"{line}\n" for line in lines)


def _check_toml(body: str) -> None:
    """Load a desired state from the text, and raise an error if it is not valid.

    The text may lack the `[workspace]` table.
    """
    path = Path("shown.toml")
    workspace_table = "" if "[workspace]" in body else '[workspace]\nname = "shown"\n\n'
    path.write_text(workspace_table + body, encoding="utf-8")
    with _reader_environment():
        Workspace(path).desired  # noqa: B018 (raises with every diagnostic)
    path.unlink()


@contextlib.contextmanager
def _reader_environment() -> Iterator[None]:
    """Remove the variables in `ENVIRONMENT` within the block, because a reader may not have set them."""
    removed = {name: os.environ.pop(name) for name in ENVIRONMENT if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(removed)
