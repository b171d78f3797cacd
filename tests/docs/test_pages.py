"""The README and all pages of the documentation are true.

Their commands and code are run, and their tables and pictures are compared.
"""

from __future__ import annotations

import difflib
import re
import time
import xml.etree.ElementTree as ET

import psutil
import pytest

from tests.docs import pictures
from tests.docs.bash_session import SHOWN_FOLDER
from tests.docs.checkout import README, ROOT, PageError, copy_checkout, list_pages, read_recipe
from tests.docs.generate import PICTURES, update_page, update_tables
from tests.docs.page_runner import list_commands, run_page

REGENERATE = "run `make regenerate`"
SERVER = "registry serve"
OTHER_PROJECT = "reconciler"
"""A distribution of that name exists, but is not this project's."""


def parametrize_pages():
    """Return a parameter for each page.

    Pages that serve a registry use the same port, so one worker runs them.
    """
    return [
        pytest.param(
            path,
            id=str(path.relative_to(ROOT)),
            marks=[pytest.mark.xdist_group("server's port")]
            if SERVER in path.read_text(encoding="utf-8")
            else [],
        )
        for path in list_pages()
    ]


def diff_texts(shown: str, actual: str) -> str:
    """Return the lines that differ, or an empty string."""
    return "\n".join(
        difflib.unified_diff(shown.splitlines(), actual.splitlines(), "page", "actual", lineterm="", n=1)
    )


@pytest.mark.parametrize("path", parametrize_pages())
def test_a_page_shows_what_its_commands_and_code_output(path, tmp_path):
    assert diff_texts(path.read_text(encoding="utf-8"), update_page(path, tmp_path)) == "", REGENERATE


def test_the_generated_sections_match_the_kinds_and_the_commands():
    for path in list_pages():
        text = path.read_text(encoding="utf-8")
        assert diff_texts(text, update_tables(text)) == "", f"{path}: {REGENERATE}"


def test_the_stored_pictures_are_equal_to_what_the_commands_draw_now(tmp_path):
    drawn = pictures.draw_pictures(copy_checkout(tmp_path / "pictures"))
    stored = {path.name: path.read_text(encoding="utf-8") for path in PICTURES.glob("*.svg")}
    assert sorted(stored) == sorted(drawn)
    for name, picture in stored.items():
        assert pictures.remove_digest(picture) == pictures.remove_digest(drawn[name]), f"{name}: {REGENERATE}"


def test_a_page_shows_every_picture_and_no_picture_loads_anything():
    text = "".join(path.read_text(encoding="utf-8") for path in list_pages())
    names = {path.name for path in PICTURES.iterdir()}
    assert names - set(re.findall(r"\.github/pictures/([\w.-]+)", text)) == set()
    for path in PICTURES.glob("*.svg"):
        picture = path.read_text(encoding="utf-8")
        ET.fromstring(picture)
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\S+|@import|@font-face|<script", picture) == []


def test_make_runs_the_commands_that_the_readme_shows():
    commands = list_commands(README.read_text(encoding="utf-8"))
    assert [command for command in commands if command.startswith("make ")][:2] == ["make apply", "make test"]
    assert [line for line in read_recipe("apply") if not line.startswith("echo")] == [
        "$(BIN)/reconciler apply --yes",
        "$(BIN)/reconciler plan --detailed-exitcode",
    ]
    assert read_recipe("test") == ["$(BIN)/python -m pytest -n auto --dist loadgroup --max-worker-restart=0"]


# ── the runner ──


def console(*lines: str) -> str:
    """Return a page with one console block."""
    return "\n".join(["```console", *lines, "```", ""])


INVALID_PAGES = {
    "unknown make target": console("$ make nothing"),
    "command that not every reader has": console("$ terraform plan"),
    "command that changes other folders": console("$ rm -rf /tmp/nothing"),
    "wrong exit code": console("$ reconciler validate --help", "$ false"),
    "failing command before the last": console("$ false", "$ true"),
    "expected failure that does not happen": "<!-- exit: 2 -->\n" + console("$ true"),
    "exit code before no block": "<!-- exit: 1 -->\n\n" + console("$ false"),
    "command that ends the shell": console("$ export CODE=1; exit 0"),
    "output before the first command": console("output", "$ true"),
    "line that the output does not have": console("$ echo a", "…", "b", "…"),
    "edit of a line that does not exist": "```diff\n-no such line\n+another\n```\n",
    "invalid desired state": "```toml\n[thing.pump-1]\n```\n",
    "failing code": "```python\n1 / 0\n```\n",
    "invalid JSON": "```json\n{]\n```\n",
    "invalid YAML": "```yaml\n{]\n```\n",
    "shell commands in another language": "```bash\ntrue\n```\n",
    "file outside the folder": "```text\n# ../../file.txt\n```\n",
    "invalid command after an installation": console("$ pip install iot-reconciler && reconciler nonsense"),
    "command after an installation without &&": console("$ pip install iot-reconciler; true"),
    "installation after a command": console("$ true && pip install iot-reconciler"),
    "directive that shows commands": "```{code-block} console\n$ reconciler nonsense\n```\n",
    "directive with colons": ":::{code-block} console\n$ reconciler nonsense\n:::\n",
    "directive with colons in a list": "1. Step:\n\n   ::::{note}\n   text\n   ::::\n",
    "directive in reStructuredText": "```{eval-rst}\n.. code-block:: console\n\n   $ reconciler nonsense\n```\n",
    "block with other fences": "~~~console\n$ true\n~~~\n",
    "block with more backticks": "````console\n$ true\n````\n",
    "indented code": "Run:\n\n    reconciler nonsense\n",
    "command in a text block": "```text\nreconciler plan\n```\n",
    "command with a prompt in a text block": "```text\n$ true\n```\n",
    "command with variables in a text block": '```text\nKEY="$(cat a b)" reconciler plan\n```\n',
    "make in a text block": "1. Step:\n\n   ```text\n   make apply\n   ```\n",
    "print that is not run": "```python\nif False:\n    print(1)  # 1\n```\n",
    "print of several lines of output": "```python\nprint('a\\nb')  # a\n```\n",
    "package of another project": console(f'$ pip install "{OTHER_PROJECT}[notebook]"'),
    "package of another project in a workflow": f"```yaml\nrun: pipx install {OTHER_PROJECT}==0.1\n```\n",
}


@pytest.mark.parametrize("name", INVALID_PAGES)
def test_a_page_that_cannot_be_followed_is_rejected(name, tmp_path):
    with pytest.raises(PageError):
        run_page(INVALID_PAGES[name], tmp_path, is_in_checkout=name == "unknown make target")


VALID_PAGES = {
    "folder and variables": console(
        "$ mkdir a && cd a", "$ export NAME=ana", "$ echo $NAME $(basename $PWD)", "ana a"
    ),
    "folder of the page": console("$ pwd", SHOWN_FOLDER),
    "heredoc": console(
        "$ cat > a.txt <<'EOF'", "> one", ">", "> two", "> EOF", "$ cat a.txt", "one", "", "two"
    ),
    "both output streams": console("$ echo a; echo b >&2", "a", "b"),
    "expected failure": "<!-- exit: 1 -->\n" + console("$ test 1 = 2"),
    "background job": console("$ sleep 60 &", "$ kill $!"),
    "installation": console(
        '$ pip install "iot-reconciler[notebook] @ git+https://github.com/OWNER/reconciler@COMMIT"',
        "Successful",
    ),
    "command after an installation": console("$ pip install iot-reconciler && mkdir a", "$ cd a"),
    "installation with operators in quotes": console('$ pip install "iot-reconciler && true"  # a; b'),
    "text that is shown only": "```text\nreconcilers make apply\n```\n",
    "indented block": "1. Step:\n\n   <!-- exit: 1 -->\n   ```console\n   $ echo a; false\n   a\n   ```\n",
    "file": "```csv\n# devices.csv\nserial\n1\n```\n" + console("$ cat devices.csv", "serial", "1"),
    "edit": "```toml\n# desired_state.toml\n[workspace]\nname = 'a'\n```\n\n```diff\n-name = 'a'\n+name = 'b'\n```\n"
    + console("$ cat desired_state.toml", "# desired_state.toml", "[workspace]", "name = 'b'"),
    "code": "```python\nimport os\n\nprint(os.getcwd() == os.environ['PWD'])  # True\n```\n",
    "code in one namespace": "```python\na = 1\n```\n\n```python\nprint(a)  # 1\n```\n",
    "script": "```python\n# a.py\nprint(1)\n```\n" + console("$ python a.py", "1"),
    "volatile values": console(
        "$ echo run 1m8h2b9hezr took 0.07 s",
        "run 1m8h2atkwe4 took 0.12 s",
        "$ echo 1m8h2atkwe4 | grep -c hezr",
        "1",
    ),
    "steps in any order": console(
        "$ printf '✔ create  a  0.01 s\\n✔ create  b  0.02 s\\n'",
        "✔ create  b  0.00 s",
        "✔ create  a  0.00 s",
    ),
}


@pytest.mark.parametrize("name", VALID_PAGES)
def test_a_page_with_the_right_outputs_stays_as_it_is(name, tmp_path):
    assert run_page(VALID_PAGES[name], tmp_path) == VALID_PAGES[name]


@pytest.mark.parametrize(
    ("shown", "corrected"),
    [
        (console("$ echo a", "b"), console("$ echo a", "a")),
        (
            console("$ printf 'a\\nb\\nc\\n'", "x", "…", "y"),
            console("$ printf 'a\\nb\\nc\\n'", "a", "…", "c"),
        ),
        (
            console(
                "$ echo 0.50 s a",
                "0.10 s b",
                "$ echo 1m8h2b9hezr a",
                "1m8h2atkwe4 a",
                "$ echo 1m8h2atkwe4",
                "x",
            ),
            console(
                "$ echo 0.50 s a",
                "0.50 s a",
                "$ echo 1m8h2b9hezr a",
                "1m8h2atkwe4 a",
                "$ echo 1m8h2atkwe4",
                "1m8h2b9hezr",
            ),
        ),
        ("```python\nprint(1 + 1)  # 3\n```\n", "```python\nprint(1 + 1)  # 2\n```\n"),
        ("```python\nprint(\n    1 + 1\n)  # 3\n```\n", "```python\nprint(\n    1 + 1\n)  # 2\n```\n"),
        ("```python\nprint('…', 1) # 3\n```\n", "```python\nprint('…', 1)  # … 1\n```\n"),
    ],
)
def test_a_wrong_output_is_corrected(shown, corrected, tmp_path):
    assert run_page(shown, tmp_path) == corrected


def test_no_process_of_a_page_outlives_it(tmp_path):
    page = console("$ sleep 600 &", "$ echo $! > ../pid")
    run_page(page, tmp_path)
    process_id = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while is_alive(process_id):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(process_id: int) -> bool:
    """Return whether the process runs; one that has ended can be a zombie for a while."""
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
