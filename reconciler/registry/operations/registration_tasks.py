"""Thing registration tasks: their tables, and the operations that start, observe and stop them.

A folder replaces S3 (`RegistrySettings.buckets`). StartThingRegistrationTask itself registers the file's lines, one after
another, as RegisterThing does. If a line fails, the resources that it has created are kept, and the next line follows. After the
last line, the task is shown as InProgress until `registration_task_seconds` after its start, so that clients can observe it;
meanwhile a second task is rejected.

There is no S3 for the reports, so the link to a report contains the report itself (`data:`). A report's fields are UNCONFIRMED.
"""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.internal_calls import call_operation
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.buckets import require_object
from reconciler.registry.store import Row
from reconciler.registry.templates.document import TemplateError, read_template
from reconciler.registry.wire.payload import MalformedError, load_json

SCHEMA = (
    """
    CREATE TABLE registration_tasks (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      body TEXT NOT NULL,
      bucket TEXT NOT NULL,
      key TEXT NOT NULL,
      role TEXT NOT NULL,
      succeeded INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      created_at REAL NOT NULL,
      ends_at REAL NOT NULL,
      cancelled_at REAL,
      UNIQUE (scope, id)
    )
    """,
    "CREATE INDEX registration_tasks_by_age ON registration_tasks (scope, seq)",
    """
    CREATE TABLE registration_task_reports (
      task INTEGER NOT NULL REFERENCES registration_tasks (seq) ON DELETE CASCADE,
      type TEXT NOT NULL,
      number INTEGER NOT NULL,
      link TEXT NOT NULL,
      PRIMARY KEY (task, type, number)
    ) WITHOUT ROWID
    """,
)

# AWS's limit for one line of the input file.
MAX_LINE_BYTES = 256 * 1024

# AWS's limit for one link to a report, from its service model.
_MAX_LINK_LENGTH = 65_535
_LINK_PREFIX = "data:application/json;base64,"
# The bytes of a report that fit into a link; base64 turns 3 bytes into 4 characters.
_MAX_REPORT_BYTES = (_MAX_LINK_LENGTH - len(_LINK_PREFIX)) // 4 * 3

# SQL for a task's status; its parameter is the current time.
_STATUS = "CASE WHEN cancelled_at IS NOT NULL THEN 'Cancelled' WHEN ends_at > ? THEN 'InProgress' ELSE 'Completed' END"


@operation("iot", "StartThingRegistrationTask")
def start_thing_registration_task(context: Context, params: Params) -> Output | None:
    """Do what RegisterThing does for each line of a file; blank lines are skipped.

    A line is a JSON object with the template's parameters.

    Raises InvalidRequest for an invalid template, for a missing file, and while another task is in progress. The error code
    for a second task is UNCONFIRMED, and so is the rejection of a missing file before the task starts.
    """
    try:
        read_template(params["templateBody"])
    except TemplateError as error:
        raise context.invalid(str(error)) from error
    running_task = context.tx.fetch_one(
        f"SELECT id FROM registration_tasks WHERE scope = ? AND {_STATUS} = 'InProgress' LIMIT 1",  # noqa: S608
        context.scope,
        context.now,
    )
    if running_task is not None:
        raise context.invalid(f"The thing registration task {running_task['id']} is in progress.")
    path = require_object(context, params["inputFileBucket"], params["inputFileKey"])
    task_id = str(uuid.uuid4())
    context.tx.run(
        "INSERT INTO registration_tasks (scope, id, body, bucket, key, role, succeeded, failed, created_at, ends_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
        context.scope,
        task_id,
        params["templateBody"],
        params["inputFileBucket"],
        params["inputFileKey"],
        params["roleArn"],
        context.now,
        context.now + context.settings.registration_task_seconds,
    )
    _register_lines(context, _require_task(context, task_id), path)
    return {"taskId": task_id}


@operation("iot", "DescribeThingRegistrationTask")
def describe_thing_registration_task(context: Context, params: Params) -> Output | None:
    """Return everything about a task except its reports. Raises ResourceNotFound."""
    row = _require_task(context, params["taskId"])
    duration = row["ends_at"] - row["created_at"]
    # The time up to which the task has made progress.
    reached_at = min(context.now if row["cancelled_at"] is None else row["cancelled_at"], row["ends_at"])
    progress = int(100 * (reached_at - row["created_at"]) / duration) if duration else 100
    return {
        "taskId": row["id"],
        "creationDate": row["created_at"],
        "lastModifiedDate": reached_at,
        "templateBody": row["body"],
        "inputFileBucket": row["bucket"],
        "inputFileKey": row["key"],
        "roleArn": row["role"],
        "status": row["status"],
        "successCount": row["succeeded"],
        "failureCount": row["failed"],
        "percentageProgress": progress,
    }


@operation("iot", "ListThingRegistrationTasks")
def list_thing_registration_tasks(context: Context, params: Params) -> Output | None:
    """Return the IDs of the tasks in the order of their start: all, or those with one status."""
    page = REGISTRY_PAGER.start_page(context, params)
    rows = context.tx.fetch_all(
        f"SELECT seq, id FROM registration_tasks WHERE scope = ? AND seq > ? AND (? IS NULL OR {_STATUS} = ?)"  # noqa: S608
        " ORDER BY seq LIMIT ?",
        context.scope,
        page.after[0] if page.after else 0,
        params.get("status"),
        context.now,
        params.get("status"),
        page.limit,
    )
    return page.build_output("taskIds", rows, key=lambda row: (row["seq"],), item=lambda row: row["id"])


@operation("iot", "StopThingRegistrationTask")
def stop_thing_registration_task(context: Context, params: Params) -> Output | None:
    """Cancel a task that is in progress.

    This undoes nothing: the start of the task has already registered every line.

    Raises ResourceNotFound, InvalidRequest for a task that is not in progress (UNCONFIRMED).
    """
    row = _require_task(context, params["taskId"])
    if row["status"] != "InProgress":
        raise context.invalid(f"The thing registration task {row['id']} is {row['status']}, not InProgress.")
    context.tx.run("UPDATE registration_tasks SET cancelled_at = ? WHERE seq = ?", context.now, row["seq"])
    return None


@operation("iot", "ListThingRegistrationTaskReports")
def list_thing_registration_task_reports(context: Context, params: Params) -> Output | None:
    """Return links to the reports on registered lines (RESULTS) or on failed lines (ERRORS).

    Each line of a report is a JSON object about one line of the input file.

    Raises InvalidRequest for an unknown task: AWS's service model has no ResourceNotFound for this operation.
    """
    page = REGISTRY_PAGER.start_page(context, params)
    task = _find_task(context, params["taskId"])
    if task is None:
        raise context.invalid(f"The thing registration task {params['taskId']} does not exist.")
    rows = context.tx.fetch_all(
        "SELECT number, link FROM registration_task_reports WHERE task = ? AND type = ? AND number > ?"
        " ORDER BY number LIMIT ?",
        task["seq"],
        params["reportType"],
        page.after[0] if page.after else 0,
        page.limit,
    )
    links = page.build_output(
        "resourceLinks", rows, key=lambda row: (row["number"],), item=lambda row: row["link"]
    )
    return {**links, "reportType": params["reportType"]}


def _find_task(context: Context, task_id: str) -> Any:
    return context.tx.fetch_one(
        f"SELECT *, {_STATUS} AS status FROM registration_tasks WHERE scope = ? AND id = ?",  # noqa: S608
        context.now,
        context.scope,
        task_id,
    )


def _require_task(context: Context, task_id: str) -> Row:
    row: Row | None = _find_task(context, task_id)
    if row is None:
        raise not_found(f"The thing registration task {task_id} does not exist.")
    return row


def _register_lines(context: Context, task: Row, path: Path) -> None:
    """Register a file's lines except blank ones, and store the task's reports and counts."""
    reports: dict[str, list[bytes]] = {"RESULTS": [], "ERRORS": []}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            report_type, entry = _register_line(context, task["body"], line)
            reports[report_type].append(json.dumps({"lineNumber": number, **entry}).encode() + b"\n")
    for report_type, entries in reports.items():
        context.tx.run_many(
            "INSERT INTO registration_task_reports (task, type, number, link) VALUES (?, ?, ?, ?)",
            [(task["seq"], report_type, number, link) for number, link in enumerate(_pack_links(entries), 1)],
        )
    context.tx.run(
        "UPDATE registration_tasks SET succeeded = ?, failed = ? WHERE seq = ?",
        len(reports["RESULTS"]),
        len(reports["ERRORS"]),
        task["seq"],
    )


def _register_line(context: Context, body: str, line: bytes) -> tuple[str, Mapping[str, Any]]:
    """Register one line, and return the type of its report and its entry there."""
    try:
        if len(line) > MAX_LINE_BYTES:
            raise context.invalid(f"The line is longer than {MAX_LINE_BYTES} bytes.")
        params = {"templateBody": body, "parameters": load_json(line)}
        output = call_operation(context, "RegisterThing", params)
    except MalformedError:
        return "ERRORS", {"errorCode": context.invalid_code, "errorMessage": "The line is not valid JSON."}
    except ApiError as error:
        return "ERRORS", {"errorCode": error.code, "errorMessage": error.message}
    return "RESULTS", {"response": {name: value for name, value in output.items() if value is not None}}


def _pack_links(entries: list[bytes]) -> Iterator[str]:
    """Return links that contain the entries in their order.

    Each link contains as many entries as it has room for, but at least one.
    """
    report = b""
    for entry in entries:
        if report and len(report) + len(entry) > _MAX_REPORT_BYTES:
            yield _LINK_PREFIX + base64.b64encode(report).decode()
            report = b""
        report += entry
    if report:
        yield _LINK_PREFIX + base64.b64encode(report).decode()
