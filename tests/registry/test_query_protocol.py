"""The query protocol: a form names the operation, and the response is XML."""

from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from reconciler.registry import HttpRequest
from tests.support.direct_client import ACCOUNT

URL = "http://127.0.0.1:4566/"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
IAM, STS = "2010-05-08", "2011-06-15"
SIGNED_BY_IAM = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, Signature=0"
}
UNKNOWN = (404, "UnknownOperationException")


@pytest.fixture
def send(registry):
    """A function that sends a form, and returns the response."""

    def send_form(fields, headers=None, method="POST"):
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        return registry.handle(HttpRequest(method, URL, {"Content-Type": FORM, **(headers or {})}, body))

    return send_form


def read_texts(response):
    """Return the texts of the elements of an XML document that have no children, by name."""
    root = ElementTree.fromstring(response.body)
    return {element.tag.rpartition("}")[2]: element.text for element in root.iter() if not len(element)}


@pytest.mark.parametrize(
    ("form", "arn"),
    [
        ({"Action": "GetRole", "Version": IAM, "RoleName": "r"}, f"arn:aws:iam::{ACCOUNT}:role/r"),
        ({"Action": "GetCallerIdentity", "Version": STS}, f"arn:aws:iam::{ACCOUNT}:root"),
    ],
)
def test_an_unsigned_form_is_for_the_service_of_its_version(send, form, arn):
    response = send(form)

    assert (response.status, response.headers["Content-Type"]) == (200, "text/xml")
    assert read_texts(response)["Arn"] == arn
    assert read_texts(response)["RequestId"] == response.headers["x-amzn-RequestId"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"Action=%ff&Version=2010-05-08",
        urlencode({"Action": "GetRole", "Version": "2010-05-09", "RoleName": "r"}).encode(),
        urlencode({"Action": "GetRole", "Version": STS, "RoleName": "r"}).encode(),
        urlencode({"Action": "GetRoles", "Version": IAM}).encode(),
        urlencode({"Action": "ListRoles", "Version": IAM}).encode(),
        urlencode({"Version": IAM}).encode(),
        b"Version=2010-05-08&Action=GetRole&RoleName=r" + b"&a=" * 1000,
    ],
)
@pytest.mark.parametrize("headers", [{}, SIGNED_BY_IAM], ids=["unsigned", "signed"])
def test_a_form_without_a_served_operation_is_an_unknown_operation(send, body, headers):
    response = send(body, headers)

    assert (response.status, response.headers["x-amzn-ErrorType"]) == UNKNOWN


def test_only_a_post_has_a_form(send):
    form = {"Action": "GetRole", "Version": IAM, "RoleName": "r"}
    response = send(form, SIGNED_BY_IAM, method="PUT")

    assert (response.status, response.headers["x-amzn-ErrorType"]) == UNKNOWN


@pytest.mark.parametrize("name", ["<a>&b", "\x00\x1b", "\ufffe\U0001f331", "a\r\nb"])
def test_an_error_about_any_text_is_valid_xml(send, name):
    response = send({"Action": "GetRole", "Version": IAM, "RoleName": name}, SIGNED_BY_IAM)
    texts = read_texts(response)

    text = "".join("\ufffd" if character in "\x00\x1b\ufffe" else character for character in name)
    assert (response.status, texts["Code"], texts["Type"]) == (400, "ValidationError", "Sender")
    assert texts["Message"] == (
        f"1 validation error detected: Value '{text}' at 'roleName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]+"
    )


def test_a_missing_name_is_reported_like_any_missing_member(send):
    texts = read_texts(send({"Action": "GetRole", "Version": IAM}))

    assert texts["Message"] == (
        "1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not be null"
    )
