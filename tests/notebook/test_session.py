"""What a panel shows and does, without a page: every state that it writes, and what it sends."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from reconciler import Workspace
from reconciler.notebook.session import Session
from tests.support.registry_client import Cloud
from tests.support.sample_plans import HOSTILE

FILE = """
[workspace]
name = "greenhouse"

[things.pump-1]
attributes = { site = "oslo" }

[things.pump-2]
attributes = { site = "oslo" }
"""
PATIENCE = 20.0


class Page:
    """Keeps all that is written, and wakes who waits for it."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.answers: list[Mapping[str, Any]] = []
        self.writers: set[str] = set()
        self.plans: list[Any] = []
        self.results: list[Any] = []
        self._news = threading.Condition()

    def _told(self) -> None:
        self.writers.add(threading.current_thread().name)
        self._news.notify_all()

    def show(self, state):
        with self._news:
            self.state |= state
            self._told()

    def answer(self, message):
        with self._news:
            self.answers.append(message)
            self._told()

    def planned(self, plan):
        self.plans.append(plan)

    def finished(self, result):
        self.results.append(result)

    def until(self, holds) -> None:
        with self._news:
            assert self._news.wait_for(lambda: holds(self), PATIENCE), self.state

    def phase(self, wanted: str) -> Page:
        self.until(lambda page: page.state.get("phase") == wanted)
        return self


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "desired_state.toml").write_text(FILE)
    return Workspace(tmp_path / "desired_state.toml")


@pytest.fixture
def opened(workspace):
    """Open a session on a workspace; its page and itself."""
    sessions = []

    def open_(of=workspace):
        page = Page()
        session = Session(of, of.plan(), page, every=0.001)
        session.start()
        sessions.append(session)
        page.phase("planned")
        return page, session

    yield open_
    for session in sessions:
        session.close()
        assert session.wait(PATIENCE)


def words(html: str) -> str:
    """What is left of it without its tags."""
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_data = found.append
    parser.feed(html)
    return " ".join(" ".join(found).split())


def digest(page) -> str:
    return page.state["head"]["digest"]


def applied(page, session) -> Page:
    session.apply(digest(page))
    return page.phase("done")


def edit(workspace, old: str, new: str) -> None:
    workspace.path.write_text(workspace.path.read_text().replace(old, new))


def test_a_plan_is_rows_counts_and_a_question(opened):
    page, _ = opened()
    assert {name: page.state[name] for name in ("rows", "ends", "confirm", "banner", "remarks")} == {
        "rows": [
            ["create", "thing_groups", "thing_groups.reconciler-greenhouse", "", "for the workspace itself"],
            ["create", "things", "things.pump-1", "", "desired_state.toml:5"],
            ["create", "things", "things.pump-2", "", "desired_state.toml:8"],
        ],
        "ends": "   ",
        "confirm": {"question": "Send 5 calls to embedded: 3 to create?", "type": ""},
        "banner": "",
        "remarks": "",
    }


def test_applying_marks_every_row_and_hands_over_the_result(opened):
    page, session = opened()
    applied(page, session)
    assert (page.state["ends"], page.state["progress"]["counts"]) == ("aaa", [["applied", 3]])
    assert words(page.state["banner"]).startswith("✔ Done in")
    assert [result.ok for result in page.results] == [True]


def test_only_the_pump_writes(opened):
    page, session = opened()
    session.expand(0)
    session.graph("things.pump-1")
    applied(page, session)
    assert page.writers == {"panel"}


def test_what_differs_is_told_in_the_row_and_whole_when_it_unfolds(opened, workspace):
    applied(*opened())
    edit(workspace, 'oslo"', 'bergen"')
    page, session = opened(Workspace(workspace.path))
    assert page.state["rows"][0] == [
        "update",
        "things",
        "things.pump-1",
        "attributes.site oslo → bergen",
        "desired_state.toml:5",
    ]
    session.expand(0)
    page.until(lambda page: page.answers)
    assert words(page.answers[0]["html"]).startswith("~ attributes.site oslo → bergen 1 call iot:UpdateThing")


@pytest.mark.parametrize("row", [-1, 3, 10**9])
def test_a_row_that_is_not_there_has_nothing_behind_it(opened, row):
    page, session = opened()
    session.expand(row)
    page.until(lambda page: page.answers)
    assert page.answers == [{"details": row, "html": ""}]


def test_a_plan_that_deletes_is_sent_only_when_the_workspace_is_named(opened, workspace):
    applied(*opened())
    edit(workspace, '[things.pump-2]\nattributes = { site = "oslo" }', "")
    page, session = opened(Workspace(workspace.path))
    assert page.state["confirm"] == {
        "question": "Send 1 call to embedded: 1 to delete?",
        "type": "greenhouse",
    }
    session.apply(digest(page), "grenhouse")
    page.until(lambda page: page.state["banner"])
    assert words(page.state["banner"]) == (
        "✖ error Nothing was sent: to go on, type the workspace's name, greenhouse."
    )
    session.apply(digest(page), "greenhouse")
    assert page.phase("done").state["ends"] == "a"


def test_a_plan_that_is_not_the_latest_is_not_sent(opened):
    page, session = opened()
    session.apply("0" * 64)
    page.until(lambda page: page.state["banner"])
    assert words(page.state["banner"]) == (
        "✖ error The plan on this page is not the latest; look at it again."
    )


def test_planning_again_is_of_the_file_as_it_is_now(opened, workspace):
    page, session = opened()
    workspace.path.write_text(FILE + '[things.pump-3]\nattributes = { site = "oslo" }\n')
    session.plan()
    page.until(lambda page: len(page.state["rows"]) == 4)
    assert [len(plan.steps) for plan in page.plans] == [4]


def test_a_mistake_in_the_file_is_shown_where_it_is(opened, workspace):
    page, session = opened()
    edit(workspace, "attributes", "atributes")
    session.plan()
    page.until(lambda page: page.state["banner"])
    assert words(page.state["banner"]).startswith(
        "✖ error The file cannot be used; nothing was sent. 2 mistakes error: desired_state.toml:6 things.pump-1.atributes"
    )
    assert page.state["phase"] == "planned"


def test_a_workspace_that_somebody_else_applies_is_left_alone_and_they_are_named(opened, workspace):
    page, session = opened()
    other = Workspace(workspace.path)
    plan = other.plan()
    held, go = threading.Event(), threading.Event()

    def hold(_outcome):
        held.set()
        assert go.wait(PATIENCE)

    applying = threading.Thread(target=other.apply, args=(plan,), kwargs={"on_outcome": hold})
    applying.start()
    assert held.wait(PATIENCE)
    session.apply(digest(page))
    page.until(lambda page: page.state["banner"])
    go.set()
    applying.join(PATIENCE)
    assert "is applying this workspace since" in words(page.state["banner"])


def test_what_somebody_changed_meanwhile_is_shown_with_all_three_values(opened, workspace):
    applied(*opened())
    edit(workspace, 'oslo"', 'bergen"')
    page, session = opened(Workspace(workspace.path))
    cloud = Cloud(workspace.registry_path)
    cloud.iot.update_thing(thingName="pump-1", attributePayload={"attributes": {"site": "rome"}})
    session.apply(digest(page))
    page.phase("unfinished")
    assert page.state["ends"] == "fa"
    assert "attributes.site oslo bergen rome" in words(page.state["banner"])
    session.retry()
    page.phase("done")
    assert cloud.content()["things"]["pump-1"]["attributes"] == {"site": "bergen"}


def test_stopping_cancels_what_was_not_begun_and_retrying_finishes_it(opened, workspace):
    gate = threading.Semaphore(0)

    class Gated(Workspace):
        def apply(self, plan, *, on_outcome=None, **options):
            def hear(outcome):
                assert outcome.status == "started" or gate.acquire(timeout=PATIENCE)
                on_outcome(outcome)

            return super().apply(plan, on_outcome=hear, **options)

    page, session = opened(Gated(workspace.path))
    session.apply(digest(page))
    page.until(lambda page: page.state["ends"] == "s  ")
    session.stop()
    page.phase("stopping")
    for _ in range(100):
        gate.release()
    page.phase("unfinished")
    assert (page.state["ends"], page.results[0].ok) == ("acc", False)
    session.retry()
    assert page.phase("done").state["ends"] == "aa"


def test_hostile_names_and_answers_are_only_text(opened, workspace):
    page, session = opened()
    session.graph(HOSTILE)
    page.until(lambda page: page.state["graph"])
    shown = str(page.state)
    assert [mark for mark in ("<script", "\x1b", "\u202e") if mark in shown] == []


def test_a_fault_of_ours_is_told_as_one(opened, workspace):
    class Broken(Workspace):
        def apply(self, plan, **options):
            raise KeyError("oops")

    page, session = opened(Broken(workspace.path))
    session.apply(digest(page))
    page.until(lambda page: page.state["banner"])
    assert words(page.state["banner"]) == (
        "✖ error This is a fault in reconciler, not in your file: KeyError: 'oops'"
    )
