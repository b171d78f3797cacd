"""JSON Schemas of the outputs for programs, derived from the classes that define these outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reconciler.model.run import History, RunRecord
from reconciler.render.json.drift_file import DriftDocument, DriftedResourceLine, DriftLine
from reconciler.render.json.environments_file import EnvironmentsDocument
from reconciler.render.json.events import EndEvent, RunEvent, StepEvent
from reconciler.render.json.output_file import OutputDocument
from reconciler.render.json.plan_file import PlanDocument
from reconciler.render.json.plan_lines import ChangeLine, NoteLine, PlanLine
from reconciler.render.json.resource_file import ResourceDocument
from reconciler.render.json.rollout_events import (
    EnvironmentEndEvent,
    EnvironmentEvent,
    RolloutEndEvent,
    RolloutEvent,
)
from reconciler.render.json.rollout_file import (
    EnvironmentDriftLine,
    EnvironmentPlanLine,
    RolloutDriftDocument,
    RolloutDriftLine,
    RolloutHistory,
    RolloutPlanDocument,
    RolloutPlanLine,
)

OUTPUTS: Mapping[str, tuple[type, ...]] = {
    "plan": (PlanDocument,),
    "plan-line": (PlanLine, ChangeLine, NoteLine),
    "event": (RunEvent, StepEvent, EndEvent),
    "drift": (DriftDocument,),
    "drift-line": (DriftLine, DriftedResourceLine),
    "history": (History,),
    "run": (RunRecord,),
    "resource": (ResourceDocument,),
    "output": (OutputDocument,),
    "environments": (EnvironmentsDocument,),
    "rollout-plan": (RolloutPlanDocument,),
    "rollout-plan-line": (RolloutPlanLine, EnvironmentPlanLine),
    "rollout-event": (RolloutEvent, EnvironmentEvent, EnvironmentEndEvent, RolloutEndEvent),
    "rollout-drift": (RolloutDriftDocument,),
    "rollout-drift-line": (RolloutDriftLine, EnvironmentDriftLine),
    "rollout-history": (RolloutHistory,),
}
"""Output → the class of its document, or the classes of its lines.

The outputs are, in this order, those of `plan --format json` and `plan --out`, `plan --format jsonl`, `apply --format jsonl`,
`drift --format json`, `drift --format jsonl`, `history --json`, `history RUN --json`, `show ADDRESS --format json`,
and `output --format json`. Those of a rollout are the outputs of `plan`, `apply`, `drift` and `history` for several environments.
"""


def build_output_schema(output: str) -> Mapping[str, Any]:
    """Build the schema of one output.

    Raises KeyError for a name that is not in `OUTPUTS`.
    """
    classes = OUTPUTS[output]
    schemas, components = msgspec.json.schema_components(classes, ref_template="#/$defs/{name}")
    root = schemas[0] if len(classes) == 1 else {"oneOf": list(schemas)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"reconciler {output}, version 1",
        **root,
        "$defs": {name: _require_all(components[name]) for name in sorted(components)},
    }


def _require_all(component: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a class's schema with every member required, because every member is always written."""
    if "properties" not in component:
        return component
    properties = {
        name: {key: value for key, value in member.items() if key != "default"}
        for name, member in component["properties"].items()
    }
    return {**component, "properties": properties, "required": list(properties)}
