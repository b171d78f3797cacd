"""Collect what other tools need of the managed resources: IDs, ARNs and the account's endpoints.

Source: AWS IoT API reference, DescribeEndpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.engine.calls.send import send
from reconciler.engine.plan.compare import Comparison, build_plan_context
from reconciler.engine.plan.selection import select_compared
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import NO_ACCESS_CODES, AwsError, SelectionError
from reconciler.model.plan import Target
from reconciler.model.resource import Inventory
from reconciler.model.text import quote

_ENDPOINT_TYPES = {
    "data": "iot:Data-ATS",
    "credential_provider": "iot:CredentialProvider",
    "jobs": "iot:Jobs",
}


@frozen(kw_only=True)
class Outputs:
    """The values that other tools need.

    - `endpoints`: the host names that devices connect to: `data` (MQTT and HTTPS), `credential_provider` and `jobs`; empty if
      the caller may not read them, and `endpoints_problem` is the reason;
    - `resources`: address → the values of each managed resource: its `id` and `arn`, and those of a provisioned thing's certificate.
    """

    workspace: str
    target: Target
    endpoints: Mapping[str, str]
    resources: Mapping[str, Mapping[str, str]]
    endpoints_problem: str | None = None


def collect_outputs(
    workspace: str, target: Target, comparison: Comparison, call: Call, select: Sequence[str] = ()
) -> Outputs:
    """Return the values of the managed resources that `select` selects (default: all), as they are live.

    Raises SelectionError, AwsError and TargetError.
    """
    managed = _select_managed(workspace, comparison, select)
    context = build_plan_context(workspace, target, comparison)
    kinds = all_kinds()
    resources = {}
    for address, live in managed.items():
        values = kinds[address.kind].outputs(live, context)
        resources[str(address)] = {name: value for name, value in values.items() if value}
    problem = None
    endpoints = {}
    try:
        endpoints = dict(_read_endpoints(call))
    except AwsError as error:
        if error.code not in NO_ACCESS_CODES:
            raise
        problem = str(error)
    return Outputs(
        workspace=workspace,
        target=target,
        endpoints=endpoints,
        resources=resources,
        endpoints_problem=problem,
    )


def _select_managed(workspace: str, comparison: Comparison, select: Sequence[str]) -> Inventory:
    """Return the selected live resources that the workspace manages, without its ownership markers."""
    markers = list_reserved_addresses(workspace)
    managed = {
        address: live
        for address, live in sorted(comparison.live.items())
        if live.owner == workspace and address not in markers
    }
    if not select:
        return managed
    selected: set[Address] = set()
    problems = []
    for selector in select:
        matches = select_compared(comparison, [selector], ()) & managed.keys()
        selected |= matches
        if not matches:
            problems.append(f"{quote(selector)}: selects no live resource that this workspace manages")
    if problems:
        raise SelectionError(problems, "nothing to output")
    return {address: live for address, live in managed.items() if address in selected}


def _read_endpoints(call: Call) -> Iterator[tuple[str, str]]:
    for name, endpoint_type in _ENDPOINT_TYPES.items():
        response = send(call, ApiCall("iot", "DescribeEndpoint", {"endpointType": endpoint_type}), {})
        yield name, response["endpointAddress"]
