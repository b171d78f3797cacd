"""Find the policies that other clients have attached to what a plan deletes."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.references import iterate_references
from reconciler.kinds.shared.certificate_retirement import build_retired_policy_name
from reconciler.model.resource import External, NotCompared
from reconciler.model.text import join_some


def find_foreign_policies(
    attached_policies: Collection[str] | NotCompared | None, context: PlanContext
) -> Iterator[str]:
    """Yield a description of the attached policies that other clients have attached, if there are any.

    They are neither managed by the workspace nor referred to by the file. AWS deletes their attachments with the target.
    """
    if isinstance(attached_policies, NotCompared) or not attached_policies:
        return
    foreign_policies = set(attached_policies) - context.managed_policies
    foreign_policies.discard(build_retired_policy_name(context.workspace))
    if foreign_policies:  # collecting all references takes long in a large fleet
        foreign_policies -= _find_referenced_policies(context)
    if foreign_policies:
        yield f"the attachment of policies that this workspace does not manage ({join_some(sorted(foreign_policies))})"


def _find_referenced_policies(context: PlanContext) -> set[str]:
    """Return the names of the policies outside the file that any resource of the file refers to."""
    names = set()
    for resource in context.declared.values():
        for reference in iterate_references(resource.spec):
            if reference.table == "policies" and isinstance(reference.value, External):
                names.add(reference.value.name)
    return names
