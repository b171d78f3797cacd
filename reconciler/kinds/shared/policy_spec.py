"""The fields of a policy.

Source: AWS IoT API reference, CreatePolicy.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from reconciler.kinds.base.schema import member
from reconciler.model.document import Document


@frozen
class Policy:
    """`[policies.*]`."""

    document: Document = member("The policy document, as JSON.", api="CreatePolicy.policyDocument")
    tags: Mapping[str, str] = member("Tags.", api="CreatePolicy.tags", factory=dict)


@frozen
class PolicyFacts:
    """Further facts about a live policy.

    `other_versions` are the versions other than the default one, oldest first; `targets` are the ARNs of everything that the
    policy is attached to.
    """

    other_versions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
