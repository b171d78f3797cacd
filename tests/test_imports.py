"""The package and its commands import little at first, and the package exports its public names."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import reconciler
from reconciler.cli import commands
from reconciler.model import errors

SLOW_LIBRARIES = (
    "boto3",
    "botocore",
    "ipywidgets",
    "rich",
    "networkx",
    "cryptography",
    "click",
    "tomlkit",
    "tree_sitter",
)


def find_loaded_slow_libraries(code: str) -> list[str]:
    """Return the slow libraries that a new process has loaded after running the code."""
    program = (
        f"import sys, json\n{code}\nprint(json.dumps(sorted(set({SLOW_LIBRARIES!r}) & sys.modules.keys())))"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    libraries: list[str] = json.loads(process.stdout)
    return libraries


def test_importing_the_package_loads_no_slow_library():
    assert find_loaded_slow_libraries("import reconciler") == []


def test_importing_classes_of_values_loads_no_slow_library():
    assert (
        find_loaded_slow_libraries("from reconciler import Address, AwsError, Plan, ReconcilerError, Result")
        == []
    )


def test_creating_a_workspace_loads_no_slow_library():
    assert find_loaded_slow_libraries("from reconciler import Workspace; Workspace('a.toml')") == []


def test_the_help_loads_no_slow_library_but_click():
    code = """
import contextlib, io
from reconciler.cli.main import cli
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    cli.main(["--help"])
"""
    assert find_loaded_slow_libraries(code) == ["click"]


SMALL_FILE = """
[workspace]
name = "small"
target = "embedded"
[things.pump-1]
attributes = { site = "oslo" }
"""
UNUSED_BY_VALIDATE = (
    *(
        "boto3",
        "botocore",
        "networkx",
        "tomlkit",
        "psutil",
        "IPython",
        "asyncio",
        "http.client",
        "ssl",
        "xml",
        "cattrs",
        "regex",
        "sqlite3",
        "rich.console",
    ),
    *("reconciler.model.run", "reconciler.model.outcome", "reconciler.render.text.parts"),
    *("reconciler.service_models.loader", "reconciler.registry", "reconciler.rollout", "reconciler.convert"),
    *("reconciler.engine.plan", "reconciler.engine.apply", "reconciler.engine.journal"),
    *("reconciler.render.html", "reconciler.render.markdown", "reconciler.render.views.plan"),
    *("reconciler.kinds.topic_rules", "reconciler.kinds.security_profiles", "reconciler.kinds.account_audit"),
)
UNUSED_BY_PLAN = (
    *("networkx", "tomlkit", "IPython", "asyncio", "uvicorn", "rich.console", "reconciler.cli.progress"),
    *(
        "cattrs",
        "regex",
        "reconciler.rollout",
        "reconciler.convert",
        "reconciler.engine.apply",
        "reconciler.engine.export",
        "reconciler.engine.plan.drift",
        "reconciler.engine.remembered",
        "reconciler.engine.journal.recorder",
    ),
    *("reconciler.render.html", "reconciler.render.markdown", "reconciler.render.json.plan_file"),
    *(
        "reconciler.render.displayed_values",
        "reconciler.render.views.drift",
        "reconciler.render.views.rollout",
    ),
    *("reconciler.registry.certificate_authority", "reconciler.registry.fleet_query"),
    *("reconciler.model.file_content", "cryptography.hazmat.primitives.serialization"),
)


@pytest.mark.parametrize(
    ("command", "unused_modules"), [("validate", UNUSED_BY_VALIDATE), ("plan", UNUSED_BY_PLAN)]
)
def test_a_command_imports_no_module_that_it_does_not_use(command, unused_modules, tmp_path):
    (tmp_path / "desired_state.toml").write_text(SMALL_FILE)
    program = f"""
import json, sys
from reconciler.cli.main import cli
try:
    cli.main([{command!r}])
except SystemExit as end:
    assert not end.code
print(json.dumps(sorted(set({unused_modules!r}) & sys.modules.keys())))
"""
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(process.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize(("command", "most"), [("validate", 85), ("plan", 105)])
def test_a_command_generates_the_methods_of_few_classes(command, most, tmp_path):
    """attrs compiles the methods of classes that msgspec cannot create (`frozen_classes`)."""
    (tmp_path / "desired_state.toml").write_text(SMALL_FILE)
    program = f"""
import sys
names = []
sys.addaudithook(lambda event, args: names.append(str(args[1])) if event == "compile" else None)
from reconciler.cli.main import cli
try:
    cli.main([{command!r}])
except SystemExit as end:
    assert not end.code
print(sum(name.startswith("<attrs") for name in names))
"""
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert most / 2 < int(process.stdout.splitlines()[-1]) <= most


def test_the_public_names_are_sorted_and_exist():
    assert reconciler.__all__ == sorted(reconciler.__all__)
    assert dir(reconciler) == reconciler.__all__
    assert [name for name in reconciler.__all__ if getattr(reconciler, name, None) is None] == []


def test_every_exception_is_public():
    exceptions = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ReconcilerError)
    }
    assert exceptions <= set(reconciler.__all__)


def test_every_public_name_but_the_version_is_defined_in_the_package():
    modules = {
        name: getattr(reconciler, name).__module__ for name in reconciler.__all__ if name != "__version__"
    }
    assert [name for name, module in modules.items() if not module.startswith("reconciler.")] == []


def test_a_misspelled_name_is_not_an_attribute():
    assert hasattr(reconciler, "Wrokspace") is False


# ── commands ──

COMMAND_FILES = sorted(Path(commands.__path__[0]).glob("*.py"))
LIGHT_MODULES = ("attrs", "click", "reconciler.cli", "reconciler.model")


def find_imports(path: Path) -> set[str]:
    """Return the modules outside the standard library that a file imports at its top level."""
    modules = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    return {module for module in modules if module.partition(".")[0] not in sys.stdlib_module_names}


@pytest.mark.parametrize("path", COMMAND_FILES, ids=lambda path: path.stem)
def test_a_command_imports_only_click_and_light_modules_before_it_runs(path):
    assert {module for module in find_imports(path) if not module.startswith(LIGHT_MODULES)} == set()


def test_importing_all_commands_loads_only_light_packages_and_neither_rich_nor_boto3():
    imports = ", ".join(
        f"reconciler.cli.commands.{path.stem}" for path in COMMAND_FILES if path.stem != "__init__"
    )
    code = (
        f"import sys, json, {imports}; "
        "print(json.dumps([name for name in sys.modules if name.startswith(('reconciler.', 'rich', 'boto'))]))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(process.stdout)
    packages = {name.split(".")[1] for name in modules if name.startswith("reconciler.")}
    assert packages == {"cli", "frozen_classes", "model"}
    assert [name for name in modules if name.startswith(("rich", "boto"))] == []
