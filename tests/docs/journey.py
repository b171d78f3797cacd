"""The README's commands, edits and code, run one after the other as a reader would, and what they then show.

- ```` ```console ````: each `$` line is run, and what follows it is what it shows; nothing, where nothing follows. A line
  `…` stands for any lines. `exit=N` after `console` is how the last command ends. `make` runs the Makefile's own recipe.
- ```` ```diff ````: an edit of `desired_state.toml`.
- ```` ```python ````: run; what a line `print(…)  # …` prints stands in its comment.
- ```` ```toml ````: a desired state, or a part of one, that must be valid; it changes nothing.
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

ANYTHING = "…"
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PRINTED = re.compile(r"^(print\(.*\)  # )(.*)$")


class UntrueError(Exception):
    """The README says what is not so, in a way that no new text can mend."""


def checkout(folder: Path) -> Path:
    """What a reader has after cloning, as far as the commands look at it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / FILE, folder / FILE)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return folder


def retold(readme: str, folder: Path) -> str:
    """The README with every shown output as it is today. `folder` is a checkout."""
    with contextlib.chdir(folder):
        return _BLOCK.sub(_retold, readme)


def steady(text: str) -> str:
    """Without what differs from run to run: how long it took."""
    text = re.sub(r"^([✔✖] \w+ +\S+ +)\d+\.\d+ s$", r"\g<1>0 s", text, flags=re.MULTILINE)
    return re.sub(r"(Done in|applied in) \d+\.\d+ s", r"\1 0 s", text)


def commands(readme: str) -> Iterator[str]:
    """Every command that is shown."""
    for block in _BLOCK.finditer(readme):
        if block[1] == "console":
            yield from (line[2:] for line in block[3].splitlines() if line.startswith("$ "))


def run(
    *words: str, environment: Mapping[str, str | None] = ENVIRONMENT, remarks: bool = True
) -> tuple[int, str]:
    """One `reconciler …`: its exit code, and what it shows; without `remarks`, the result alone."""
    result = CliRunner().invoke(cli, words, env=environment, prog_name="reconciler")
    return result.exit_code, result.output if remarks else result.stdout


def _retold(block: re.Match[str]) -> str:
    language, about, body = block.groups()
    match language:
        case "console":
            body = _console(body, int(about.partition("exit=")[2] or 0))
        case "diff":
            _edit(body)
        case "python":
            body = _python(body)
        case "toml":
            _toml(body)
    return f"```{language}{about}\n{body}```"


def _console(body: str, expected: int) -> str:
    told: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            told.append((line[2:], []))
        else:
            told[-1][1].append(line)
    lines = []
    for number, (command, shown) in enumerate(told, 1):
        code, output = _command(command)
        if code != (expected if number == len(told) else 0):
            raise UntrueError(f"$ {command}\nends with {code}:\n{output}")
        lines += [f"$ {command}", *(_merged(shown, output.rstrip("\n").split("\n")) if shown else ())]
    return "".join(f"{line}\n" for line in lines)


def _command(command: str) -> tuple[int, str]:
    match shlex.split(command):
        case ["reconciler", *words]:
            return run(*words)
        case ["make", target]:
            return _make(target)
        case ["source", ".venv/bin/activate"] if "VENV   := .venv\n" in _makefile():
            return 0, ""
        case _:
            raise UntrueError(f"$ {command}\nis not known to be runnable by whoever reads it")


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """The Makefile's lines for a target, without what tells make to be quiet."""
    found = re.search(rf"^{re.escape(target)}:[^\n]*\n((?:\t[^\n]*\n?)*)", _makefile(), re.MULTILINE)
    if not found:
        raise UntrueError(f"the Makefile has no target {target!r}")
    return [line.strip().lstrip("@") for line in found[1].splitlines()]


def _make(target: str) -> tuple[int, str]:
    """A recipe of our own commands is run; one of others (the tests among them) is only there."""
    output, steps = "", [shlex.split(line.replace("$(BIN)/", "")) for line in recipe(target)]
    if any(step[0] not in {"reconciler", "echo"} for step in steps):
        return 0, ""
    for command, *words in steps:
        code, told = run(*words) if command == "reconciler" else (0, f"{' '.join(words)}\n")
        output += told
        if code:
            return code, output
    return 0, output


def _merged(shown: list[str], actual: list[str]) -> list[str]:
    """What is shown, with today's lines in it: the first and the last ones where `…` stands for what is between."""
    if ANYTHING not in shown:
        return actual
    pattern = "\n".join("(?:.*\n)*?.*" if line == ANYTHING else re.escape(steady(line)) for line in shown)
    if re.fullmatch(pattern, steady("\n".join(actual))):
        return shown
    first, last = shown.index(ANYTHING), len(shown) - 1 - shown[::-1].index(ANYTHING)
    tail = len(shown) - 1 - last
    return [*actual[:first], *shown[first : last + 1], *(actual[-tail:] if tail else ())]


def _edit(body: str) -> None:
    lines = body.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
    path = Path(FILE)
    text = path.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise UntrueError(f"{FILE} does not have this once:\n{before}")
    path.write_text(text.replace(before, after), encoding="utf-8")


def _python(body: str) -> str:
    printed: dict[int, str] = {}

    def note(*values: object, **_: object) -> None:
        printed[sys._getframe(1).f_lineno] = " ".join(map(str, values))

    with _environment():
        exec(compile(body, "README.md", "exec"), {"__builtins__": {**vars(builtins), "print": note}})
    lines = body.splitlines()
    for number, told in printed.items():
        lines[number - 1] = _PRINTED.sub(lambda line, told=told: line[1] + told, lines[number - 1])
    return "".join(f"{line}\n" for line in lines)


def _toml(body: str) -> None:
    path = Path("shown.toml")
    head = "" if "[workspace]" in body else '[workspace]\nname = "shown"\n\n'
    path.write_text(head + body, encoding="utf-8")
    with _environment():
        Workspace(path).desired  # noqa: B018 (raises with every mistake)
    path.unlink()


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """The process's own, as a reader has it."""
    kept = {name: os.environ.pop(name) for name in ENVIRONMENT if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
