"""The logging options of the account."""

import pytest
from botocore.exceptions import ClientError

from tests.support.direct_client import remove_metadata

ROLE = "arn:aws:iam::123456789012:role/logging"


def test_logging_options_are_returned_as_they_were_set(iot):
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="INFO")
    iot.set_v2_logging_options(defaultLogLevel="WARN")
    assert remove_metadata(iot.get_v2_logging_options()) == {
        "roleArn": ROLE,
        "defaultLogLevel": "WARN",
        "disableAllLogs": False,
    }


def test_logging_options_that_were_never_set_are_not_configured(iot):
    with pytest.raises(ClientError) as caught:
        iot.get_v2_logging_options()
    assert caught.value.response["Error"]["Code"] == "NotConfiguredException"


def test_the_first_logging_options_need_a_role(iot):
    with pytest.raises(ClientError) as caught:
        iot.set_v2_logging_options(defaultLogLevel="INFO")
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"
