"""The fields of a policy.

Source: AWS IoT API reference, CreatePolicy.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.cognito_identities import declare_identities
from reconciler.model.document import Document
from reconciler.model.resource import NotCompared


@frozen
class Policy:
    """`[policies.*]`."""

    document: Document = member("The policy document, as JSON.", api="CreatePolicy.policyDocument")
    tags: Mapping[str, str] = member("Tags.", api="CreatePolicy.tags", factory=dict)
    cognito_identities: tuple[str, ...] | NotCompared = declare_identities(
        "The IDs of the Amazon Cognito identities that the policy is attached to."
    )


@frozen
class PolicyFacts:
    """Further facts about a live policy.

    `other_versions` are the versions other than the default one, oldest first; `targets` are the ARNs of everything that the
    policy is attached to.
    """

    other_versions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
