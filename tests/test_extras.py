"""The command and the Python API work without the extras; a feature that needs one names it."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import reconciler
from reconciler import Workspace
from reconciler.aws.serve import ServeOptions, serve_registry
from reconciler.cli.main import cli
from reconciler.convert.cloudformation_template import parse_template
from reconciler.engine.load.manifests.builder import ManifestBuilder
from reconciler.engine.load.manifests.parquet_rows import read_parquet
from reconciler.model.distribution import DISTRIBUTION, EXTRAS, get_version, require_extra
from reconciler.model.errors import MissingExtraError
from reconciler.notebook import default_progress
from reconciler.rollout.dask import open_scheduler
from tests.support.sample_plans import make_sample_plan

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reconciler"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STARTER = ROOT / "desired_state.toml"


def parse_name(requirement: str) -> str:
    """Return the distribution that a requirement names, in lower case with hyphens."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


DEPENDENCIES = {parse_name(requirement) for requirement in PROJECT["dependencies"]}
DISTRIBUTIONS_BY_MODULE = {
    module: {parse_name(name) for name in names} for module, names in packages_distributions().items()
}


def hide_modules(monkeypatch, *names: str) -> None:
    """Make imports of these modules fail, and forget the modules that import them."""
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        monkeypatch.delitem(sys.modules, name)
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
    for name in (
        "uvicorn.protocols.http.httptools_impl",
        "reconciler.registry.server",
        "reconciler.registry.http_protocol",
        "reconciler.notebook.panel",
        "reconciler.notebook.extension",
    ):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("cell_progress", "saved_output", "kernel_interrupt", "panel_widget", "session"):
        monkeypatch.delitem(sys.modules, f"reconciler.notebook.{name}", raising=False)
        monkeypatch.delattr(f"reconciler.notebook.{name}", raising=False)


def open_panel() -> None:
    Workspace(STARTER).panel(make_sample_plan())


def serve() -> None:
    serve_registry(ServeOptions(port=0), lambda _url: pytest.fail("the server has started"))


def load_extension() -> None:
    reconciler.load_ipython_extension(SimpleNamespace())


def show_read_progress() -> None:
    default_progress.choose_read_progress(None)


def connect_to_scheduler() -> None:
    with open_scheduler("tcp://127.0.0.1:8786"):
        pytest.fail("there is a scheduler")


def start_cluster() -> None:
    with open_scheduler("local:1x1"):
        pytest.fail("a cluster has started")


def read_yaml() -> None:
    parse_template("Resources: {}", "stack.yaml")


def read_parquet_file() -> None:
    read_parquet(ManifestBuilder("devices.parquet"), io.BytesIO())


FEATURES = [
    ("Parquet", "pyarrow", read_parquet_file),
    ("import cloudformation of YAML", "yaml", read_yaml),
    ("--scheduler", "distributed", connect_to_scheduler),
    ("--scheduler", "distributed", start_cluster),
    ("--scheduler", "dask", start_cluster),
    ("registry serve", "httptools", serve),
    ("registry serve", "uvicorn", serve),
    ("registry serve", "uvloop", serve),
    ("the panel", "anywidget", open_panel),
    ("the panel", "ipywidgets", open_panel),
    ("the panel", "traitlets", open_panel),
    ("the panel", "IPython", open_panel),
    ("%load_ext reconciler", "IPython", load_extension),
    ("progress in a notebook", "IPython", show_read_progress),
]


@pytest.mark.parametrize(("feature", "module", "use"), FEATURES)
def test_a_feature_without_a_module_of_its_extra_names_the_extra(feature, module, use, monkeypatch):
    monkeypatch.setattr("reconciler.workspace.can_show_widgets", lambda: True)
    monkeypatch.setattr("reconciler.notebook.default_progress.is_in_notebook", lambda: True)
    hide_modules(monkeypatch, *({"anywidget", module} if module == "ipywidgets" else {module}))
    if module == "ipywidgets":  # anywidget, which imports it, is loaded again
        monkeypatch.delitem(sys.modules, "anywidget")
    with pytest.raises(MissingExtraError) as caught:
        use()
    assert (
        str(caught.value) == f"{feature}: {module} is not installed; install iot-reconciler[{EXTRAS[module]}]"
    )


def test_every_optional_module_is_tested_with_a_feature():
    assert {module for _, module, _ in FEATURES} == EXTRAS.keys()


def test_the_command_exits_with_1_and_without_a_traceback(monkeypatch):
    hide_modules(monkeypatch, "uvicorn")
    result = CliRunner().invoke(cli, ["registry", "serve"], env={"NO_COLOR": "1"}, prog_name="reconciler")
    message = "error: registry serve: uvicorn is not installed; install iot-reconciler[serve]\n"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", message)


def test_a_missing_module_of_no_extra_is_not_blamed_on_one():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), require_extra("the feature"):
        import no_such_module  # noqa: F401


def test_each_extra_installs_its_modules():
    extras = {
        extra: {parse_name(requirement) for requirement in PROJECT["optional-dependencies"][extra]}
        for extra in set(EXTRAS.values())
    }
    for module, extra in EXTRAS.items():
        assert DISTRIBUTIONS_BY_MODULE[module] & extras[extra], module


def test_the_extra_all_has_every_feature_and_dev_has_all():
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == [f"{DISTRIBUTION}[{','.join(sorted(set(EXTRAS.values())))}]"]
    assert f"{DISTRIBUTION}[all]" in extras["dev"]


def test_the_installed_distribution_has_the_declared_name_and_version():
    assert PROJECT["name"] == DISTRIBUTION
    assert get_version() == reconciler.__version__ == PROJECT["version"]
    assert {parse_name(line) for line in requires(DISTRIBUTION) if "extra ==" not in line} == DEPENDENCIES


# ── imports ──


def find_imports(path: Path) -> set[str]:
    """Return the top-level packages outside the standard library that a file imports anywhere."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.add(node.module.partition(".")[0])
    return modules - sys.stdlib_module_names - {"reconciler"}


def name_module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_every_imported_package_is_a_declared_dependency():
    imports = {module for path in PACKAGE.rglob("*.py") for module in find_imports(path)}
    core = imports - EXTRAS.keys()
    undeclared = {module for module in core if not DISTRIBUTIONS_BY_MODULE.get(module, set()) & DEPENDENCIES}
    assert undeclared == set()


WITHOUT_EXTRAS = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in {[*EXTRAS]!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Blocker())
"""


def run_without_extras(program: str, *arguments: str) -> str:
    """Run a program in a process in which no module of an extra can be imported, and return its output."""
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS + program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def test_all_modules_but_those_of_the_extras_can_be_imported_without_them():
    modules = {name_module(path) for path in PACKAGE.rglob("*.py")}
    program = f"""
import importlib
for module in {sorted(modules)!r}:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:
        print(module)
"""
    assert set(run_without_extras(program).split()) == {
        "reconciler.convert.template_yaml",
        "reconciler.notebook.cell_progress",
        "reconciler.notebook.extension",
        "reconciler.notebook.kernel_interrupt",
        "reconciler.notebook.panel",
        "reconciler.notebook.panel_widget",
        "reconciler.notebook.rollout_panel",
        "reconciler.notebook.rollout_progress",
        "reconciler.notebook.rollout_session",
        "reconciler.notebook.saved_output",
        "reconciler.notebook.session",
        "reconciler.registry.http_protocol",
        "reconciler.registry.server",
    }


def test_a_plan_displays_itself_as_html_without_the_notebook_extra(tmp_path):
    program = """
from reconciler import Workspace
workspace = Workspace("desired_state.toml", environ={"RECONCILER_REGISTRY": sys.argv[1]})
plan = workspace.plan()
print("<table" in plan._repr_mimebundle_()["text/html"], "<svg" in plan.graph._repr_mimebundle_()["image/svg+xml"])
workspace.panel(plan)
"""
    first_line, plan, *_ = run_without_extras(program, str(tmp_path / "registry.sqlite3")).splitlines()
    assert (first_line, plan.startswith("Plan")) == ("True True", True)
