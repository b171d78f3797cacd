"""Policy attachments: the operations that create, delete and list them, and their deprecated forms.

Targets are device certificates, static and dynamic thing groups, and Cognito identities. A certificate or identity has at most 10
policies; AWS documents no such limit for thing groups.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.policies import find_policy, require_policy, to_policy_item
from reconciler.registry.operations.thing_groups import (
    build_group_arn,
    find_ancestors,
    find_group,
)
from reconciler.registry.paging import MARKER_PAGER, order_by_seq
from reconciler.registry.shared.principals import parse_certificate_id, require_attachable, require_principal
from reconciler.registry.store import Row

MAX_POLICIES = 10


@operation("iot", "AttachPolicy")
def attach_policy(context: Context, params: Params) -> Output | None:
    """Attach a policy to a certificate, a thing group or a Cognito identity; repeating the call succeeds.

    Raises ResourceNotFound, InvalidRequest for an invalid target and a certificate with a pending transfer, LimitExceeded (410) for an 11th policy of a certificate or identity.
    """
    _attach(context, params["policyName"], params["target"])
    return None


@operation("iot", "AttachPrincipalPolicy")
def attach_principal_policy(context: Context, params: Params) -> Output | None:
    """Attach a policy to a principal: the older form of AttachPolicy, with the same errors.

    A thing group is not a principal (InvalidRequest).
    """
    _require_principal_format(context, params["principal"])
    _attach(context, params["policyName"], params["principal"])
    return None


@operation("iot", "DetachPolicy")
def detach_policy(context: Context, params: Params) -> Output | None:
    """Detach a policy. A policy that is not attached or does not exist is not an error.

    AWS's service model has no ResourceNotFound for this operation.

    Raises InvalidRequest for an invalid target.
    """
    _require_valid_target(context, params["target"])
    _detach(context, params["policyName"], params["target"])
    return None


@operation("iot", "DetachPrincipalPolicy")
def detach_principal_policy(context: Context, params: Params) -> Output | None:
    """Detach a policy from a principal; the older form of DetachPolicy.

    Raises ResourceNotFound for an unknown policy and for one that is not attached, InvalidRequest for an invalid principal.
    """
    name, principal = params["policyName"], params["principal"]
    _require_principal_format(context, principal)
    require_policy(context, name)
    if not _detach(context, name, principal):
        raise not_found(f"The policy {name} is not attached to the principal {principal}.")
    return None


@operation("iot", "ListAttachedPolicies", writes=False)
def list_attached_policies(context: Context, params: Params) -> Output | None:
    """Return the policies of a target in the order in which the policies were created.

    With `recursive`, the policies of a thing group's ancestors are included. For a certificate or identity, `recursive` has no
    effect (UNCONFIRMED).

    Raises ResourceNotFound, InvalidRequest for an invalid target.
    """
    page = MARKER_PAGER.start_page(context, params)
    target = params["target"]
    targets = [target]
    group = require_target(context, target)
    if group is not None and params.get("recursive"):
        targets += [build_group_arn(context, ancestor["name"]) for ancestor in find_ancestors(context, group)]
    rows = context.tx.fetch_all(
        "SELECT seq, name FROM policies WHERE seq > ? AND seq IN (SELECT policy FROM policy_edges"  # noqa: S608
        f" WHERE scope = ? AND target IN ({', '.join('?' * len(targets))}) AND gone_at IS NULL)"
        " ORDER BY seq LIMIT ?",
        page.after[0] if page.after else 0,
        context.scope,
        *targets,
        page.limit,
    )
    return page.build_output(
        "policies", rows, key=lambda row: (row["seq"],), item=lambda row: to_policy_item(context, row)
    )


@operation("iot", "ListPrincipalPolicies")
def list_principal_policies(context: Context, params: Params) -> Output | None:
    """Return the policies of a principal by the policies' age, newest first unless `ascendingOrder`.

    The older form of ListAttachedPolicies, for principals only. Raises ResourceNotFound, InvalidRequest.
    """
    page = MARKER_PAGER.start_page(context, params)
    order, sign, after = order_by_seq(page, params)
    _require_principal_format(context, params["principal"])
    require_target(context, params["principal"])
    rows = context.tx.fetch_all(
        f"SELECT seq, name FROM policies WHERE seq {sign} ? AND seq IN (SELECT policy FROM policy_edges"  # noqa: S608
        f" WHERE scope = ? AND target = ? AND gone_at IS NULL) ORDER BY seq {order} LIMIT ?",
        after,
        context.scope,
        params["principal"],
        page.limit,
    )
    return page.build_output(
        "policies", rows, key=lambda row: (row["seq"],), item=lambda row: to_policy_item(context, row)
    )


@operation("iot", "ListTargetsForPolicy", writes=False)
def list_targets_for_policy(context: Context, params: Params) -> Output | None:
    """Return the targets of a policy, in the order of attachment. Raises ResourceNotFound."""
    require_policy(context, params["policyName"])
    return _list_targets(context, {**params, "ascendingOrder": True}, "targets")


@operation("iot", "ListPolicyPrincipals")
def list_policy_principals(context: Context, params: Params) -> Output | None:
    """Return the targets of a policy, newest attachment first unless `ascendingOrder`.

    The older form of ListTargetsForPolicy; its principals include thing groups. A policy that does not exist has none (seen
    in moto's pull request 5309).
    """
    return _list_targets(context, params, "principals")


def _list_targets(context: Context, params: Params, member: str) -> Output:
    page = MARKER_PAGER.start_page(context, params)
    order, sign, after = order_by_seq(page, params)
    policy = find_policy(context, params["policyName"])
    rows = context.tx.fetch_all(
        f"SELECT seq, target FROM policy_edges WHERE policy = ? AND seq {sign} ?"  # noqa: S608  (fixed words only)
        f" AND gone_at IS NULL ORDER BY seq {order} LIMIT ?",
        None if policy is None else policy["seq"],
        after,
        page.limit,
    )
    return page.build_output(member, rows, key=lambda row: (row["seq"],), item=lambda row: row["target"])


def _attach(context: Context, name: str, target: str) -> None:
    policy, group = require_policy(context, name), require_target(context, target)
    if group is None:
        require_attachable(context, target)
    attached_rows = context.tx.fetch_all(
        "SELECT policy FROM policy_edges WHERE scope = ? AND target = ? AND gone_at IS NULL",
        context.scope,
        target,
    )
    if any(row["policy"] == policy["seq"] for row in attached_rows):
        return
    if group is None and len(attached_rows) >= MAX_POLICIES:
        raise ApiError(
            "LimitExceededException", f"At most {MAX_POLICIES} policies can be attached to {target}."
        )
    # The edge of an earlier attachment may still be stored: after the detachment, it blocks the policy's deletion for a while.
    context.tx.run(
        "INSERT OR REPLACE INTO policy_edges (scope, target, policy) VALUES (?, ?, ?)",
        context.scope,
        target,
        policy["seq"],
    )


def _detach(context: Context, name: str, target: str) -> bool:
    """Detach a policy, and return whether it was attached."""
    policy: Row | None = find_policy(context, name)
    if policy is None:
        return False
    changed_rows = context.tx.run(
        "UPDATE policy_edges SET gone_at = ? WHERE scope = ? AND target = ? AND policy = ? AND gone_at IS NULL",
        context.now + context.settings.detach_lag_seconds,
        context.scope,
        target,
        policy["seq"],
    )
    # Deletes the target's edges that no longer block anything; without a detach lag, the one that was just detached is among them.
    context.tx.run(
        "DELETE FROM policy_edges WHERE scope = ? AND target = ? AND gone_at <= ?",
        context.scope,
        target,
        context.now,
    )
    return bool(changed_rows)


def _is_thing_group_arn(context: Context, target: str) -> bool:
    return target.startswith(build_group_arn(context, ""))


def _require_principal_format(context: Context, principal: str) -> None:
    """Raise InvalidRequest for an ARN other than a certificate's, with AWS's text (aws-cdk issue 26166)."""
    if principal.startswith("arn:") and not principal.startswith(context.build_arn("cert/")):
        raise context.invalid("The given ARN does not represent a cert")
    parse_certificate_id(context, principal)


def _require_valid_target(context: Context, target: str) -> None:
    """Raise InvalidRequest unless the target has the format of a thing group or principal."""
    if not _is_thing_group_arn(context, target):
        parse_certificate_id(context, target)


def require_target(context: Context, target: str) -> Row | None:
    """Return the row of the thing group that the target names, or None for a principal.

    Raises ResourceNotFound for an unknown certificate or group, InvalidRequest for an invalid target.
    """
    if not _is_thing_group_arn(context, target):
        require_principal(context, target)
        return None
    group: Row | None = find_group(context, target.removeprefix(build_group_arn(context, "")))
    if group is None:
        raise not_found(f"The thing group {target} does not exist.")
    return group
