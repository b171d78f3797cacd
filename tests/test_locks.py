"""The locks pin what pyproject.toml declares, with hashes and without the address of an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from attrs import frozen
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "requirements"
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

NEWEST_LOCKS = ("runtime.txt", "all.txt", "dev.txt", "docs.txt", "build.txt")


@frozen
class Pin:
    """A pinned version; the same distribution may have another one where another marker is true."""

    name: str
    version: str
    marker: str
    hash_count: int


def read_pins(lock: str) -> list[Pin]:
    """Return the pins of a lock; each line but the comments and the hashes must be one."""
    text = (FOLDER / lock).read_text(encoding="utf-8")
    entries = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    pins = []
    for entry in entries:
        specification, *hashes = re.split(r" +--hash=sha256:", entry.strip())
        requirement = Requirement(specification)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", entry
        assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in hashes), entry
        pins.append(
            Pin(
                canonicalize_name(requirement.name),
                specifier.version,
                str(requirement.marker or ""),
                len(hashes),
            )
        )
    return pins


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
    lines = (FOLDER / "build.in").read_text(encoding="utf-8").splitlines()
    assert {str(requirement) for requirement in requirements} <= set(lines)


@pytest.mark.parametrize("lock", sorted(path.name for path in FOLDER.glob("*.txt")))
def test_every_pin_has_hashes_and_no_lock_has_an_address(lock):
    pins = read_pins(lock)
    assert (min(pin.hash_count for pin in pins) > 0, len(pins) > 5) == (True, True)
    text = (FOLDER / lock).read_text(encoding="utf-8")
    assert re.findall(r"://|--(?:index|extra-index|find-links|trusted)\S*", text) == []


@pytest.mark.parametrize("lock", NEWEST_LOCKS)
def test_a_lock_pins_the_versions_that_the_development_lock_pins(lock):
    """Developers, users and CI have the same versions."""
    versions = {(pin.name, pin.version) for pin in read_pins("dev.txt")}
    others = {(pin.name, pin.version) for pin in read_pins(lock)} - versions
    assert {name for name, _ in others} <= {"editables"}, RENEW


def test_the_oldest_lock_pins_the_lower_bounds():
    pins = {pin.name: pin.version for pin in read_pins("oldest.txt")}
    bounds = {}
    for requirement in list_requirements(("all",)):
        (bound,) = [specifier.version for specifier in requirement.specifier if specifier.operator == ">="]
        bounds[canonicalize_name(requirement.name)] = bound
    mismatches = {
        name: (bound, pins[name])
        for name, bound in bounds.items()
        if not f"{pins[name]}.".startswith(f"{bound}.")
    }
    assert mismatches == {}, RENEW


def test_every_lock_file_is_made_by_make_lock():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlock: ")[2].partition("\n\n")[0]
    outputs = set(re.findall(r"--output-file requirements/(\S+)", recipe))
    assert outputs == {path.name for path in FOLDER.glob("*.txt")} == {*EXTRAS_BY_LOCK, "build.txt"}


def test_the_supported_python_versions_are_classified():
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert versions == ["3.11", "3.12", "3.13"]
    assert PROJECT["requires-python"] == f">={versions[0]}"
