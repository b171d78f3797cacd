"""Build the wheel and the sdist, and install them in empty environments with locked versions."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.support.locks import LOCKS
from tests.support.repository_files import list_repository_files

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
LOCKS_BY_EXTRA: Mapping[str, str] = {"": "runtime.txt", "all": "all.txt"}
"""Extra → its lock. The other extras are installed with the versions and hashes of all.txt as constraints."""

SOURCE_DATE_EPOCH = "1700000000"
"""The time of every file in an archive."""


def run_program(*words: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """Run a program that must succeed, and return its output."""
    exit_code, stdout, stderr = _run(words, cwd, environ)
    assert exit_code == 0, f"{words}: {stdout}{stderr}"
    return stdout


def _run(words: Sequence[str | Path], cwd: Path, environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a program that must not import this checkout; return its exit code and its outputs."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    process = subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env={**inherited, "NO_COLOR": "1", **environ},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return process.returncode, process.stdout, process.stderr


def copy_sources(folder: Path) -> Path:
    """Copy the files that belong to the repository, as a fresh clone has them."""
    for name in list_repository_files(ROOT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def build(source: Path, target: Path, *kinds: str) -> dict[str, Path]:
    """Build the archives of a source folder and return their paths by kind: `sdist` and `wheel`."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", target]
    for kind in kinds:
        run_program(*command, "-t", kind, cwd=source, SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH)
    (sdist,) = target.glob("*.tar.gz") if "sdist" in kinds else [None]
    (wheel,) = target.glob("*.whl") if "wheel" in kinds else [None]
    return {kind: path for kind, path in (("sdist", sdist), ("wheel", wheel)) if path}


def build_editable_wheel(target: Path) -> Path:
    """Build a wheel that refers to this checkout, with the build backend that this environment has."""
    run_program(sys.executable, "-m", "hatchling", "build", "-d", target, "-t", "wheel:editable")
    (wheel,) = target.glob("*.whl")
    return wheel


@frozen
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    @property
    def site_packages(self) -> Path:
        (path,) = self.folder.glob("lib/python*/site-packages")
        return path

    def install_locks(self, *locks: Path) -> None:
        """Install exactly what files pin, after comparing hashes."""
        self._install("--require-hashes", "--no-deps", *(f"--requirement={lock}" for lock in locks))

    def install_wheel(self, wheel: Path) -> None:
        """Install a wheel and none of its dependencies, also if its version is installed already."""
        self._install("--no-deps", "--reinstall", wheel)

    def install_extra(self, wheel: Path, extra: str, lock: Path) -> None:
        """Install a wheel and what it needs with an extra; versions and hashes are those of a lock."""
        self._install("--constraint", lock, f"{wheel}[{extra}]")

    def check(self) -> None:
        """Check that every requirement of every package is installed."""
        run_program(UV, "pip", "check", "--quiet", "--python", self.python)

    def _install(self, *words: str | Path) -> None:
        """Install with uv, without precompiled modules."""
        # Links into uv's cache would change the cache when a test overwrites an installed file.
        run_program(UV, "pip", "install", "--quiet", "--link-mode", "copy", "--python", self.python, *words)

    def run(self, program: str, *words: str | Path, cwd: Path, **environ: str) -> tuple[int, str, str]:
        """Run an installed program; return its exit code and its outputs."""
        return _run([self.folder / "bin" / program, *words], cwd, environ)

    def measure_dependencies(self) -> float:
        """Return the size of all packages but ours in MB, with their compiled modules, as pip leaves them."""
        compileall.compile_dir(self.site_packages, quiet=2, workers=2)
        return _measure_megabytes(self.site_packages) - _measure_megabytes(self.site_packages / "reconciler")


def _measure_megabytes(folder: Path) -> float:
    return int(run_program("du", "-sk", folder).split()[0]) / 1024


def create_environment(folder: Path, wheel: Path, extra: str = "") -> Environment:
    """Create an environment with the wheel, an extra, and nothing else; every version is locked."""
    run_program(UV, "venv", "--quiet", "--python", sys.executable, folder)
    environment = Environment(folder)
    if lock := LOCKS_BY_EXTRA.get(extra):
        environment.install_locks(LOCKS / lock)
        environment.install_wheel(wheel)
    else:
        environment.install_extra(wheel, extra, LOCKS / "all.txt")
    environment.check()
    return environment
