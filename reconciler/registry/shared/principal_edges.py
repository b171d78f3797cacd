"""The edges between things and principals: the table and its queries.

Invariant: a detached edge is no longer listed, but blocks the deletion of its thing, and the deletion and the transfer of its
certificate, for `detach_lag_seconds`, because AWS detaches asynchronously. AWS does not document whether the edge first leaves
the lists or first permits the deletion; the registry's order is the one that is harder for a client. `gone_at` is the time at
which a detached edge no longer blocks anything; it is null until the edge is detached.
"""

from reconciler.registry.context import Context

SCHEMA = (
    """
    CREATE TABLE principal_edges (
      scope INTEGER NOT NULL,
      thing TEXT NOT NULL,
      principal TEXT NOT NULL,
      exclusive INTEGER NOT NULL,
      gone_at REAL,
      PRIMARY KEY (scope, thing, principal)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX principal_edges_by_principal ON principal_edges (scope, principal, thing, exclusive, gone_at)",
)


def is_thing_in_use(context: Context, thing: str) -> bool:
    """Return whether the thing has a principal, or had one within the last `detach_lag_seconds`."""
    row = context.tx.fetch_one(
        "SELECT 1 FROM principal_edges WHERE scope = ? AND thing = ? AND (gone_at IS NULL OR gone_at > ?) LIMIT 1",
        context.scope,
        thing,
        context.now,
    )
    return row is not None


def is_principal_in_use(context: Context, principal: str) -> bool:
    """Return whether the principal has a thing, or had one within the last `detach_lag_seconds`."""
    row = context.tx.fetch_one(
        "SELECT 1 FROM principal_edges WHERE scope = ? AND principal = ? AND (gone_at IS NULL OR gone_at > ?) LIMIT 1",
        context.scope,
        principal,
        context.now,
    )
    return row is not None


def delete_thing_edges(context: Context, thing: str) -> None:
    """Delete the detached edges of a thing that is being deleted."""
    context.tx.run("DELETE FROM principal_edges WHERE scope = ? AND thing = ?", context.scope, thing)


def delete_principal_edges(context: Context, principal: str) -> None:
    """Delete the detached edges of a principal that is being deleted."""
    context.tx.run("DELETE FROM principal_edges WHERE scope = ? AND principal = ?", context.scope, principal)
