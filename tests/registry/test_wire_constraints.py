"""The service models' constraints and routes, and AWS's texts for violations of the constraints."""

import json

import pytest
import regex

from reconciler.registry import HttpRequest
from reconciler.registry.wire.patterns import compile_pattern, translate
from reconciler.registry.wire.routes import Routes
from reconciler.registry.wire.service import SERVICES, load_service

BASE_URLS = {
    "iot": "https://iot.eu-west-1.amazonaws.com",
    "mi": "https://api.eu-west-1.iotmanagedintegrations.api.aws",
}
NAME_CONSTRAINT = "Member must satisfy regular expression pattern: [a-zA-Z0-9:_-]+"

TWO_VIOLATIONS_MESSAGE = (
    f"2 validation errors detected: Value 'a b' at 'thingName' failed to satisfy constraint: {NAME_CONSTRAINT};"
    f" Value 'c d' at 'thingTypeName' failed to satisfy constraint: {NAME_CONSTRAINT}"
)


def send(registry, method, path, document=None, service="iot"):
    """Send an invalid request, and return the status, the error code and the message."""
    body = b"" if document is None else json.dumps(document).encode()
    response = registry.handle(HttpRequest(method, BASE_URLS[service] + path, {}, body))
    error_document = json.loads(response.body)
    return (
        response.status,
        response.headers["x-amzn-ErrorType"],
        error_document.get("message", error_document.get("Message")),
    )


def build_message(value, path, constraint):
    return (
        f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {constraint}"
    )


@pytest.mark.parametrize(
    ("method", "path", "document", "message"),
    [
        ("GET", "/things/a%20b", None, build_message("'a b'", "thingName", NAME_CONSTRAINT)),
        (
            "GET",
            "/things?maxResults=251",
            None,
            build_message("'251'", "maxResults", "Member must have value less than or equal to 250"),
        ),
        (
            "GET",
            "/certificates?pageSize=0",
            None,
            build_message("'0'", "pageSize", "Member must have value greater than or equal to 1"),
        ),
        (
            "PUT",
            f"/certificates/{'a' * 64}?newStatus=active",
            None,
            build_message(
                "'active'",
                "newStatus",
                "Member must satisfy enum value set: [ACTIVE, INACTIVE, REVOKED, PENDING_TRANSFER,"
                " REGISTER_INACTIVE, PENDING_ACTIVATION]",
            ),
        ),
        (
            "PUT",
            f"/certificates/{'a' * 64}",
            None,
            build_message("null", "newStatus", "Member must not be null"),
        ),
        (
            "POST",
            "/certificate/register",
            {},
            build_message("null", "certificatePem", "Member must not be null"),
        ),
        (
            "POST",
            "/tags",
            {"resourceArn": "x", "tags": [{"Value": "v"}]},
            build_message("null", "tags.1.member.key", "Member must not be null"),
        ),
        (
            "POST",
            "/untag",
            {"resourceArn": "x", "tagKeys": [None]},
            build_message("null", "tagKeys.1.member", "Member must not be null"),
        ),
        (
            "POST",
            "/things/a",
            {"attributePayload": {"attributes": {"a": "b c"}}},
            build_message(
                "'{a=b c}'",
                "attributePayload.attributes",
                "Map value must satisfy constraint: [Member must have length less than or equal to 800,"
                r" Member must satisfy regular expression pattern: [a-zA-Z0-9_.,@/:#=\[\]-]*]",
            ),
        ),
        (
            "POST",
            "/things/a%20b",
            {"thingTypeName": "c d"},
            TWO_VIOLATIONS_MESSAGE,
        ),
    ],
)
def test_iot_rejects_invalid_requests_with_awss_texts(registry, method, path, document, message):
    assert send(registry, method, path, document) == (400, "InvalidRequestException", message)


def test_managed_integrations_do_not_repeat_invalid_authentication_material(registry):
    document = {
        "Role": "DEVICE",
        "AuthenticationMaterial": "süß-geheim",
        "AuthenticationMaterialType": "WIFI_SETUP_QR_BAR_CODE",
    }

    status, code, message = send(registry, "POST", "/managed-things", document, service="mi")

    assert (status, code) == (400, "ValidationException")
    pattern = r"""[0-9A-Za-z!#$%&()*\+\-;<=>?@^_`{|}~\/: {},\\"]+"""
    assert message == build_message(
        "'***sensitiveInformation***'",
        "authenticationMaterial",
        f"Member must satisfy regular expression pattern: {pattern}",
    )


def test_iot_lists_have_at_most_250_results_and_managed_ones_1000(iot, managed):
    """See test_26 in facts/test_provisioning.py; this test covers page sizes."""
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.list_things(maxResults=251)
    with pytest.raises(managed.exceptions.ValidationException):
        managed.list_managed_things(MaxResults=1001)
    assert (
        iot.list_things(maxResults=250)["things"],
        managed.list_managed_things(MaxResults=1000)["Items"],
    ) == ([], [])


@pytest.mark.parametrize(
    ("path", "document", "message"),
    [
        ("/things/a", [], "The request body is not a JSON object."),
        ("/things/a", {"thingTypeName": 7}, "thingTypeName is not a string."),
        ("/things/a", {"attributePayload": "x"}, "attributePayload is not a JSON object."),
        ("/things/a", {"attributePayload": {"merge": "true"}}, "attributePayload.merge is not a boolean."),
        ("/tags", {"resourceArn": "x", "tags": {}}, "tags is not a JSON array."),
    ],
)
def test_a_value_of_the_wrong_type_is_rejected_with_its_path(registry, path, document, message):
    assert send(registry, "POST", path, document) == (400, "InvalidRequestException", message)


@pytest.mark.parametrize(
    "query",
    [
        "maxResults=x",
        "maxResults=",
        "maxResults=1e2",
        f"maxResults={'9' * 5000}",
        "usePrefixAttributeValue=1",
    ],
)
def test_a_query_value_of_the_wrong_type_is_rejected(registry, query):
    assert send(registry, "GET", f"/things?{query}")[:2] == (400, "InvalidRequestException")


@pytest.mark.parametrize(
    ("pattern", "match", "mismatch"),
    [
        (r"[\p{L}\p{N} ._-]+", "Pümpe 7", "a/b"),
        (r"[\s\S]*", "any \u2003\n\x1c thing", None),
        (r"[\p{Graph}\x20]*", "a b!", "é"),
        (r"[^\p{C}]*", "é", "\x07"),
        ("[a-zA-Z0-9\\s'\\x{0022},.:\\\\\\/{$}\\[\\]=_\\-\\+]+", '{"a": [1]}', "é"),
        ("[A-Za-z0-9-_ ]+", "a-b_c 9", "a.b"),
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "reconciler:workspace", "a\n"),
        (r"[\w=,@-]+", "a_9", "é"),
        (r"\d{2}", "12", "\u0661\u0662"),
    ],
)
def test_patterns_match_as_in_java(pattern, match, mismatch):
    compiled = compile_pattern(pattern)

    assert compiled.fullmatch(match)
    assert mismatch is None or not compiled.fullmatch(mismatch)


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_the_models_is_compiled_once(service):
    model = load_service(service).model
    patterns = {model.shape_for(shape).metadata.get("pattern") for shape in model.shape_names}

    for pattern in patterns - {None}:
        assert compile_pattern(pattern) is compile_pattern(pattern)


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_matches_the_same_texts_as_with_regex(service):
    model = load_service(service).model
    patterns = {model.shape_for(shape).metadata.get("pattern") for shape in model.shape_names} - {None}
    characters = [*map(chr, range(128)), *"\xa0éßΩж٣\u2028\uff11\u017f\U0001f600"]
    texts = ["", *characters, *(f"a{character}1" for character in characters)]
    texts += ["arn:aws:iot:eu-west-1:123456789012:thing/a", "123456789012", "0f" * 32]

    for pattern in patterns:
        expected = regex.compile(translate(pattern), regex.VERSION1)
        matches = [text for text in texts if compile_pattern(pattern).fullmatch(text)]
        assert matches == [text for text in texts if expected.fullmatch(text)], pattern


def test_a_literal_in_a_route_takes_precedence_over_a_label_unless_it_leads_to_no_route():
    routes = Routes()
    routes.add("GET", "/a/{x}", "label")
    routes.add("GET", "/a/b", "literal")
    routes.add("GET", "/{y}/b/c", "deep")
    routes.add("GET", "/d/{rest+}", "greedy")

    def find_route(path):
        return routes.find("GET", path.split("/"))

    assert find_route("a/b") == ("literal", {})
    assert find_route("a/z") == ("label", {"x": "z"})
    assert find_route("a/b/c") == ("deep", {"y": "a"})
    assert find_route("d/e/f") == ("greedy", {"rest": "e/f"})
    assert [find_route("a"), find_route("a/"), find_route(""), routes.find("PUT", ["a", "b"])] == [None] * 4
    with pytest.raises(ValueError, match="two operations"):
        routes.add("GET", "/a/{other}", "twice")
