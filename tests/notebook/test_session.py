"""The panel's session without a browser: the state that it shows and the messages that it sends."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from reconciler import Workspace
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Canceled, Failed, Result
from reconciler.notebook.session import PanelSession
from tests.notebook.store_notebooks import USER
from tests.support.registry_client import Cloud
from tests.support.sample_plans import HOSTILE_TEXT

FILE = """
[workspace]
name = "greenhouse"

[things.pump-1]
attributes = { site = "oslo" }

[things.pump-2]
attributes = { site = "oslo" }
"""
TIMEOUT_SECONDS = 20.0

# `state["statuses"]` has one character for each row: a (applied), c (canceled), f (failed), s (started), or a space (pending).


class Page:
    """A page that records what the session shows and sends, and wakes the threads that wait for a change.

    `writers` has the names of the threads that called `show_state` or `send_message`.
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.messages: list[Mapping[str, Any]] = []
        self.writers: set[str] = set()
        self.plans: list[Any] = []
        self.results: list[Any] = []
        self.update_count = 0
        self._changed = threading.Condition()

    def _record_writer(self) -> None:
        self.writers.add(threading.current_thread().name)
        self._changed.notify_all()

    def show_state(self, changes):
        with self._changed:
            self.update_count += 1
            self.state |= changes
            self._record_writer()

    def send_message(self, message):
        with self._changed:
            self.messages.append(message)
            self._record_writer()

    def on_plan(self, plan):
        self.plans.append(plan)

    def on_result(self, result):
        self.results.append(result)

    def wait_until(self, condition) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), TIMEOUT_SECONDS), self.state

    def wait_for_phase(self, phase: str) -> Page:
        self.wait_until(lambda page: page.state.get("phase") == phase)
        return self


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "desired_state.toml").write_text(FILE)
    return Workspace(tmp_path / "desired_state.toml")


@pytest.fixture
def open_session(workspace):
    """Return a function that opens a session on a workspace, and returns its page and the session."""
    sessions = []

    def open_session(workspace=workspace):
        page = Page()
        session = PanelSession(workspace, workspace.plan(), page, update_seconds=0.001)
        session.start()
        sessions.append(session)
        page.wait_for_phase("planned")
        return page, session

    yield open_session
    for session in sessions:
        session.close()
        assert session.wait(TIMEOUT_SECONDS)


def to_text(html: str) -> str:
    """Return the text without tags."""
    pieces: list[str] = []
    parser = HTMLParser()
    parser.handle_data = pieces.append
    parser.feed(html)
    return " ".join(" ".join(pieces).split())


def read_shown_digest(page) -> str:
    return page.state["header"]["digest"]


def apply_and_wait(page, session) -> Page:
    session.apply(read_shown_digest(page))
    return page.wait_for_phase("done")


def edit_file(workspace, old: str, new: str) -> None:
    workspace.path.write_text(workspace.path.read_text().replace(old, new))


def test_a_plan_is_shown_as_rows_and_a_question(open_session):
    page, _ = open_session()
    assert {name: page.state[name] for name in ("rows", "statuses", "confirmation", "banner", "notes")} == {
        "rows": [
            ["create", "thing_groups", "thing_groups.reconciler-greenhouse", "", "ownership marker"],
            ["create", "things", "things.pump-1", "", "desired_state.toml:5"],
            ["create", "things", "things.pump-2", "", "desired_state.toml:8"],
        ],
        "statuses": "   ",
        "confirmation": {"question": "Send 5 calls to embedded: 3 to create?", "expected": ""},
        "banner": "",
        "notes": "",
    }


def test_applying_sets_the_status_of_every_row_and_shows_the_result(open_session):
    page, session = open_session()
    apply_and_wait(page, session)
    assert (page.state["statuses"], page.state["progress"]["counts"]) == ("aaa", [["applied", 3]])
    assert to_text(page.state["banner"]).startswith("✔ Apply complete in")
    assert [result.ok for result in page.results] == [True]


def test_only_the_session_thread_updates_the_page(open_session):
    page, session = open_session()
    session.expand(0)
    session.show_graph("things.pump-1")
    apply_and_wait(page, session)
    assert page.writers == {"panel"}


def test_a_row_shows_its_differences_and_after_expanding_also_its_calls(open_session, workspace):
    apply_and_wait(*open_session())
    edit_file(workspace, 'oslo"', 'bergen"')
    page, session = open_session(Workspace(workspace.path))
    assert page.state["rows"][0] == [
        "update",
        "things",
        "things.pump-1",
        "attributes.site oslo → bergen",
        "desired_state.toml:5",
    ]
    session.expand(0)
    page.wait_until(lambda page: page.messages)
    assert to_text(page.messages[0]["html"]).startswith(
        "~ attributes.site oslo → bergen 1 call iot:UpdateThing"
    )


@pytest.mark.parametrize("row", [-1, 3, 10**9])
def test_a_row_that_does_not_exist_has_no_details(open_session, row):
    page, session = open_session()
    session.expand(row)
    page.wait_until(lambda page: page.messages)
    assert page.messages == [{"row": row, "html": ""}]


def test_a_destructive_plan_requires_the_name_of_the_workspace(open_session, workspace):
    apply_and_wait(*open_session())
    edit_file(workspace, '[things.pump-2]\nattributes = { site = "oslo" }', "")
    page, session = open_session(Workspace(workspace.path))
    assert page.state["confirmation"] == {
        "question": "Send 1 call to embedded: 1 to delete?",
        "expected": "greenhouse",
    }
    session.apply(read_shown_digest(page), "grenhouse")
    page.wait_until(lambda page: page.state["banner"])
    assert to_text(page.state["banner"]) == (
        "✖ error nothing was sent; to continue, type the workspace's name: greenhouse"
    )
    session.apply(read_shown_digest(page), "greenhouse")
    assert page.wait_for_phase("done").state["statuses"] == "a"


def test_an_outdated_plan_is_not_applied(open_session):
    page, session = open_session()
    session.apply("0" * 64)
    page.wait_until(lambda page: page.state["banner"])
    assert to_text(page.state["banner"]) == ("✖ error the plan on this page is outdated; review the new one")


def test_planning_again_reads_the_edited_file(open_session, workspace):
    page, session = open_session()
    workspace.path.write_text(FILE + '[things.pump-3]\nattributes = { site = "oslo" }\n')
    session.plan()
    page.wait_until(lambda page: len(page.state["rows"]) == 4)
    assert [len(plan.steps) for plan in page.plans] == [4]


def test_a_diagnostic_is_shown_with_its_line(open_session, workspace):
    page, session = open_session()
    edit_file(workspace, "attributes", "atributes")
    session.plan()
    page.wait_until(lambda page: page.state["banner"])
    assert to_text(page.state["banner"]).startswith(
        "✖ error the desired state is not valid: 2 errors; nothing was sent "
        "error: desired_state.toml:6 things.pump-1.atributes 6 | atributes = …"
    )
    assert page.state["phase"] == "planned"


def test_a_locked_workspace_is_not_applied_and_its_lease_holder_is_named(open_session, workspace):
    page, session = open_session()
    other = Workspace(workspace.path)
    plan = other.plan()
    is_applying, may_continue = threading.Event(), threading.Event()

    def pause_apply(_outcome):
        is_applying.set()
        assert may_continue.wait(TIMEOUT_SECONDS)

    applying = threading.Thread(target=other.apply, args=(plan,), kwargs={"on_outcome": pause_apply})
    applying.start()
    assert is_applying.wait(TIMEOUT_SECONDS)
    session.apply(read_shown_digest(page))
    page.wait_until(lambda page: page.state["banner"])
    may_continue.set()
    applying.join(TIMEOUT_SECONDS)
    assert f"the workspace is locked by {USER} (process {os.getpid()})" in to_text(page.state["banner"])
    assert page.results == []


def test_a_stale_step_shows_the_value_at_plan_time_the_planned_and_the_live_value(open_session, workspace):
    apply_and_wait(*open_session())
    edit_file(workspace, 'oslo"', 'bergen"')
    page, session = open_session(Workspace(workspace.path))
    cloud = Cloud(workspace.registry_path)
    cloud.iot.update_thing(thingName="pump-1", attributePayload={"attributes": {"site": "rome"}})
    session.apply(read_shown_digest(page))
    page.wait_for_phase("unfinished")
    assert page.state["statuses"] == "fa"
    assert "attributes.site oslo bergen rome" in to_text(page.state["banner"])
    assert page.state["retry"] == "Retry unfinished steps"
    session.retry()
    page.wait_for_phase("done")
    assert cloud.read_content()["things"]["pump-1"]["attributes"] == {"site": "bergen"}


def test_stopping_cancels_pending_steps_and_retrying_completes_them(open_session, workspace):
    gate = threading.Semaphore(0)

    class GatedWorkspace(Workspace):
        def apply(self, plan, *, on_outcome=None, **options):
            def wait_at_gate(outcome):
                assert outcome.status == "started" or gate.acquire(timeout=TIMEOUT_SECONDS)
                on_outcome(outcome)

            return super().apply(plan, on_outcome=wait_at_gate, **options)

    page, session = open_session(GatedWorkspace(workspace.path))
    session.apply(read_shown_digest(page))
    page.wait_until(lambda page: page.state["statuses"] == "s  ")
    session.stop()
    page.wait_for_phase("stopping")
    for _ in range(100):
        gate.release()
    page.wait_for_phase("unfinished")
    assert (page.state["statuses"], page.results[0].ok) == ("acc", False)
    progress = page.state["progress"]
    assert (progress["executed"], progress["total"]) == (1, 3)
    assert type(page.state["banner"]) is str  # and not Markup, which marimo does not send as a text
    assert page.state["retry"] == "Apply remaining steps"
    banner = to_text(page.state["banner"])
    assert banner.endswith("2 canceled because the run was stopped; press Apply remaining steps to continue")
    session.retry()
    assert page.wait_for_phase("done").state["statuses"] == "aa"
    assert page.state["retry"] == ""


def test_a_stopped_apply_with_a_failure_names_the_button_that_is_shown(open_session, workspace):
    class FailingWorkspace(Workspace):
        def apply(self, plan, *, on_outcome=None, **options):
            first, *others = plan.steps
            error = ReconcilerError("no access")
            outcomes = (Failed(first.change, error), *(Canceled(step.change) for step in others))
            for outcome in outcomes:
                on_outcome(outcome)
            return Result(plan, outcomes, 1.0)

    page, session = open_session(FailingWorkspace(workspace.path))
    session.apply(read_shown_digest(page))
    page.wait_for_phase("unfinished")
    assert page.state["retry"] == "Retry unfinished steps"
    assert to_text(page.state["banner"]).endswith("press Retry unfinished steps to continue")


def test_an_error_after_a_complete_apply_offers_no_retry(open_session, workspace):
    page, session = open_session()
    apply_and_wait(page, session)
    log = page.state["log"]
    edit_file(workspace, "attributes", "atributes")
    session.plan()
    page.wait_until(lambda page: "not valid" in page.state["banner"])
    assert (page.state["phase"], page.state["retry"], page.state["statuses"]) == ("done", "", "aaa")
    assert page.state["log"].startswith(log)


def test_the_graph_follows_an_apply_and_stays_after_it(open_session):
    page, session = open_session()
    session.show_graph("things.pump-1")
    page.wait_until(lambda page: page.state["graph"])
    assert page.state["graph_progress"] == {}
    graph = page.state["graph"]
    apply_and_wait(page, session)
    assert page.state["graph"] == graph
    assert page.state["graph_progress"] == {
        "summary": "1 of 1 change applied",
        "nodes": {"0": ["thing · created", 1.0, False]},
    }
    session.show_graph()
    page.wait_until(lambda page: len(page.state["graph_progress"]["nodes"]) == 2)


def test_many_queued_tasks_do_not_delay_updates_of_the_page(open_session):
    page, session = open_session()
    for number in range(100):
        session.show_graph(f"things.pump-{1 + number % 2}")
    session.close()
    assert session.wait(TIMEOUT_SECONDS)
    assert page.update_count > 10


def test_the_table_is_sent_as_csv_in_the_order_that_the_page_requests(open_session, workspace):
    apply_and_wait(*open_session())
    edit_file(workspace, 'oslo"', 'bergen"')
    page, session = open_session(Workspace(workspace.path))
    session.export_csv([1, -1, 0, 10**9])
    page.wait_until(lambda page: page.messages)
    assert page.messages[0]["csv"].splitlines() == [
        "action,kind,address,differences,declared in,status",
        "update,things,things.pump-2,attributes.site oslo → bergen,desired_state.toml:8,pending",
        "update,things,things.pump-1,attributes.site oslo → bergen,desired_state.toml:5,pending",
    ]


def test_a_hostile_address_is_escaped_where_the_graph_is_shown(open_session):
    page, session = open_session()
    session.show_graph(HOSTILE_TEXT)
    page.wait_until(lambda page: page.state["graph"])
    state_text = str(page.state)
    assert [text for text in ("<script", "\x1b", "\u202e") if text in state_text] == []


def test_an_unexpected_exception_is_shown_as_an_internal_error(open_session, workspace):
    class BrokenWorkspace(Workspace):
        def apply(self, plan, **options):
            raise KeyError("oops")

    page, session = open_session(BrokenWorkspace(workspace.path))
    session.apply(read_shown_digest(page))
    page.wait_until(lambda page: page.state["banner"])
    assert to_text(page.state["banner"]) == ("✖ error internal error: KeyError: 'oops'")
