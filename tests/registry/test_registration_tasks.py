"""Thing registration tasks, their input files and their reports."""

import json
from datetime import UTC, datetime
from urllib.request import urlopen

import pytest

from reconciler.registry import RegistrySettings
from tests.support.direct_client import ACCOUNT, START_SECONDS, START_TIME, catch_error, remove_metadata

from .test_register_thing import build_string_parameters, build_template

INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)
MAX_LINK_LENGTH = 65_535  # of a link to a report, in AWS's service model
ROLE = f"arn:aws:iam::{ACCOUNT}:role/bulk"
BODY = build_template(
    {"ThingName": {"Ref": "ThingName"}, "AttributePayload": {"site": {"Ref": "Site"}}},
    Parameters=build_string_parameters("ThingName", Site="oslo"),
)
TASK_PARAMS = {
    "templateBody": BODY,
    "inputFileBucket": "devices",
    "inputFileKey": "new/all.json",
    "roleArn": ROLE,
}


@pytest.fixture
def settings(clock, tmp_path):
    return RegistrySettings(clock=clock, buckets=tmp_path, registration_task_seconds=60.0)


@pytest.fixture
def write_input(tmp_path):
    """A function that writes the input file from lines: bytes, or values to encode as JSON."""

    def write(*lines):
        (tmp_path / "devices" / "new").mkdir(parents=True, exist_ok=True)
        texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        (tmp_path / "devices" / "new" / "all.json").write_bytes(b"\n".join(texts))

    return write


def start_task(iot, **extra):
    """Start a task, and return the parameters that identify it in later calls."""
    return {"taskId": iot.start_thing_registration_task(**{**TASK_PARAMS, **extra})["taskId"]}


def read_report(iot, task, report_type):
    """Return the entries of a report, from all its links."""
    links = iot.list_thing_registration_task_reports(**task, reportType=report_type, maxResults=250)[
        "resourceLinks"
    ]
    return [json.loads(line) for link in links for line in urlopen(link).read().splitlines()]


def describe_task(iot, task, *member_names):
    """Return the values of these members of a task."""
    described = iot.describe_thing_registration_task(**task)
    return tuple(described[name] for name in member_names)


def test_valid_lines_register_things_invalid_ones_are_reported_and_blank_ones_skipped(iot, write_input):
    write_input(
        {"ThingName": "pump-7"},
        {"ThingName": "pump-8", "Site": "bergen"},
        b"",
        {"ThingName": "no good"},  # the name of a thing cannot contain a space
    )
    task = start_task(iot)

    things = {item["thingName"]: item["attributes"] for item in iot.list_things()["things"]}
    assert things == {"pump-7": {"site": "oslo"}, "pump-8": {"site": "bergen"}}
    assert read_report(iot, task, "RESULTS") == [
        {
            "lineNumber": number,
            "response": {"resourceArns": {"thing": f"arn:aws:iot:eu-west-1:{ACCOUNT}:thing/{name}"}},
        }
        for number, name in ((1, "pump-7"), (2, "pump-8"))
    ]
    errors = read_report(iot, task, "ERRORS")
    assert [(item["lineNumber"], item["errorCode"]) for item in errors] == [
        (4, "ResourceRegistrationFailureException")
    ]


def test_a_task_is_in_progress_before_it_is_completed(iot, write_input, clock):
    write_input({"ThingName": "pump-7"}, {"ThingName": "no good"})
    task = start_task(iot)
    clock.advance(30)
    halfway_values = describe_task(iot, task, "status", "percentageProgress")
    clock.advance(30)
    described = remove_metadata(iot.describe_thing_registration_task(**task))

    assert halfway_values == ("InProgress", 50)
    assert described == {
        **task,
        **TASK_PARAMS,
        "creationDate": START_TIME,
        "lastModifiedDate": datetime.fromtimestamp(START_SECONDS + 60, UTC),
        "status": "Completed",
        "successCount": 1,
        "failureCount": 1,
        "percentageProgress": 100,
    }


def test_a_second_concurrent_task_is_rejected(iot, write_input, clock):
    """Tested over HTTP too, by test_32 in facts/test_provisioning.py."""
    write_input({"ThingName": "pump-7"})
    first = start_task(iot)

    assert catch_error(iot.start_thing_registration_task, **TASK_PARAMS) == INVALID
    clock.advance(60)
    second = start_task(iot)
    assert iot.list_thing_registration_tasks()["taskIds"] == [first["taskId"], second["taskId"]]
    assert iot.list_thing_registration_tasks(status="InProgress")["taskIds"] == [second["taskId"]]
    assert iot.list_thing_registration_tasks(status="Failed")["taskIds"] == []


def test_a_stopped_task_is_canceled_and_keeps_its_things(iot, write_input, clock):
    write_input({"ThingName": "pump-7"})
    task = start_task(iot)
    clock.advance(15)
    iot.stop_thing_registration_task(**task)
    clock.advance(60)

    assert describe_task(iot, task, "status", "percentageProgress") == ("Cancelled", 25)
    assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["pump-7"]
    assert catch_error(iot.stop_thing_registration_task, **task) == INVALID
    start_task(iot)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "The line is not valid JSON."),
        (b'{"ThingName": "' + b"x" * 262_144 + b'"}', "The line is longer than 262144 bytes."),
        (b"[]", "parameters is not a JSON object."),
        (b'{"ThingName": 7}', "parameters.ThingName.member is not a string."),
        (
            b"{}",
            (
                "Resources.thing.Properties.ThingName needs the parameter ThingName,"
                " which has neither a value nor a default."
            ),
        ),
    ],
)
def test_an_invalid_line_fails_without_affecting_the_others(iot, write_input, line, message):
    write_input(line, {"ThingName": "pump-7"})
    task = start_task(iot)

    assert read_report(iot, task, "ERRORS") == [
        {"lineNumber": 1, "errorCode": "InvalidRequestException", "errorMessage": message}
    ]
    assert describe_task(iot, task, "successCount", "failureCount") == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"inputFileKey": "none.json"},
        {"inputFileKey": "new"},  # a folder
        {"inputFileBucket": "..."},  # a bucket that does not exist
        {"inputFileKey": "../../../../../../etc/passwd"},
        {"templateBody": "{"},
    ],
)
def test_an_invalid_task_is_rejected_immediately(iot, write_input, change):
    write_input({"ThingName": "pump-7"})

    assert catch_error(iot.start_thing_registration_task, **{**TASK_PARAMS, **change}) == INVALID
    assert iot.list_thing_registration_tasks()["taskIds"] == []


def test_a_long_report_is_split_into_links_that_are_listed_in_pages(iot, write_input):
    write_input(*({"ThingName": f"no good {number}"} for number in range(800)))
    task = {**start_task(iot), "reportType": "ERRORS"}

    first = iot.list_thing_registration_task_reports(**task, maxResults=1)
    assert (len(first["resourceLinks"]), "nextToken" in first) == (1, True)
    assert len(first["resourceLinks"][0]) <= MAX_LINK_LENGTH
    assert [entry["lineNumber"] for entry in read_report(iot, {"taskId": task["taskId"]}, "ERRORS")] == list(
        range(1, 801)
    )


def test_operations_on_a_missing_task_raise_an_error_that_their_model_declares(iot):
    missing = {"taskId": "none"}

    for operation in (iot.describe_thing_registration_task, iot.stop_thing_registration_task):
        assert catch_error(operation, **missing) == MISSING
    assert catch_error(iot.list_thing_registration_task_reports, **missing, reportType="ERRORS") == INVALID
