"""Outputs for other tools as text, CSV, or variables of a shell."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Iterator

from reconciler.engine.outputs import Outputs
from reconciler.model.errors import ReconcilerError
from reconciler.model.text import escape_invisible

_ENDPOINTS = "endpoints"


def render_output_text(outputs: Outputs) -> Iterator[str]:
    """Yield the lines of the endpoints and of each resource, for people."""
    groups = {_ENDPOINTS: outputs.endpoints, **outputs.resources}
    for title, values in groups.items():
        if values:
            yield escape_invisible(title)
            width = max(map(len, values))
            yield from (f"  {name:{width}}  {escape_invisible(value)}" for name, value in values.items())


def render_output_csv(outputs: Outputs) -> Iterator[str]:
    """Yield the lines of a CSV file with a row for each resource; it does not have the endpoints."""
    names = list(dict.fromkeys(name for values in outputs.resources.values() for name in values))
    names = names or ["id", "arn"]
    yield _to_csv_line(["address", *names])
    for address, values in outputs.resources.items():
        yield _to_csv_line(
            escape_invisible(cell) for cell in (address, *(values.get(name, "") for name in names))
        )


def render_output_env(outputs: Outputs) -> Iterator[str]:
    """Yield assignments for a shell to source, such as `THINGS_PUMP_1_ARN=…`.

    Raises ReconcilerError if two values would get the same variable.
    """
    places: dict[str, str] = {}
    for title, values in {_ENDPOINTS: outputs.endpoints, **outputs.resources}.items():
        for name, value in values.items():
            place = f"{title} {name}"
            variable = re.sub(r"[^A-Z0-9]+", "_", place.upper()).strip("_")
            other_place = places.setdefault(variable, place)
            if other_place != place:
                raise ReconcilerError(
                    f"the variable {variable} would have two values: {other_place} and {place}; "
                    "select only one of the two resources, or use --format json"
                )
            yield f"{variable}={shlex.quote(value)}"


def _to_csv_line(cells: Iterator[str] | list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
