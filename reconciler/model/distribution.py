"""The installed distribution: its version, its extras, and another project's package of the same name.

The distribution and the package have different names, because the distribution `reconciler` on the package index is another
project, whose package is also called `reconciler`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from reconciler.frozen_classes import frozen
from reconciler.model.errors import MissingExtraError, ReconcilerError

DISTRIBUTION = "iot-reconciler"

OTHER_PROJECT = "reconciler"
"""The distribution of another project, which overwrites files of ours."""

EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "IPython": "notebook",
        "anywidget": "notebook",
        "dask": "dask",
        "distributed": "dask",
        "ipywidgets": "notebook",
        "pyarrow": "parquet",
        "traitlets": "notebook",
        "httptools": "serve",
        "uvicorn": "serve",
        "uvloop": "serve",
        "yaml": "yaml",
    }
)
"""Optional module → the extra that installs it. No other module of a dependency is optional."""


def get_version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import version

    return version(DISTRIBUTION)


@contextmanager
def require_extra(feature: str) -> Iterator[None]:
    """Raise MissingExtraError if an import in the block fails because an extra is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRAS:
            raise
        raise MissingExtraError(feature, module, f"{DISTRIBUTION}[{EXTRAS[module]}]") from error


@frozen
class PackageProblem:
    """A problem of the installed package, and the next step."""

    message: str
    advice: str


def find_package_problem() -> PackageProblem | None:
    """Return the problem that the other project causes, or None without one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        other_version = version(OTHER_PROJECT)
    except PackageNotFoundError:
        if _has_public_names():
            return None
        return PackageProblem(
            f"files of {DISTRIBUTION} are missing", f"uninstall {DISTRIBUTION}, then install it again"
        )
    return PackageProblem(
        f"{OTHER_PROJECT} {other_version}, which is another project, shares files with {DISTRIBUTION}",
        f"uninstall both, then install {DISTRIBUTION} only",
    )


def check_package() -> None:
    """Raise ReconcilerError if files of the package are overwritten or missing.

    Another project that is installed without such an effect is reported by `reconciler doctor` only.
    """
    if not _has_public_names() and (problem := find_package_problem()):
        raise ReconcilerError(f"package: {problem.message}; {problem.advice}")


def _has_public_names() -> bool:
    """Return whether the imported package `reconciler` is this project's."""
    return "Workspace" in getattr(sys.modules["reconciler"], "__all__", ())
