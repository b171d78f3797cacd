"""The locks pin what pyproject.toml declares, with hashes and without the address of an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.oldest import TOOLS, list_tool_pins
from tests.support.locks import LOCKS, PYTHON_VERSIONS, Pin, describe_environments, find_closure, read_pins

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
RENEW = "run make lock"

EXTRAS_BY_LOCK = {
    "runtime.txt": (),
    "all.txt": ("all",),
    "dev.txt": ("dev", "docs"),
    "docs.txt": ("docs",),
    "oldest.txt": ("all",),
}
"""Lock → the extras that it pins, with the dependencies without an extra."""

NEWEST_LOCKS = ("runtime.txt", "all.txt", "docs.txt", "build.txt")
"""The locks with the versions of dev.txt."""

ONLY_OLDEST, ONLY_NEWEST = {"decorator"}, {"ipython-pygments-lexers"}
"""Packages that only the oldest or only the newest version of IPython needs."""

ENVIRONMENTS = describe_environments()


def list_requirements(extras: tuple[str, ...]) -> list[Requirement]:
    """Return the requirements of the core and of extras, resolving extras that include others."""
    texts = [
        *PROJECT["dependencies"],
        *(text for extra in extras for text in PROJECT["optional-dependencies"][extra]),
    ]
    requirements = []
    for requirement in map(Requirement, texts):
        if requirement.name == PROJECT["name"]:
            requirements += list_requirements(tuple(sorted(requirement.extras)))
        else:
            requirements.append(requirement)
    return requirements


def list_purpose(lock: str) -> list[Requirement]:
    """Return the requirements that a lock is for."""
    if lock in EXTRAS_BY_LOCK:
        return list_requirements(EXTRAS_BY_LOCK[lock])
    lines = (LOCKS / "build.in").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def find_unpinned(requirements: list[Requirement], pins: list[Pin]) -> list[str]:
    """Return the requirements that have no pin, or a pin of a version that is not allowed."""
    return [
        str(requirement)
        for requirement in requirements
        if not any(pin.name == canonicalize_name(requirement.name) for pin in pins)
        or not all(
            requirement.specifier.contains(pin.version, prereleases=True)
            for pin in pins
            if pin.name == canonicalize_name(requirement.name)
        )
    ]


@pytest.mark.parametrize("lock", EXTRAS_BY_LOCK)
def test_every_declared_dependency_is_pinned_at_an_allowed_version(lock):
    assert find_unpinned(list_requirements(EXTRAS_BY_LOCK[lock]), read_pins(lock)) == [], RENEW


def test_the_build_backend_is_pinned():
    requirements = [Requirement(text) for text in PYPROJECT["build-system"]["requires"]]
    assert find_unpinned(requirements, read_pins("build.txt")) == [], RENEW
    lines = (LOCKS / "build.in").read_text(encoding="utf-8").splitlines()
    assert {str(requirement) for requirement in requirements} <= set(lines)


@pytest.mark.parametrize("lock", sorted(path.name for path in LOCKS.glob("*.txt")))
def test_every_pin_has_hashes_and_no_lock_has_an_address(lock):
    pins = read_pins(lock)
    assert (all(pin.hashes for pin in pins), len(pins) > 5) == (True, True)
    text = (LOCKS / lock).read_text(encoding="utf-8")
    assert re.findall(r"://|--(?:index|extra-index|find-links|trusted)\S*", text) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("lock", [*EXTRAS_BY_LOCK, "build.txt"])
def test_a_lock_pins_everything_that_its_packages_need(lock, environment):
    pins = [pin for pin in read_pins(lock) if pin.applies(ENVIRONMENTS[environment])]
    names = [pin.name for pin in pins]
    needed = find_closure(list_purpose(lock), pins, ENVIRONMENTS[environment])
    assert (needed - set(names), len(names) - len(set(names))) == (set(), 0), RENEW


@pytest.mark.parametrize("lock", ["runtime.txt", "all.txt", "dev.txt", "docs.txt", "build.txt"])
def test_a_lock_pins_nothing_that_no_package_needs(lock):
    pins = read_pins(lock)
    closures = [find_closure(list_purpose(lock), pins, environment) for environment in ENVIRONMENTS.values()]
    assert {pin.name for pin in pins} - set.union(*closures) == set(), RENEW


@pytest.mark.parametrize("lock", NEWEST_LOCKS)
def test_a_lock_pins_the_versions_and_hashes_of_the_development_lock(lock):
    """Developers, users and CI have the same files."""
    hashes = {(pin.name, pin.version): pin.hashes for pin in read_pins("dev.txt")}
    others = {pin.name for pin in read_pins(lock) if hashes.get((pin.name, pin.version)) != pin.hashes}
    assert others <= {"editables"}, RENEW


def test_the_oldest_lock_has_the_hashes_of_the_development_lock_for_equal_versions():
    hashes = {(pin.name, pin.version): pin.hashes for pin in read_pins("dev.txt")}
    pins = read_pins("oldest.txt")
    shared = [pin for pin in pins if (pin.name, pin.version) in hashes]
    assert [pin.name for pin in shared if hashes[pin.name, pin.version] != pin.hashes] == [], RENEW
    assert len(shared) > 5


def test_the_oldest_lock_pins_the_same_packages_as_the_newest():
    """The metadata of old versions is not installed, so what they need is compared by name."""
    oldest, newest = ({pin.name for pin in read_pins(lock)} for lock in ("oldest.txt", "all.txt"))
    assert (oldest - newest, newest - oldest) == (ONLY_OLDEST, ONLY_NEWEST), RENEW


def test_the_oldest_lock_pins_the_lower_bounds():
    pins = {pin.name: pin.version for pin in read_pins("oldest.txt")}
    bounds = {}
    for requirement in list_requirements(("all",)):
        (bound,) = [specifier.version for specifier in requirement.specifier if specifier.operator == ">="]
        bounds[canonicalize_name(requirement.name)] = bound
    mismatches = {
        name: (bound, pins[name]) for name, bound in bounds.items() if Version(pins[name]) != Version(bound)
    }
    assert mismatches == {}, RENEW


def test_the_tests_of_the_oldest_versions_use_locked_tools():
    oldest, newest = read_pins("oldest.txt"), read_pins("dev.txt")
    pins = list_tool_pins()
    assert [pin for pin in pins if pin not in newest] == []
    assert {pin.name for pin in pins} & {pin.name for pin in oldest} == set()
    assert set(TOOLS) - {pin.name for pin in pins} == set()


INSTALLS = re.compile(r"^.*(?:\bpip install\b|install\[@\]|\b_install\(\").*$", re.MULTILINE)
"""The lines of the project's own files that install packages."""


def test_ci_and_the_action_install_only_locked_packages_and_this_project():
    """The wheel of an extra is installed with the hashes of a lock as constraints."""
    paths = (
        *("Makefile", "requirements/install.sh", ".github/actions/reconcile/action.yml"),
        *(f".github/workflows/{name}.yml" for name in ("ci", "nightly", "release")),
        *("tests/packaging/environments.py", "tests/packaging/oldest.py"),
    )
    lines = [
        line.strip() for path in paths for line in INSTALLS.findall((ROOT / path).read_text(encoding="utf-8"))
    ]
    assert lines == [
        "@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .",
        "install=(.venv/bin/pip install --disable-pip-version-check --no-compile --progress-bar off --no-deps)",
        '"${install[@]}" --require-hashes "${@/#/--requirement=requirements/}" | show_packages',
        '"${install[@]}" --require-hashes --only-binary :all: -r requirements/build.txt -r requirements/runtime.txt',
        '"${install[@]}" --no-build-isolation .',
        'self._install("--require-hashes", "--no-deps", *(f"--requirement={lock}" for lock in locks))',
        'self._install("--no-deps", "--reinstall", wheel)',
        'self._install("--constraint", lock, f"{wheel}[{extra}]")',
    ]


def test_every_lock_file_is_made_by_make_lock():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlock: ")[2].partition("\n\n")[0]
    outputs = set(re.findall(r"--output-file requirements/(\S+)", recipe))
    assert outputs == {path.name for path in LOCKS.glob("*.txt")} == {*EXTRAS_BY_LOCK, "build.txt"}


def test_the_supported_python_versions_are_classified():
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert tuple(versions) == PYTHON_VERSIONS
    assert PROJECT["requires-python"] == f">={versions[0]}"
