"""JSON Schemas of what is written for machines, made of the classes that it is written from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reconciler.model.run import History, RunRecord
from reconciler.render.json.drift_file import DriftDocument, DriftedLine, DriftLine
from reconciler.render.json.events import EndEvent, RunEvent, StepEvent
from reconciler.render.json.plan_file import PlanDocument
from reconciler.render.json.plan_lines import ChangeLine, NoteLine, PlanLine

OUTPUTS: Mapping[str, tuple[type, ...]] = {
    "plan": (PlanDocument,),
    "plan-line": (PlanLine, ChangeLine, NoteLine),
    "event": (RunEvent, StepEvent, EndEvent),
    "drift": (DriftDocument,),
    "drift-line": (DriftLine, DriftedLine),
    "history": (History,),
    "run": (RunRecord,),
}
"""Every output and what it, or one line of it, may be: `plan --format json` and `--out`, `--format jsonl`, `apply --format
jsonl`, the same of `drift`, `history --json`, and `history RUN --json`."""


def build_output_schema(output: str) -> Mapping[str, Any]:
    """The schema of one output. Raises KeyError for what is none of `OUTPUTS`."""
    sorts = OUTPUTS[output]
    found, components = msgspec.json.schema_components(sorts, ref_template="#/$defs/{name}")
    alone = found[0] if len(sorts) == 1 else {"oneOf": list(found)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"reconciler {output}, version 1",
        **alone,
        "$defs": {name: _whole(components[name]) for name in sorted(components)},
    }


def _whole(component: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a class, every member is written every time, whatever it is where nothing is said."""
    if "properties" not in component:
        return component
    properties = {
        name: {word: said for word, said in told.items() if word != "default"}
        for name, told in component["properties"].items()
    }
    return {**component, "properties": properties, "required": list(properties)}
