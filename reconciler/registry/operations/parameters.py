"""Parameters of SSM's Parameter Store: the operations that put, get and delete them.

A parameter of the type SecureString is stored like any other one, but its value is returned only with `WithDecryption`. Labels,
parameter policies and KMS keys have no effect.
"""

import base64
import hashlib
import hmac
import re
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.shared.tagging import add_tags, delete_tags, parse_tag_list
from reconciler.registry.store import Row

SERVICE = "ssm"

SCHEMA = (
    """
    CREATE TABLE parameters (
      scope INTEGER NOT NULL,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      type TEXT NOT NULL,
      value TEXT NOT NULL,
      tier TEXT NOT NULL,
      data_type TEXT NOT NULL,
      modified_at REAL NOT NULL,
      PRIMARY KEY (scope, name, version)
    ) WITHOUT ROWID
    """,
)

# Systems Manager user guide, "Creating Parameter Store parameters" and "Managing parameter tiers".
MAX_NAME_LENGTH = 1011
MAX_LEVELS = 15
MAX_VERSIONS = 100
MAX_VALUE_BYTES = {"Standard": 4096, "Advanced": 8192}
_NAME = r"[A-Za-z0-9_.-]+|(?:/[A-Za-z0-9_.-]+)+"
_RESERVED_PREFIX = r"/?(?:aws|ssm)"


@operation(SERVICE, "PutParameter")
def put_parameter(context: Context, params: Params) -> Output | None:
    """Create a parameter or, with `Overwrite`, add a version.

    The oldest of more than 100 versions is deleted.

    Raises ParameterAlreadyExists without `Overwrite`, HierarchyTypeMismatchException for another type than that of the parameter,
    and the errors for values that are not valid.
    """
    name, latest = params["Name"], _find_version(context, params["Name"], None)
    _check_name(context, name)
    if latest and not params.get("Overwrite"):
        message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
        raise ApiError("ParameterAlreadyExists", message)
    if latest and "Tags" in params:
        message = "Invalid request: tags and overwrite can't be used together."
        raise context.invalid(message)
    parameter_type = params.get("Type", latest["type"] if latest else None)
    if parameter_type is None:
        raise context.invalid("A parameter type is required when you create a parameter.")
    if latest and parameter_type != latest["type"]:
        message = "Parameter Store does not support changing a parameter type in a hierarchy."
        raise ApiError("HierarchyTypeMismatchException", message)
    tier = _choose_tier(context, params, latest)
    _check_pattern(params)
    version = latest["version"] + 1 if latest else 1
    context.tx.run(
        "INSERT INTO parameters (scope, name, version, type, value, tier, data_type, modified_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        context.scope,
        name,
        version,
        parameter_type,
        params["Value"],
        tier,
        params.get("DataType", "text"),
        context.now,
    )
    context.tx.run(
        "DELETE FROM parameters WHERE scope = ? AND name = ? AND version <= ?",
        context.scope,
        name,
        version - MAX_VERSIONS,
    )
    add_tags(context, _build_arn(context, name), parse_tag_list(context, params.get("Tags", [])))
    return {"Version": version, "Tier": tier}


@operation(SERVICE, "GetParameters", writes=False)
def get_parameters(context: Context, params: Params) -> Output | None:
    """Return up to ten parameters; names of which there is none are in `InvalidParameters`."""
    if len(set(params["Names"])) < len(params["Names"]):
        raise context.invalid("Duplicate parameter names are not allowed.")  # UNCONFIRMED: the message
    rows = {name: _select(context, name) for name in params["Names"]}
    return {
        "Parameters": [_describe(context, params, name, row) for name, row in rows.items() if row],
        "InvalidParameters": [name for name, row in rows.items() if row is None],
    }


@operation(SERVICE, "GetParameter", writes=False)
def get_parameter(context: Context, params: Params) -> Output | None:
    """Return a parameter. Raises ParameterNotFound, ParameterVersionNotFound."""
    row = _select(context, params["Name"])
    if row is not None:
        return {"Parameter": _describe(context, params, params["Name"], row)}
    name, _, selector = params["Name"].partition(":")
    if selector and _find_version(context, name, None):
        message = (
            f"Systems Manager could not find version {selector} of {name}. Verify the version and try again."
        )
        raise ApiError("ParameterVersionNotFound", message)
    raise _build_not_found_error(name)


@operation(SERVICE, "DeleteParameter")
def delete_parameter(context: Context, params: Params) -> Output | None:
    """Delete a parameter with all its versions. Raises ParameterNotFound."""
    name = params["Name"]
    if not context.tx.run("DELETE FROM parameters WHERE scope = ? AND name = ?", context.scope, name):
        raise _build_not_found_error(name)
    delete_tags(context, _build_arn(context, name))
    return None


def _check_name(context: Context, name: str) -> None:
    if re.fullmatch(_NAME, name) is None:
        raise context.invalid(
            "Parameter name must be a fully qualified name: each part of its path is a mix of letters, numbers and the symbols .-_"
        )
    if re.match(_RESERVED_PREFIX, name, re.IGNORECASE):
        raise context.invalid('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
    if len(_build_arn(context, name)) > MAX_NAME_LENGTH:
        raise context.invalid(f"The ARN of a parameter has at most {MAX_NAME_LENGTH} characters.")
    if name.count("/") > MAX_LEVELS:
        message = f"A hierarchy can have a maximum of {MAX_LEVELS} levels."
        raise ApiError("HierarchyLevelLimitExceededException", message)


def _choose_tier(context: Context, params: Params, latest: Row | None) -> str:
    """Return the tier of a parameter. Raises ValidationException if its value is too long for the tier."""
    size = len(params["Value"].encode())
    previous = latest["tier"] if latest else "Standard"
    tier = params.get("Tier", previous)
    if tier == "Intelligent-Tiering":
        tier = "Advanced" if size > MAX_VALUE_BYTES["Standard"] else previous
    if previous == "Advanced" and tier == "Standard":
        raise context.invalid("This parameter uses the advanced-parameter tier. You can't downgrade it.")
    if not size:
        raise context.invalid("The value of a parameter can't be empty.")  # UNCONFIRMED: the message
    if size > MAX_VALUE_BYTES[tier]:
        raise context.invalid(
            f"{tier} tier parameters support a maximum parameter value of {MAX_VALUE_BYTES[tier]} characters."
        )
    return str(tier)


def _check_pattern(params: Params) -> None:
    pattern = params.get("AllowedPattern")
    if not pattern:
        return
    try:
        matches = re.fullmatch(pattern, params["Value"])
    except re.error as error:
        raise ApiError("InvalidAllowedPatternException", "The allowed pattern is not valid.") from error
    if not matches:
        message = "Parameter value, cannot be validated against allowedPattern"
        raise ApiError("ParameterPatternMismatchException", message)


def _select(context: Context, selected: str) -> Row | None:
    """Return the version of a parameter that `name` or `name:version` selects; no version has a label."""
    name, _, selector = selected.partition(":")
    if not selector:
        return _find_version(context, name, None)
    return _find_version(context, name, int(selector)) if selector.isdecimal() else None


def _find_version(context: Context, name: str, version: int | None) -> Row | None:
    """Return a version of a parameter (None: the latest), or None if there is none."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM parameters WHERE scope = ? AND name = ? AND (? IS NULL OR version = ?) "
        "ORDER BY version DESC LIMIT 1",
        context.scope,
        name,
        version,
        version,
    )
    return row


def _describe(context: Context, params: Params, selected: str, row: Row) -> dict[str, Any]:
    _, colon, selector = selected.partition(":")
    is_encrypted = row["type"] == "SecureString" and not params.get("WithDecryption")
    return {
        "Name": row["name"],
        "Type": row["type"],
        "Value": _encrypt(context, row["value"]) if is_encrypted else row["value"],
        "Version": row["version"],
        "Selector": f"{colon}{selector}" or None,
        "LastModifiedDate": row["modified_at"],
        "ARN": _build_arn(context, row["name"]),
        "DataType": row["data_type"],
    }


def _encrypt(context: Context, value: str) -> str:
    """Return a keyed hash in place of the encrypted value; nothing decrypts it."""
    digest = hmac.digest(context.signer.secret, b"parameter\0" + value.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def _build_arn(context: Context, name: str) -> str:
    return context.build_arn(f"parameter/{name.removeprefix('/')}")


def _build_not_found_error(name: str) -> ApiError:
    return ApiError("ParameterNotFound", f"Parameter {name} not found.")
