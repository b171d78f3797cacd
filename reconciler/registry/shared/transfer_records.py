"""Records of certificate transfers: the table, and the query for `transferData`.

Invariant: a certificate has one record, that of its last transfer, for each account and Region from which it was transferred. A
record is pending until the transfer is accepted, rejected or canceled; canceling deletes the record. `source` and `target`
are scope numbers.
"""

from typing import Any

from reconciler.registry.context import Context

SCHEMA = (
    """
    CREATE TABLE certificate_transfers (
      certificate TEXT NOT NULL,
      source INTEGER NOT NULL,
      target INTEGER NOT NULL,
      target_account TEXT NOT NULL,
      message TEXT,
      created_at REAL NOT NULL,
      transferred_at REAL NOT NULL,
      accepted_at REAL,
      rejected_at REAL,
      reject_reason TEXT,
      pending INTEGER NOT NULL,
      PRIMARY KEY (certificate, source)
    ) WITHOUT ROWID
    """,
    """
    CREATE INDEX certificate_transfers_pending ON certificate_transfers (source, created_at, certificate)
      WHERE pending = 1
    """,
)


def read_transfer_data(context: Context, certificate_id: str) -> dict[str, Any]:
    """Return the `transferData` of a certificate: its last transfer from or to this account and Region.

    It is empty if there is none.
    """
    row = context.tx.fetch_one(
        "SELECT * FROM certificate_transfers WHERE certificate = ? AND (source = ? OR target = ?)"
        " ORDER BY transferred_at DESC LIMIT 1",
        certificate_id,
        context.scope,
        context.scope,
    )
    if row is None:
        return {}
    return {
        "transferMessage": row["message"],
        "rejectReason": row["reject_reason"],
        "transferDate": row["transferred_at"],
        "acceptDate": row["accepted_at"],
        "rejectDate": row["rejected_at"],
    }
