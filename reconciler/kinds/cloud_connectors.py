"""Cloud connectors: Lambda functions that connect managed integrations to the cloud of another vendor.

Source: managed integrations API reference, CreateCloudConnector and related operations. AWS assigns the ID. An update can change only
the name and the description, and cannot remove the description, because its pattern allows no empty text. UNCONFIRMED: AWS does not
delete a connector that has destinations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Response, Scope
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.marked_kind import MarkedKind
from reconciler.kinds.base.plain_kind import PlainApi
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.connectors import find_by_name
from reconciler.kinds.shared.function_arns import check_function_arn
from reconciler.kinds.shared.managed_integrations import SERVICE, with_default_name
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

DERIVED_MEMBERS = {
    "CreateCloudConnector.EndpointType": "always LAMBDA, the only type",
    "CreateCloudConnector.ClientToken": "derived from the request, so that sending it twice creates one connector",
    "UpdateCloudConnector.Identifier": "the ID that AWS assigned",
}


@frozen
class CloudConnector:
    """`[cloud_connectors.*]`."""

    lambda_arn: str = member(
        "The ARN of the Lambda function that calls the other cloud.",
        api="CreateCloudConnector.EndpointConfig.lambda.arn",
        outside="function",
        on_change="replaces",
    )
    name: str | None = member(
        "The name in managed integrations (default: the name in this file).",
        api="CreateCloudConnector.Name",
        default=None,
    )
    description: str | None = member(
        "Description of the connector.", api="CreateCloudConnector.Description", default=None
    )


class CloudConnectors(MarkedKind):
    """Cloud connectors: found by marker, owned by marker group.

    The group is named `reconciler:cloud_connectors:ID`.
    """

    table = "cloud_connectors"
    noun = "cloud connector"
    service = SERVICE
    spec_class = CloudConnector
    api = PlainApi(
        "CloudConnector",
        name="",
        arn="",
        listing=Listing("ListCloudConnectors", "Items", "Id"),
        describe="GetCloudConnector",
        id="Id",
        id_param="Identifier",
    )
    derived_members = DERIVED_MEMBERS
    users_follow_replacements = True
    unremovable_fields = frozenset({"description"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the function and the name."""
        yield from check_function_arn(resource.spec.lambda_arn, "lambda_arn")
        yield from super().check(resource, desired)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Any:
        """Return the spec with the default name."""
        return with_default_name(resource)

    def find_candidate(self, resource: Resource, unmanaged: Sequence[Live], scope: Scope) -> Live | None:
        """Return the connector without an owner that has the name of a resource of the file."""
        return find_by_name(self, self.compute_effective_spec(resource, scope), unmanaged)

    def to_spec(self, description: Response, tags: Mapping[str, str]) -> CloudConnector:
        """Return the spec of a description; a connector without a function has an empty ARN."""
        arn = description["EndpointConfig"].get("lambda", {}).get("arn", "")
        return CloudConnector(arn, description["Name"], description.get("Description"))

    def to_create_params(self, resource: Resource) -> dict[str, Any]:
        """Return the members of the create request."""
        return {**super().to_create_params(resource), "EndpointType": "LAMBDA"}


KIND = CloudConnectors()
