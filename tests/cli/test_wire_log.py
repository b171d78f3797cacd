"""What `--debug` shows: every request and answer, and no secret in any of them."""

from __future__ import annotations

import logging
import traceback

import pytest

from reconciler.cli.wire_log import start_wire_log
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError
from reconciler.model.secret import Secret
from tests.support.pki import Authority
from tests.support.registry_client import Cloud

CODE = "90718281828459045235360287"
MANAGED = "iot-managed-integrations"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def log(capsys):
    end = start_wire_log()
    yield lambda: capsys.readouterr().err
    end()


def code() -> str:
    return Secret("env CODE", CODE).reveal()


# What each noun's requests and answers have that nobody may see.
CALLS = [
    ApiCall(
        MANAGED,
        "CreateManagedThing",
        {
            "Role": "DEVICE",
            "AuthenticationMaterial": code(),
            "AuthenticationMaterialType": "ZWAVE_QR_BAR_CODE",
        },
    ),
    ApiCall(MANAGED, "CreateProvisioningProfile", {"ProvisioningType": "FLEET_PROVISIONING"}),
    ApiCall("iot", "CreateKeysAndCertificate", {"setAsActive": True}),
    ApiCall("iot", "CreateThing", {"thingName": "a", "attributePayload": {"attributes": {"code": code()}}}),
    ApiCall("iot", "RegisterThing", {"templateBody": "{}", "parameters": {"Code": code()}}),
    ApiCall("iot", "CreateThing", {"thingName": {"code": code()}}),
    ApiCall("iot", "CreateThing", {"thingName": f"not a name {code()}"}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation)
def test_no_secret_is_in_the_log_nor_in_the_error_nor_in_its_traceback(cloud, log, call):
    told, answer = "", {}
    try:
        answer = cloud.call(call)
    except AwsError as error:
        told = "".join([str(error), repr(error), *traceback.format_exception(error)])
    shown = log() + told
    keys = [answer.get("ClaimCertificatePrivateKey", ""), answer.get("keyPair", {}).get("PrivateKey", "")]
    canaries = [CODE, *(line for key in keys for line in key.splitlines() if "KEY--" not in line)]
    assert [found for found in canaries if found in shown] == []
    assert call.operation in shown


def test_the_log_ends_where_the_line_ends(cloud, capsys):
    start_wire_log()()
    cloud.call(ApiCall("iot", "ListThings"))
    assert capsys.readouterr().err == ""


def test_what_a_terminal_would_obey_is_spelt_out(log):
    logging.getLogger("botocore.parsers").debug("a \x1b[2J thing\u202e")
    assert log().partition("botocore.parsers ")[2] == "a \\x1b[2J thing\\u202e\n"


def test_a_record_that_cannot_be_written_ends_nothing(log, monkeypatch):
    monkeypatch.setattr(logging.getLogger("botocore.endpoint"), "propagate", False)
    logging.getLogger("botocore.endpoint").debug("%d", "seven")
    assert log() == "botocore.endpoint: a log record cannot be formatted\n"


def test_a_key_of_a_file_is_in_no_log(log):
    key = Authority("Logged CA").key_pem
    Secret("file ca.key", key)
    logging.getLogger("urllib3.connectionpool").debug("%r", {"body": key})
    shown = log()
    assert [line for line in key.splitlines()[1:-1] if line in shown] == []
