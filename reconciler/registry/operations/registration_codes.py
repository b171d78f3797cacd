"""The registration code, with which a client proves that it has a CA's private key.

Each account has one code in each Region.
"""

import secrets

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found

SCHEMA = (
    """
    CREATE TABLE registration_codes (
      scope INTEGER PRIMARY KEY,
      code TEXT NOT NULL
    )
    """,
)

CODE_BYTES = 32


def find_registration_code(context: Context) -> str | None:
    """Return the code, or None if there is none; only GetRegistrationCode creates one."""
    row = context.tx.fetch_one("SELECT code FROM registration_codes WHERE scope = ?", context.scope)
    return None if row is None else str(row["code"])


@operation("iot", "GetRegistrationCode", writes=True)
def get_registration_code(context: Context, _params: Params) -> Output | None:
    """Return the code, 64 hex digits, creating it if necessary. It stays until DeleteRegistrationCode."""
    code = find_registration_code(context)
    if code is None:
        code = secrets.token_hex(CODE_BYTES)
        context.tx.run("INSERT INTO registration_codes (scope, code) VALUES (?, ?)", context.scope, code)
    return {"registrationCode": code}


@operation("iot", "DeleteRegistrationCode")
def delete_registration_code(context: Context, _params: Params) -> Output | None:
    """Delete the code.

    Raises ResourceNotFound if there is none: AWS's service model has this error, but AWS does not document when it is raised.
    """
    if not context.tx.run("DELETE FROM registration_codes WHERE scope = ?", context.scope):
        raise not_found("There is no registration code.")
    return None
