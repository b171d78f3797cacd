"""Logging options: GetV2LoggingOptions and SetV2LoggingOptions. Nothing is logged here."""

import json
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError

SCHEMA = (
    """
    CREATE TABLE logging_options (
      scope INTEGER PRIMARY KEY,
      options TEXT NOT NULL
    )
    """,
)


@operation("iot", "GetV2LoggingOptions")
def get_v2_logging_options(context: Context, _params: Params) -> Output | None:
    """Return the options. Raises NotConfiguredException if they were never set."""
    options = find_options(context)
    if options is None:
        raise ApiError("NotConfiguredException", "Logging is not configured.")
    return {"disableAllLogs": False, **options}


@operation("iot", "SetV2LoggingOptions")
def set_v2_logging_options(context: Context, params: Params) -> Output | None:
    """Set the options in the request; the others stay.

    Raises InvalidRequest if there is no role yet. Whether AWS keeps options that a request leaves out is UNCONFIRMED.
    """
    options = {**(find_options(context) or {}), **params}
    if "roleArn" not in options and not options.get("disableAllLogs", False):
        raise context.invalid("roleArn is required.")
    store_options(context, options)
    return None


def store_options(context: Context, options: dict[str, Any]) -> None:
    """Replace the options."""
    context.tx.run(
        "INSERT OR REPLACE INTO logging_options (scope, options) VALUES (?, ?)",
        context.scope,
        json.dumps(options),
    )


def find_options(context: Context) -> dict[str, Any] | None:
    """Return the options, or None if they were never set."""
    row = context.tx.fetch_one("SELECT * FROM logging_options WHERE scope = ?", context.scope)
    return None if row is None else json.loads(row["options"])
