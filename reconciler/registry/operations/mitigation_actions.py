"""Mitigation actions: the operations that create, describe, list, update and delete them.

No action ever runs. UNCONFIRMED: whether AWS checks that the thing groups of an action exist; here, it does not.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType

MITIGATION_ACTIONS = NamedResourceType("mitigation action", "mitigationaction", "actionName")
MAX_MITIGATION_ACTIONS = 100
"""AWS General Reference, "AWS IoT Device Defender endpoints and quotas"."""

_PAGER = evolve(REGISTRY_PAGER, default_size=25)
"""The default size is the documented one (API reference, ListMitigationActions)."""

_TYPES = {
    "updateDeviceCertificateParams": "UPDATE_DEVICE_CERTIFICATE",
    "updateCACertificateParams": "UPDATE_CA_CERTIFICATE",
    "addThingsToThingGroupParams": "ADD_THINGS_TO_THING_GROUP",
    "replaceDefaultPolicyVersionParams": "REPLACE_DEFAULT_POLICY_VERSION",
    "enableIoTLoggingParams": "ENABLE_IOT_LOGGING",
    "publishFindingToSnsParams": "PUBLISH_FINDING_TO_SNS",
}
"""The type of an action, by the only member of its parameters."""


@operation("iot", "CreateMitigationAction")
def create_mitigation_action(context: Context, params: Params) -> Output | None:
    """Create a mitigation action. Repeating the call fails.

    Raises ResourceAlreadyExists (409), LimitExceeded (410) for a 101st action, InvalidRequest for parameters of no or several
    types and for invalid tags.
    """
    members = {**params, **_derive_type(context, params), "actionId": str(uuid.uuid4())}
    action = MITIGATION_ACTIONS.create(context, members)
    if len(MITIGATION_ACTIONS.read_all(context)) > MAX_MITIGATION_ACTIONS:
        raise ApiError(
            "LimitExceededException", f"An account can have {MAX_MITIGATION_ACTIONS} mitigation actions."
        )
    return _identify(action)


@operation("iot", "DescribeMitigationAction")
def describe_mitigation_action(context: Context, params: Params) -> Output | None:
    """Return everything about a mitigation action except its tags. Raises ResourceNotFound."""
    return MITIGATION_ACTIONS.require(context, params).describe("actionName", "actionArn")


@operation("iot", "ListMitigationActions")
def list_mitigation_actions(context: Context, params: Params) -> Output | None:
    """Return the names and ARNs of the mitigation actions, in creation order; at most those of a type."""
    return MITIGATION_ACTIONS.list_page(
        context,
        params,
        "actionIdentifiers",
        lambda action: {
            "actionName": action.name,
            "actionArn": action.arn,
            "creationDate": action.created_at,
        },
        pager=_PAGER,
        filters=("actionType",),
    )


@operation("iot", "UpdateMitigationAction")
def update_mitigation_action(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay.

    Raises ResourceNotFound, InvalidRequest for parameters of no or several types.
    """
    action = MITIGATION_ACTIONS.require(context, params)
    changes = {**MITIGATION_ACTIONS.select_changes(params), **_derive_type(context, params)}
    return _identify(MITIGATION_ACTIONS.update(context, action, changes))


@operation("iot", "DeleteMitigationAction")
def delete_mitigation_action(context: Context, params: Params) -> Output | None:
    """Delete a mitigation action; a missing one is not an error, as the service model has none for it."""
    MITIGATION_ACTIONS.delete(context, params)
    return None


def _derive_type(context: Context, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the type of the action that a request sets, if it sets one. Raises InvalidRequest."""
    if "actionParams" not in params:
        return {}
    types = [_TYPES[name] for name in params["actionParams"]]
    if len(types) != 1:
        raise context.invalid(f"actionParams must have parameters of one type, and has {len(types)}.")
    return {"actionType": types[0]}


def _identify(action: NamedResource) -> Output:
    return {"actionArn": action.arn, "actionId": action.members["actionId"]}
