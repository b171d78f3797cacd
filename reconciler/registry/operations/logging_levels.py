"""Log levels of targets: the operations that set, list and delete them. Nothing is logged here.

UNCONFIRMED: the level of the target type DEFAULT is the one in the logging options.
"""

from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.operations.logging_options import find_options, store_options
from reconciler.registry.paging import Pager

SCHEMA = (
    """
    CREATE TABLE logging_levels (
      scope INTEGER NOT NULL,
      type TEXT NOT NULL,
      name TEXT NOT NULL,
      level TEXT NOT NULL,
      PRIMARY KEY (scope, type, name)
    ) WITHOUT ROWID
    """,
)

_DEFAULT = "DEFAULT"
_PAGER = Pager("nextToken", "nextToken", "maxResults")


@operation("iot", "SetV2LoggingLevel")
def set_v2_logging_level(context: Context, params: Params) -> Output | None:
    """Set the level of a target. Repeating the call succeeds.

    Raises NotConfiguredException without logging options, InvalidRequest for a target without a name.
    """
    options = _require_options(context)
    target, level = params["logTarget"], params["logLevel"]
    if target["targetType"] == _DEFAULT:
        store_options(context, {**options, "defaultLogLevel": level})
        return None
    if not target.get("targetName"):
        raise context.invalid("targetName is required.")
    context.tx.run(
        "INSERT OR REPLACE INTO logging_levels (scope, type, name, level) VALUES (?, ?, ?, ?)",
        context.scope,
        target["targetType"],
        target["targetName"],
        level,
    )
    return None


@operation("iot", "DeleteV2LoggingLevel")
def delete_v2_logging_level(context: Context, params: Params) -> Output | None:
    """Delete the level of a target; succeed if it has none.

    Raises InvalidRequest for the target type DEFAULT.
    """
    if params["targetType"] == _DEFAULT:
        raise context.invalid("The default level cannot be deleted.")
    context.tx.run(
        "DELETE FROM logging_levels WHERE scope = ? AND type = ? AND name = ?",
        context.scope,
        params["targetType"],
        params["targetName"],
    )
    return None


@operation("iot", "ListV2LoggingLevels")
def list_v2_logging_levels(context: Context, params: Params) -> Output | None:
    """Return the levels of targets, of one type if the request has it, in the order of types and names.

    Raises NotConfiguredException without logging options.
    """
    options = _require_options(context)
    page = _PAGER.start_page(context, params)
    after = page.after or ["", ""]
    rows = context.tx.fetch_all(
        "SELECT type, name, level FROM (SELECT type, name, level FROM logging_levels WHERE scope = ?"
        " UNION ALL SELECT ?, '', ?) WHERE (type = ? OR ? IS NULL) AND (type, name) > (?, ?)"
        " ORDER BY type, name LIMIT ?",
        context.scope,
        _DEFAULT,
        options.get("defaultLogLevel", "DISABLED"),
        params.get("targetType"),
        params.get("targetType"),
        *after,
        page.limit,
    )
    return page.build_output(
        "logTargetConfigurations", rows, key=lambda row: (row["type"], row["name"]), item=_describe
    )


def _describe(row: Any) -> dict[str, Any]:
    name = {"targetName": row["name"]} if row["name"] else {}
    return {"logTarget": {"targetType": row["type"], **name}, "logLevel": row["level"]}


def _require_options(context: Context) -> dict[str, Any]:
    options = find_options(context)
    if options is None:
        raise ApiError("NotConfiguredException", "Logging is not configured.")
    return options
