"""The wheel and the sdist are reproducible, and work in empty environments, with and without extras."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message

import pytest
import yaml

from tests.packaging.environments import (
    ROOT,
    UV,
    Environment,
    build,
    copy_sources,
    create_environment,
    run_program,
)

pytestmark = [pytest.mark.packaging, pytest.mark.xdist_group("packaging")]

MAX_CORE_MEGABYTES = 106
"""Half of what all dependencies took before there were extras."""

NAME_AND_VERSION = "iot_reconciler-0.1.0"

EXTRAS = ("", "notebook", "serve", "all")


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return copy_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def archives(sources, tmp_path_factory):
    return build(sources, tmp_path_factory.mktemp("dist"), "sdist", "wheel")


@pytest.fixture(scope="module")
def environments(archives, tmp_path_factory):
    """Return a function that returns the environment with an extra, which is created once."""
    folder = tmp_path_factory.mktemp("environments")
    created: dict[str, Environment] = {}

    def get_environment(extra: str) -> Environment:
        if extra not in created:
            created[extra] = create_environment(folder / (extra or "core"), archives["wheel"], extra)
        return created[extra]

    return get_environment


def list_members(path) -> list[str]:
    if path.suffix == ".whl":
        return sorted(zipfile.ZipFile(path).namelist())
    with tarfile.open(path) as archive:
        return sorted(name.partition("/")[2] for name in archive.getnames())


# ── archives ──


def test_two_builds_at_different_places_and_times_have_the_same_bytes(archives, tmp_path):
    copy = copy_sources(tmp_path / "another/place")
    for path in copy.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    again = build(copy, tmp_path / "dist", "sdist", "wheel")
    assert {kind: path.name for kind, path in again.items()} == {
        kind: path.name for kind, path in archives.items()
    }
    for kind, path in again.items():
        assert path.read_bytes() == archives[kind].read_bytes(), kind


def test_the_wheel_has_the_package_with_its_data_files_and_nothing_else(archives):
    members = list_members(archives["wheel"])
    folders = {name.partition("/")[0] for name in members}
    assert folders == {"reconciler", f"{NAME_AND_VERSION}.dist-info"}
    expected = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "reconciler").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in members if name.startswith("reconciler/")} == expected
    assert "reconciler/py.typed" in expected


def test_the_sdist_has_every_file_of_the_repository(archives, sources):
    """The tests, the documentation and the locks are in it, so that packagers can run everything."""
    repository = {
        str(path.relative_to(sources)) for path in sources.rglob("*") if path.is_symlink() or path.is_file()
    }
    assert set(list_members(archives["sdist"])) - {"PKG-INFO"} == repository


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_repository(archives, tmp_path):
    with tarfile.open(archives["sdist"]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    wheel = build(source, tmp_path / "dist", "wheel")["wheel"]
    assert wheel.read_bytes() == archives["wheel"].read_bytes()


def read_metadata(path) -> Message:
    """Return the metadata of a wheel or an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return message_from_bytes(wheel.read(f"{NAME_AND_VERSION}.dist-info/METADATA"))
    with tarfile.open(path) as sdist:
        return message_from_bytes(sdist.extractfile(f"{NAME_AND_VERSION}/PKG-INFO").read())


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_metadata_names_the_project_its_extras_and_its_python_versions(archives, kind):
    metadata = read_metadata(archives[kind])
    assert (metadata["Metadata-Version"], metadata["Name"]) == ("2.4", "iot-reconciler")
    assert metadata["Author"] == "reconciler contributors"
    assert set(metadata.get_all("Provides-Extra")) == {
        "notebook",
        "serve",
        "dask",
        "parquet",
        "yaml",
        "all",
        "dev",
        "docs",
    }
    assert metadata["Requires-Python"] == ">=3.11"
    urls = dict(text.split(", ") for text in metadata.get_all("Project-URL"))
    assert set(urls) == {"Documentation", "Changelog", "Issues", "Source"}
    assert [url for url in urls.values() if not url.startswith(urls["Source"])] == []


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_description_is_the_readme_with_absolute_links_and_pictures(archives, kind):
    metadata = read_metadata(archives[kind])
    description = metadata.get_payload(decode=True).decode()
    targets = re.findall(r'\]\(([^)]*)\)|(?:src|href)="([^"]*)"', description)
    addresses = [link or picture for link, picture in targets]
    assert (len(addresses) > 20, [text for text in addresses if not text.startswith("https://")]) == (
        True,
        [],
    )
    prefix = re.compile(
        r"https://(?:github\.com/[\w-]+/reconciler/blob|raw\.githubusercontent\.com/[\w-]+/reconciler)/v0\.1\.0/"
    )
    paths = [prefix.sub("", address).partition("#")[0] for address in addresses]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (metadata["Description-Content-Type"], prefix.sub("", description)) == ("text/markdown", readme)


# ── environments ──


MAIN_COMMANDS = (
    ("init", "--name", "greenhouse"),
    ("plan",),
    ("apply", "--yes"),
    ("drift",),
    ("export", "--out", "exported.toml"),
)
OTHER_COMMANDS = (
    ("version",),
    ("validate",),
    ("plan", "--detailed-exitcode", "--format", "markdown"),
    ("plan", "--format", "html"),
    ("plan", "--format", "jsonl"),
    ("graph", "--out", "graph.svg"),
    ("history",),
    ("doctor",),
)


@pytest.mark.parametrize("extra", EXTRAS)
def test_init_plan_apply_drift_and_export_work(environments, extra, tmp_path):
    for words in (*MAIN_COMMANDS, *(() if extra else OTHER_COMMANDS)):
        code, out, err = environments(extra).run("reconciler", *words, cwd=tmp_path)
        assert code == 0, (words, out, err)


@pytest.mark.parametrize("extra", ["", "notebook"])
def test_serving_without_the_extra_names_it(environments, extra, tmp_path):
    code, out, err = environments(extra).run("reconciler", "registry", "serve", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert re.fullmatch(
        r"error: registry serve: (uvicorn|uvloop|httptools) is not installed; "
        r"install iot-reconciler\[serve\]\n",
        err,
    )


@pytest.mark.parametrize("extra", ["", "serve"])
def test_notebook_features_without_the_extra_name_it(environments, extra, tmp_path):
    program = """
import reconciler
try:
    reconciler.load_ipython_extension(None)
except reconciler.ReconcilerError as error:
    print(error)
"""
    code, out, err = environments(extra).run("python", "-c", program, cwd=tmp_path)
    message = "%load_ext reconciler: IPython is not installed; install iot-reconciler[notebook]\n"
    assert (code, out, err) == (0, message, "")


@pytest.mark.parametrize("extra", ["notebook", "all"])
def test_the_magic_and_the_panel_work_with_the_extra(environments, extra, tmp_path):
    environment = environments(extra)
    environment.run("reconciler", "init", "--name", "greenhouse", cwd=tmp_path)
    program = """
%load_ext reconciler
plan = %reconcile plan
print(plan)
from reconciler.notebook.panel import Panel
print(Panel.__name__)
"""
    (tmp_path / "cell.ipy").write_text(program)
    code, out, err = environment.run(
        "ipython", "--no-banner", "cell.ipy", cwd=tmp_path, IPYTHONDIR=str(tmp_path / ".ipython")
    )
    assert (code, err) == (0, "")
    assert (out.partition(":")[0], out.splitlines()[-1]) == ("Plan for greenhouse", "Panel")


@pytest.mark.parametrize("extra", ["serve", "all"])
def test_a_client_gets_a_response_from_the_served_registry(environments, extra, tmp_path):
    environment = environments(extra)
    command = [environment.folder / "bin/reconciler", "registry", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        url = server.stdout.readline().split()[-1]
        program = f"""
import boto3
iot = boto3.client(
    "iot", endpoint_url={url!r}, region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
)
iot.create_thing(thingName="pump-1")
print([thing["thingName"] for thing in iot.list_things()["things"]])
"""
        assert environment.run("python", "-c", program, cwd=tmp_path) == (0, "['pump-1']\n", "")
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0


def test_the_core_has_at_most_half_of_what_all_dependencies_were(environments, record_property):
    megabytes = environments("").measure_dependencies()
    record_property("core_megabytes", f"{megabytes:.0f}")
    assert megabytes <= MAX_CORE_MEGABYTES


def test_the_core_has_no_package_of_an_extra(environments):
    names = {path.name for path in environments("").site_packages.iterdir()}
    assert (
        names & {"IPython", "ipywidgets", "anywidget", "traitlets", "uvicorn", "uvloop", "httptools"} == set()
    )


# ── the other project called reconciler ──


@pytest.fixture
def other_wheel(tmp_path):
    """Build a wheel like the other project's: its package overwrites `reconciler/__init__.py`."""
    source = tmp_path / "other"
    (source / "reconciler").mkdir(parents=True)
    (source / "reconciler/__init__.py").write_text("__all__ = ['reconcile']\n")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "reconciler"\nversion = "0.4"\n'
    )
    return build(source, tmp_path / "dist", "wheel")["wheel"]


def test_the_other_project_is_reported_until_the_repair_that_the_message_names(
    archives, other_wheel, tmp_path
):
    environment = create_environment(tmp_path / "environment", archives["wheel"])
    environment.install_wheel(other_wheel)
    clash = "error: package: reconciler 0.4, which is another project, shares files with iot-reconciler; "
    repair = "uninstall both, then install iot-reconciler only\n"
    assert environment.run("reconciler", "version", cwd=tmp_path) == (1, "", clash + repair)
    uninstall = (UV, "pip", "uninstall", "--quiet", "--python", environment.python)
    run_program(*uninstall, "reconciler")
    missing = "error: package: files of iot-reconciler are missing; uninstall iot-reconciler, then install it again\n"
    assert environment.run("reconciler", "version", cwd=tmp_path) == (1, "", missing)
    run_program(*uninstall, "iot-reconciler")
    environment.install_wheel(archives["wheel"])
    assert environment.run("reconciler", "version", cwd=tmp_path)[0] == 0


# ── the GitHub action ──


def test_the_actions_install_step_installs_the_core(sources, tmp_path):
    action = yaml.safe_load((ROOT / ".github/actions/reconcile/action.yml").read_text(encoding="utf-8"))
    (step,) = [step for step in action["runs"]["steps"] if step.get("name") == "install"]
    checkout = shutil.copytree(sources, tmp_path / "checkout")
    run_program(
        "bash",
        "--noprofile",
        "--norc",
        "-eo",
        "pipefail",
        "-c",
        step["run"],
        cwd=tmp_path,
        GITHUB_ACTION_PATH=str(checkout / ".github/actions/reconcile"),
        RUNNER_TEMP=str(tmp_path),
    )
    environment = Environment(tmp_path / "reconciler")
    assert environment.run("reconciler", "version", cwd=tmp_path)[0] == 0
    assert not (environment.site_packages / "IPython").exists()
