"""Encryption keys: the operations that read and set the encryption configuration of each service.

`iot` describes and updates a configuration; managed integrations gets and puts a default. Nothing is encrypted here, and keys and
roles are not looked up, so no configuration of `iot` is ever reported as unhealthy.

An update of managed integrations takes `encryption_update_seconds`. It fails for a key of another Region, as KMS keys are regional;
UNCONFIRMED: AWS does not reject the request at once, and reports the key of a failed update.
"""

from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context

MANAGED = "iot-managed-integrations"
_ARN_REGION = 3

SCHEMA = (
    """
    CREATE TABLE encryption_configurations (
      scope INTEGER NOT NULL,
      service TEXT NOT NULL,
      type TEXT NOT NULL,
      key TEXT,
      role TEXT,
      modified_at REAL NOT NULL,
      PRIMARY KEY (scope, service)
    ) WITHOUT ROWID
    """,
)


@operation("iot", "DescribeEncryptionConfiguration")
def describe_encryption_configuration(context: Context, _params: Params) -> Output | None:
    """Return the configuration; the default is AWS's own key."""
    row = _find_configuration(context)
    if row is None:
        return {"encryptionType": "AWS_OWNED_KMS_KEY"}
    details = {"configurationStatus": "HEALTHY"} if row["key"] else None
    return {
        "encryptionType": row["type"],
        "kmsKeyArn": row["key"],
        "kmsAccessRoleArn": row["role"],
        "configurationDetails": details,
        "lastModifiedDate": row["modified_at"],
    }


@operation("iot", "UpdateEncryptionConfiguration")
def update_encryption_configuration(context: Context, params: Params) -> Output | None:
    """Replace the configuration. Raises InvalidRequest for a customer managed key without its ARNs."""
    key, role = params.get("kmsKeyArn"), params.get("kmsAccessRoleArn")
    is_customer_managed = params["encryptionType"] == "CUSTOMER_MANAGED_KMS_KEY"
    if is_customer_managed and not (key and role):
        raise context.invalid("CUSTOMER_MANAGED_KMS_KEY needs kmsKeyArn and kmsAccessRoleArn.")
    if not is_customer_managed and (key or role):
        raise context.invalid("AWS_OWNED_KMS_KEY takes neither kmsKeyArn nor kmsAccessRoleArn.")
    _store_configuration(context, params["encryptionType"], key, role)
    return None


@operation(MANAGED, "GetDefaultEncryptionConfiguration")
def get_default_encryption_configuration(context: Context, _params: Params) -> Output | None:
    """Return the configuration and the status of its update; the default is the service's own key."""
    row = _find_configuration(context)
    if row is None:
        return {
            "configurationStatus": {"state": "ENABLED"},
            "encryptionType": "MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION",
        }
    return {
        "configurationStatus": _build_status(context, row["key"], row["modified_at"]),
        "encryptionType": row["type"],
        "kmsKeyArn": row["key"],
    }


@operation(MANAGED, "PutDefaultEncryptionConfiguration")
def put_default_encryption_configuration(context: Context, params: Params) -> Output | None:
    """Replace the configuration. Raises ValidationException for a customer key without its ARN."""
    key = params.get("kmsKeyArn")
    if (params["encryptionType"] == "CUSTOMER_KEY_ENCRYPTION") != (key is not None):
        raise context.invalid("CUSTOMER_KEY_ENCRYPTION needs a kmsKeyArn, and nothing else takes one.")
    _store_configuration(context, params["encryptionType"], key, None)
    return get_default_encryption_configuration(context, params)


def _build_status(context: Context, key: str | None, modified_at: float) -> Output:
    if context.now < modified_at + context.settings.encryption_update_seconds:
        return {"state": "UPDATE_IN_PROGRESS"}
    if key is not None and key.split(":")[_ARN_REGION] != context.region:
        # The pattern of messages in the service model has no spaces.
        error = {"code": "KeyNotFound", "message": "The-key-is-in-another-Region."}
        return {"state": "UPDATE_FAILED", "error": error}
    return {"state": "ENABLED"}


def _find_configuration(context: Context) -> Any:
    return context.tx.fetch_one(
        "SELECT * FROM encryption_configurations WHERE scope = ? AND service = ?",
        context.scope,
        context.service,
    )


def _store_configuration(context: Context, encryption_type: str, key: str | None, role: str | None) -> None:
    context.tx.run(
        "INSERT OR REPLACE INTO encryption_configurations (scope, service, type, key, role, modified_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        context.scope,
        context.service,
        encryption_type,
        key,
        role,
        context.now,
    )
