"""The edges between policies and their targets: the table and its queries.

Invariant: a target is an ARN or a Cognito identity. A detached edge is no longer listed, but blocks the deletion of its policy
for `detach_lag_seconds`; AWS documents up to five minutes. It does not block the deletion of its target, which deletes the
edge. `gone_at` is the time at which a detached edge no longer blocks anything; it is null until the edge is detached.
"""

from reconciler.registry.context import Context

SCHEMA = (
    """
    CREATE TABLE policy_edges (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      target TEXT NOT NULL,
      policy INTEGER NOT NULL REFERENCES policies (seq) ON DELETE CASCADE,
      gone_at REAL,
      UNIQUE (scope, target, policy)
    )
    """,
    "CREATE INDEX policy_edges_by_policy ON policy_edges (policy, seq)",
)


def has_policies(context: Context, target: str) -> bool:
    """Return whether any policy is attached to the target."""
    row = context.tx.fetch_one(
        "SELECT 1 FROM policy_edges WHERE scope = ? AND target = ? AND gone_at IS NULL LIMIT 1",
        context.scope,
        target,
    )
    return row is not None


def is_policy_in_use(context: Context, policy: int) -> bool:
    """Return whether the policy is attached, or was detached within the last `detach_lag_seconds`."""
    row = context.tx.fetch_one(
        "SELECT 1 FROM policy_edges WHERE policy = ? AND (gone_at IS NULL OR gone_at > ?) LIMIT 1",
        policy,
        context.now,
    )
    return row is not None


def delete_target_edges(context: Context, target: str) -> None:
    """Delete every edge of a target that is being deleted."""
    context.tx.run("DELETE FROM policy_edges WHERE scope = ? AND target = ?", context.scope, target)
