"""The output of managed resources as JSON: IDs, ARNs and endpoints for other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from reconciler.engine.outputs import Outputs
from reconciler.frozen_classes import frozen
from reconciler.model.plan import Target
from reconciler.render.json.encode import encode_document

OUTPUT_FORMAT: Literal["reconciler.output"] = "reconciler.output"
OUTPUT_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class OutputDocument:
    """The values that other tools need.

    `endpoints` has the host names that devices connect to: `data` (MQTT and HTTPS), `credential_provider` and `jobs`; it is empty if
    the caller may not read them. `resources` has the values of each managed resource by its address: `id` and `arn`, and for a
    provisioned thing also `certificate_id` and `certificate_arn`.
    """

    format: Literal["reconciler.output"] = OUTPUT_FORMAT
    version: Literal[1] = OUTPUT_VERSION
    workspace: str
    target: Target
    endpoints: Mapping[str, str]
    resources: Mapping[str, Mapping[str, str]]


def render_output_json(outputs: Outputs) -> Iterator[str]:
    """Render outputs as one JSON document, in pieces."""
    document = OutputDocument(
        workspace=outputs.workspace,
        target=outputs.target,
        endpoints=outputs.endpoints,
        resources=outputs.resources,
    )
    yield from encode_document(document)
