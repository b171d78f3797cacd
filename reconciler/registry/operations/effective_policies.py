"""GetEffectivePolicies: the policies that apply when a principal connects as a thing.

They are the policies of the principal, of the thing's groups, and of all ancestors of these groups. The statements in the
policies are not evaluated.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.policies import to_policy_item
from reconciler.registry.operations.policy_attachments import require_target
from reconciler.registry.operations.thing_group_members import find_dynamic_groups
from reconciler.registry.operations.thing_groups import build_group_arn, find_ancestors
from reconciler.registry.operations.things import require_thing
from reconciler.registry.store import Row


@operation("iot", "GetEffectivePolicies", writes=False)
def get_effective_policies(context: Context, params: Params) -> Output | None:
    """Return the policies of a principal and of a thing's groups, with their default versions' documents.

    `principal` can also be the ARN of a thing group; then the policies of the group and its ancestors are returned.

    Raises ResourceNotFound; InvalidRequest for an invalid principal, and if neither a principal nor a thing is given.
    """
    principal, thing_name = params.get("principal"), params.get("thingName")
    if principal is None and thing_name is None:
        raise context.invalid("At least one of principal and thingName must be given.")
    targets: list[str] = []
    if principal is not None:
        group = require_target(context, principal)
        targets += [principal] if group is None else _list_arns_with_ancestors(context, group)
    if thing_name is not None:
        targets += _list_thing_group_arns(context, require_thing(context, thing_name))
    rows = context.tx.fetch_all(
        "SELECT p.name, v.document FROM policies p"  # noqa: S608  (fixed words only)
        " JOIN policy_versions v ON v.policy = p.seq AND v.version = p.default_version"
        " WHERE p.seq IN (SELECT policy FROM policy_edges WHERE scope = ?"
        f" AND target IN ({', '.join('?' * len(targets))}) AND gone_at IS NULL) ORDER BY p.seq",
        context.scope,
        *targets,
    )
    policies = [{**to_policy_item(context, row), "policyDocument": row["document"]} for row in rows]
    return {"effectivePolicies": policies}


def _list_thing_group_arns(context: Context, thing: Row) -> list[str]:
    """Return the ARNs of a thing's groups, also of the dynamic ones, and of their ancestors."""
    static_groups = context.tx.fetch_all(
        "SELECT g.* FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group WHERE m.thing = ?",
        thing["seq"],
    )
    groups = [*static_groups, *find_dynamic_groups(context, thing)]
    return [arn for group in groups for arn in _list_arns_with_ancestors(context, group)]


def _list_arns_with_ancestors(context: Context, group: Row) -> list[str]:
    """Return the ARNs of a thing group and of its ancestors."""
    return [build_group_arn(context, row["name"]) for row in (group, *find_ancestors(context, group))]
