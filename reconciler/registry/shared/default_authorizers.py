"""The default authorizer of each account and Region: its table."""

from reconciler.registry.context import Context

SCHEMA = (
    """
    CREATE TABLE default_authorizers (
      scope INTEGER PRIMARY KEY,
      name TEXT NOT NULL
    )
    """,
)


def find_default_authorizer(context: Context) -> str | None:
    """Return the name of the default authorizer, or None."""
    row = context.tx.fetch_one("SELECT name FROM default_authorizers WHERE scope = ?", context.scope)
    return None if row is None else row["name"]
