"""The installed distribution: its version and its extras.

The distribution and the package have different names, because the distribution `reconciler` on the package index is another
project, whose package is also called `reconciler`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from reconciler.model.errors import MissingExtraError

DISTRIBUTION = "iot-reconciler"

EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "IPython": "notebook",
        "anywidget": "notebook",
        "ipywidgets": "notebook",
        "traitlets": "notebook",
        "httptools": "serve",
        "uvicorn": "serve",
        "uvloop": "serve",
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
