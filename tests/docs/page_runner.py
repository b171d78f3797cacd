"""Run the commands, edits and code of a page in order, as a reader would, and update its outputs.

A page has one bash session. It starts in an empty folder; the README and CONTRIBUTING start in a copy of the checkout. The rules for
blocks:

- ```` ```console ````: a line that begins with `$ ` is a command, and following lines that begin with `> ` continue it. The lines after it are
  its output, stdout and stderr together. If no lines follow, the output is not shown. A line `…` matches any lines. A command must
  exit with 0. If `<!-- exit: N -->` is the line before the block, its last command must exit with N.
- Commands that install or fetch, such as `pip`, `git clone` and `docker`, are not run; what follows them after `&&` is. In a checkout,
  `make TARGET` runs the recipe in the Makefile if its commands are all `reconciler` and `echo`.
- ```` ```toml ````: a desired state, or a part of one, that must be valid.
- ```` ```diff ````: an edit of `desired_state.toml`, or of the file that a line `--- FILE` names.
- ```` ```python ````: code that is run; a page has one namespace. The comment after `print(…)  # ` is the output, also if the call
  has several lines.
- ```` ```yaml ````, ```` ```json ````: must parse.
- A block whose first line is a comment with a file name, such as `# ci.toml`, is written to that file.
- ```` ```text ````, ```` ```csv ````, ```` ```mermaid ````: are shown only, so they contain no commands.
- Directives that show code, such as ```` ```{code-block} ````, and fences of colons are errors.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import json
import re
import sys
import textwrap
import tomllib
import traceback
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from reconciler import ReconcilerError, Workspace
from tests.docs.bash_session import BashSession
from tests.docs.checkout import FILE, PageError, copy_checkout, read_recipe
from tests.docs.shell_commands import (
    check_command,
    check_install_commands,
    is_run,
    looks_like_command,
    partition_command,
)
from tests.docs.volatile import Substitutions, normalize

ANY_LINES = "…"
SHOWN_ONLY = frozenset({"text", "csv", "mermaid"})
_BLOCK = re.compile(
    r"^(?P<exit> *<!-- exit: (?P<code>\d+) -->\n)?(?P<indent> *)```(?P<language>[\w-]+)(?P<options>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_FILE_NAME = re.compile(r"# ((?:[\w.-]+/)*(?:[\w-]*\.[\w.-]+|Dockerfile|Makefile))\n")
_COMMENT_IS_PART_OF_FILE = frozenset({"toml", "yaml", "python", "ini"})
_OUTPUT_COMMENT = re.compile(r"( +# ?)(.*)")
_DIRECTIVES = frozenset({"{eval-rst}", "{include}", "{literalinclude}", "{toctree}"})
_RST_DIRECTIVES = frozenset({"autoclass", "autoexception", "currentmodule"})
_COLON_FENCE = re.compile(r"^[ >]*:{3,}", re.MULTILINE)
_GENERATED = re.compile(r"^<!-- generated: .*?^<!-- /generated -->$", re.DOTALL | re.MULTILINE)


def run_page(text: str, folder: Path, *, is_in_checkout: bool = False) -> str:
    """Run the page's blocks in a new folder in `folder`, and return the page with every output updated.

    Raises:
        PageError: If a command, an edit or code fails, or a block breaks a rule.
    """
    check_install_commands(text)
    _check_blocks(text)
    expected_codes = sum(block["exit"] is not None for block in _BLOCK.finditer(text))
    if text.count("<!-- exit:") != expected_codes:
        raise PageError("`<!-- exit: N -->` must be the line before a console block")
    runner = _PageRunner(folder, is_in_checkout=is_in_checkout)
    try:
        return _BLOCK.sub(runner.update_block, text)
    finally:
        runner.close()


def list_commands(text: str) -> list[str]:
    """Return every command of the page, without its `$`."""
    return [
        command
        for block in _BLOCK.finditer(text)
        if block["language"] == "console"
        for command, _ in _split_console(textwrap.dedent(block["body"]))
    ]


def _check_blocks(text: str) -> None:
    """Raise a PageError if the page has blocks or shows commands that would not be run."""
    if match := _COLON_FENCE.search(text):
        raise PageError(f"a fence of colons is not allowed: {match[0]!r}")
    languages = []
    for block in MarkdownIt("commonmark").parse(text):
        if block.type not in {"fence", "code_block"}:
            continue
        language = block.info.partition(" ")[0]
        if block.info.startswith("{"):
            _check_directive(language, block.content)
        else:
            languages.append(language)
    seen_languages = [block["language"] for block in _BLOCK.finditer(text)]
    if seen_languages != languages:
        raise PageError(f"the page has blocks of {languages}, but the runner sees only {seen_languages}")
    for block in _BLOCK.finditer(_GENERATED.sub("", text)):
        if block["language"] in SHOWN_ONLY:
            _check_shown_text(block["language"], block["body"])


def _check_directive(name: str, content: str) -> None:
    if name not in _DIRECTIVES:
        raise PageError(f"the directive {name} is not allowed; use a block that the runner knows")
    inner_directives = set(re.findall(r"^\s*\.\. ([\w:-]+)::", content, re.MULTILINE))
    if name == "{eval-rst}" and (others := inner_directives - _RST_DIRECTIVES):
        raise PageError(f"directives that are not allowed in {name}: {', '.join(sorted(others))}")


def _check_shown_text(language: str, body: str) -> None:
    for line in body.splitlines():
        if looks_like_command(line):
            raise PageError(f"a {language!r} block is not run; show this command in a console block: {line}")


class _PageRunner:
    """The session and the Python namespace of one page."""

    def __init__(self, folder: Path, *, is_in_checkout: bool) -> None:
        self._is_in_checkout = is_in_checkout
        self._folder = folder
        self._start = folder / "fleet"
        self._substitutions = Substitutions()
        self._namespace: dict[str, object] = {}
        self._clone: str | None = None

    @cached_property
    def _session(self) -> BashSession:
        if self._is_in_checkout:
            copy_checkout(self._start)
        else:
            self._start.mkdir(parents=True)
        return BashSession(self._start, self._folder / "session")

    def close(self) -> None:
        if "_session" in vars(self):
            self._session.close()

    def update_block(self, block: re.Match[str]) -> str:
        indent, language = block["indent"], block["language"]
        body = "".join(line.removeprefix(indent) for line in block["body"].splitlines(keepends=True))
        try:
            updated = self._run_block(language, body, int(block["code"] or 0))
        except (ReconcilerError, ValueError, yaml.YAMLError) as error:
            raise PageError(f"{error}\nin this block:\n{body}") from error
        updated = textwrap.indent(updated, indent)
        return f"{block['exit'] or ''}{indent}```{language}{block['options']}\n{updated}{indent}```"

    def _run_block(self, language: str, body: str, exit_code: int) -> str:
        if match := _FILE_NAME.match(body):
            self._write_file(match[1], body if language in _COMMENT_IS_PART_OF_FILE else body[match.end() :])
            if language not in {"yaml", "toml"}:
                return body
        handlers: Mapping[str, Callable[[str], object]] = {
            "diff": self._edit_file,
            "toml": self._check_toml if not match else tomllib.loads,
            "yaml": lambda text: list(yaml.safe_load_all(text)),
            "json": json.loads,
        }
        if language == "console":
            return self._run_console(body, exit_code)
        if language == "python":
            return self._run_python(body)
        if language in handlers:
            handlers[language](body)
        elif language not in SHOWN_ONLY:
            raise PageError(
                f"a block cannot be {language!r}; the first lines of page_runner.py list the rules"
            )
        return body

    def _run_console(self, body: str, expected_code: int) -> str:
        """Run the commands of a block and return the updated block."""
        commands = _split_console(body)
        lines = []
        for number, (command, shown_output) in enumerate(commands, 1):
            actual_command = self._substitutions.to_actual(command)
            exit_code, output = self._run_command(actual_command)
            if exit_code != (expected_code if number == len(commands) else 0):
                raise PageError(f"$ {command}\nexits with {exit_code}:\n{output}")
            first, *continuation = self._substitutions.to_shown(command).split("\n")
            lines += [f"$ {first}", *(f"> {line}".rstrip() for line in continuation)]
            if output is None or not shown_output:
                lines += shown_output
            else:
                lines += self._update_shown_output(command, shown_output, output.rstrip("\n").split("\n"))
        return "".join(f"{line}\n" for line in lines)

    def _run_command(self, command: str) -> tuple[int, str | None]:
        """Run the command; return its exit code and its output, which is None if it was not run."""
        first, operator, rest = partition_command(command)
        if match := re.match(r"git clone .*?([\w.-]+?)(?:\.git)?/?$", first):
            self._clone = match[1]
        if not is_run(first) or (self._is_in_checkout and first == f"cd {self._clone}"):
            if operator not in {"", "&&"}:
                raise PageError(f"$ {command}\ncan be followed only by && and another command")
            return self._run_command(rest) if rest else (0, None)
        if self._is_in_checkout and (match := re.fullmatch(r"make(?: (\w+))?", command)):
            return self._run_make(match[1] or "")
        check_command(command)
        return self._session.run(command)

    def _run_make(self, target: str) -> tuple[int, str | None]:
        """Run the recipe of a target.

        A recipe with other programs than `reconciler` and `echo`, such as one that runs the tests, is not run: it only has to exist.
        """
        recipe = [line.replace("$(BIN)/", "") for line in read_recipe(target)]
        if any(line.split()[0] not in {"reconciler", "echo"} for line in recipe):
            return 0, None
        return self._session.run(" && ".join(recipe))

    def _update_shown_output(self, command: str, shown: list[str], actual: list[str]) -> list[str]:
        """Return the lines that the page should show.

        The shown lines stay if they match the actual output. If they do not, the actual output is shown; with lines `…`, only the lines
        before the first of them and after the last are updated.
        """
        if _matches(shown, actual):
            self._substitutions.learn(shown, actual, replaced=False)
            return shown
        self._substitutions.learn(shown, actual, replaced=True)
        if ANY_LINES not in shown:
            return actual
        first, last = shown.index(ANY_LINES), len(shown) - 1 - shown[::-1].index(ANY_LINES)
        tail_length = len(shown) - 1 - last
        updated = [*actual[:first], *shown[first : last + 1], *(actual[-tail_length:] if tail_length else ())]
        if not _matches(updated, actual):
            raise PageError(f"$ {command}\nshows lines that are not in its output:\n" + "\n".join(actual))
        return updated

    def _find_file(self, name: str) -> Path:
        path = (self._session.find_folder() / name).resolve()
        if not path.is_relative_to(self._start.resolve()):
            raise PageError(f"{name} is outside the page's folder")
        return path

    def _write_file(self, name: str, text: str) -> None:
        path = self._find_file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _edit_file(self, body: str) -> None:
        """Apply a diff; the old lines of each hunk must occur in the file exactly once."""
        names = re.findall(r"^--- (?:a/)?(\S+)$", body, re.MULTILINE)
        path = self._find_file(names[0] if names else FILE)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for hunk in re.split(
            r"^@@.*\n", re.sub(r"^(?:---|\+\+\+) .*\n", "", body, flags=re.MULTILINE), flags=re.MULTILINE
        ):
            lines = hunk.splitlines()
            before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
            after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
            if lines and text.count(before) != 1:
                raise PageError(f"{path.name} does not contain this exactly once:\n{before}")
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")

    def _run_python(self, body: str) -> str:
        """Run the code, and return it with the comment after each `print` updated."""
        comments = _find_output_comments(body)
        texts_by_line: dict[int, str] = {}

        def record_print(*values: object, **_: object) -> None:
            line_number = sys._getframe(1).f_lineno  # of the call of `print`
            texts_by_line[line_number] = " ".join(map(str, values))

        self._namespace["__builtins__"] = {**vars(builtins), "print": record_print}
        with self._session.enter(), contextlib.redirect_stdout(io.StringIO()):
            try:
                exec(compile(body, "page", "exec"), self._namespace)
            except Exception as error:
                raise PageError(f"{traceback.format_exc(limit=-3)}\nin this block:\n{body}") from error
        lines = body.splitlines()
        for start, (end, code, shown) in comments.items():
            text = texts_by_line.get(start)
            if text is None or "\n" in text:
                raise PageError(f"the comment after `print` is not its output: {lines[end - 1]}")
            if normalize(shown) != normalize(text):
                lines[end - 1] = f"{code}  # {text}"
        return "".join(f"{line}\n" for line in lines)

    def _check_toml(self, body: str) -> None:
        """Load a desired state from the text, which may lack the `[workspace]` table."""
        workspace_table = "" if "[workspace]" in body else '[workspace]\nname = "shown"\n\n'
        with self._session.enter():
            path = Path("shown.toml")
            path.write_text(workspace_table + body, encoding="utf-8")
            try:
                Workspace(path).desired  # noqa: B018 (raises with every diagnostic)
            finally:
                path.unlink()


def _find_output_comments(body: str) -> dict[int, tuple[int, str, str]]:
    """Return the comments after calls of `print`, by the line in which the call starts.

    Each has the line in which the call ends, the code of that line, and the text of the comment.
    """
    comments = {}
    lines = body.splitlines()
    for node in ast.walk(ast.parse(body)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            end = node.end_lineno or node.lineno
            line = lines[end - 1].encode()
            code, remainder = line[: node.end_col_offset].decode(), line[node.end_col_offset :].decode()
            if match := _OUTPUT_COMMENT.fullmatch(remainder):
                comments[node.lineno] = (end, code, match[2])
    return comments


def _split_console(body: str) -> list[tuple[str, list[str]]]:
    """Return each command of a block with the lines of its shown output."""
    commands: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        is_continued = bool(commands) and not commands[-1][1]
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif (is_continued and line.startswith(("> ", ">\n"))) or (is_continued and line == ">"):
            command, output = commands[-1]
            commands[-1] = (f"{command}\n{line[2:]}", output)
        elif commands:
            commands[-1][1].append(line)
        else:
            raise PageError(f"a console block must begin with a command, not with {line!r}")
    return commands


def _matches(shown: list[str], actual: list[str]) -> bool:
    """Return whether the lines are equal except for volatile values; a line `…` matches any lines."""
    pattern = "\n".join(
        "(?:.*\n)*?.*" if line == ANY_LINES else re.escape(line)
        for line in normalize("\n".join(shown)).split("\n")
    )
    return re.fullmatch(pattern, normalize("\n".join(actual))) is not None
