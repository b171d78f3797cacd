"""The log of `--debug`: every request and response without secrets."""

from __future__ import annotations

import logging
import traceback

import pytest

from reconciler.aws.caller import Caller
from reconciler.cli.wire_log import start_wire_log
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError
from reconciler.model.redaction import register_secret
from tests.support.pki import Authority
from tests.support.registry_client import Cloud

SETUP_CODE = "90718281828459045235360287"
MANAGED_INTEGRATIONS = "iot-managed-integrations"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def log(capsys):
    """Log requests to stderr during the test; return a function that reads the new text."""
    register_secret(SETUP_CODE)
    stop = start_wire_log()
    yield lambda: capsys.readouterr().err
    stop()


# Each call has a secret in its request or its response. The errors of the rejected calls must not contain the secret either.
CALLS = [
    ApiCall(
        MANAGED_INTEGRATIONS,
        "CreateManagedThing",
        {
            "Role": "DEVICE",
            "AuthenticationMaterial": SETUP_CODE,
            "AuthenticationMaterialType": "ZWAVE_QR_BAR_CODE",
        },
    ),
    ApiCall(MANAGED_INTEGRATIONS, "CreateProvisioningProfile", {"ProvisioningType": "FLEET_PROVISIONING"}),
    ApiCall("iot", "CreateKeysAndCertificate", {"setAsActive": True}),
    ApiCall(
        "iot", "CreateThing", {"thingName": "a", "attributePayload": {"attributes": {"code": SETUP_CODE}}}
    ),
    ApiCall("iot", "RegisterThing", {"templateBody": "{}", "parameters": {"Code": SETUP_CODE}}),
    ApiCall("iot", "CreateThing", {"thingName": {"code": SETUP_CODE}}),
    ApiCall("iot", "CreateThing", {"thingName": f"not a name {SETUP_CODE}"}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation)
def test_no_secret_is_in_the_log_the_error_or_its_traceback(cloud, log, call):
    error_text, response = "", {}
    try:
        # Not `cloud.call(call)`, which rejects operations that no kind declares.
        response = Caller.__call__(cloud.call, call)
    except AwsError as error:
        error_text = "".join([str(error), repr(error), *traceback.format_exception(error)])
    text = log() + error_text
    keys = [response.get("ClaimCertificatePrivateKey", ""), response.get("keyPair", {}).get("PrivateKey", "")]
    canaries = [SETUP_CODE, *(line for key in keys for line in key.splitlines() if "KEY--" not in line)]
    assert [canary for canary in canaries if canary in text] == []
    assert call.operation in text


def test_nothing_is_logged_after_the_log_is_stopped(cloud, capsys):
    start_wire_log()()
    cloud.call(ApiCall("iot", "ListThings"))
    assert capsys.readouterr().err == ""


def test_control_characters_are_escaped(log):
    logging.getLogger("botocore.parsers").debug("a \x1b[2J thing\u202e")
    assert log().partition("botocore.parsers ")[2] == "a \\x1b[2J thing\\u202e\n"


def test_a_record_that_cannot_be_formatted_is_replaced(log, monkeypatch):
    monkeypatch.setattr(logging.getLogger("botocore.endpoint"), "propagate", False)
    logging.getLogger("botocore.endpoint").debug("%d", "seven")
    assert log() == "botocore.endpoint: a log record cannot be formatted\n"


def test_no_line_of_a_registered_key_is_logged(log):
    key = Authority("Logged CA").key_pem
    register_secret(key)
    logging.getLogger("urllib3.connectionpool").debug("%r", {"body": key})
    text = log()
    assert [line for line in key.splitlines()[1:-1] if line in text] == []
