"""Read the locks, and find what requirements need, as far as the metadata is installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from attrs import field, frozen
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = Path(__file__).parents[2] / "requirements"
PYTHON_VERSIONS = ("3.11", "3.12", "3.13")
PLATFORMS: Mapping[str, Mapping[str, str]] = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
"""Platform → the variables of markers that describe it. The locks are for every platform."""


@frozen
class Pin:
    """A pinned version; the same distribution may have another one where another marker is true."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str] = field(converter=frozenset)

    def applies(self, environment: Mapping[str, str]) -> bool:
        """Return whether the pin's marker is true."""
        return not self.marker or Marker(self.marker).evaluate(environment)

    def to_line(self) -> str:
        """Return the pin as a line of a requirements file."""
        marker = f" ; {self.marker}" if self.marker else ""
        hashes = "".join(f" --hash=sha256:{value}" for value in sorted(self.hashes))
        return f"{self.name}=={self.version}{marker}{hashes}"


def read_pins(lock: str) -> list[Pin]:
    """Return the pins of a lock; each line but the comments and the hashes must be one."""
    text = (LOCKS / lock).read_text(encoding="utf-8")
    entries = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    pins = []
    for entry in entries:
        specification, *hashes = re.split(r" +--hash=sha256:", entry.strip())
        requirement = Requirement(specification)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", entry
        assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in hashes), entry
        name = canonicalize_name(requirement.name)
        pins.append(Pin(name, specifier.version, str(requirement.marker or ""), hashes))
    return pins


def describe_environments() -> dict[str, dict[str, str]]:
    """Return the variables of markers for every platform and supported Python version, by name."""
    return {
        f"{platform} {version}": {
            **{name: str(value) for name, value in default_environment().items()},
            **variables,
            "python_version": version,
            "python_full_version": f"{version}.0",
        }
        for platform, variables in PLATFORMS.items()
        for version in PYTHON_VERSIONS
    }


def find_closure(
    requirements: Iterable[Requirement], pins: Iterable[Pin], environment: Mapping[str, str]
) -> set[str]:
    """Return the names of the distributions that requirements need, and those that these need, and so on.

    The metadata of a distribution is used only if the pinned version is installed.
    """
    versions = {pin.name: pin.version for pin in pins if pin.applies(environment)}
    visited: set[tuple[str, str]] = set()
    pending = [(requirement, "") for requirement in requirements]
    while pending:
        requirement, extra = pending.pop()
        if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for needed_extra in ("", *requirement.extras):
            if (name, needed_extra) not in visited:
                visited.add((name, needed_extra))
                pending += [
                    (dependency, needed_extra) for dependency in _read_requirements(name, versions.get(name))
                ]
    return {name for name, _ in visited}


def _read_requirements(name: str, version: str | None) -> list[Requirement]:
    """Return what a distribution requires, with the markers of its extras, or nothing if unknown."""
    try:
        metadata = distribution(name)
    except PackageNotFoundError:
        return []
    return [Requirement(text) for text in metadata.requires or ()] if metadata.version == version else []
