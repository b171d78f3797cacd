"""The errors of the Python API, for the reference."""

from __future__ import annotations

from collections.abc import Iterator

import reconciler
from reconciler.model import errors
from tests.docs.markdown import render_table


def render_errors() -> str:
    """Render a table of the errors, and a directive that documents each."""
    classes = list(_iterate_errors(errors.ReconcilerError))
    rows = [
        (
            f"`{cls.__name__}`",
            (cls.__doc__ or "").splitlines()[0],
            "" if cls is errors.ReconcilerError else f"`{cls.__base__.__name__}`",  # type: ignore[union-attr]
            "yes" if cls.__name__ in reconciler.__all__ else "no: catch its base",
        )
        for cls in classes
    ]
    directives = "\n\n".join(
        f".. autoexception:: {cls.__module__}.{cls.__name__}\n   :show-inheritance:" for cls in classes
    )
    table = render_table(("Error", "Raised for", "Is a", "Public"), rows)
    return f"{table}\n\n```{{eval-rst}}\n{directives}\n```"


def _iterate_errors(cls: type[Exception]) -> Iterator[type[Exception]]:
    """Yield an exception class, then its subclasses in the module, in the order of their definition."""
    yield cls
    for subclass in cls.__subclasses__():
        if subclass.__module__ == errors.__name__:
            yield from _iterate_errors(subclass)
