"""The session of a rollout's panel without a browser: what it shows, applies, stops and retries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler import Rollout, Workspace
from reconciler.notebook.rollout_session import RolloutSession
from reconciler.rollout.cell_display import build_report
from reconciler.rollout.messages import TaskEvent
from reconciler.rollout.panel import PanelRollout
from tests.notebook.test_session import TIMEOUT_SECONDS, Page, to_text

FILE = """
[workspace]
name = "pumps"

[variables]
firmware = "1"

[environments.dev]

[environments."prod-{site}"]
for_each = [{ site = "oslo" }, { site = "<b>bergen</b>" }]
after = ["dev"]

[things.pump-1]
attributes = { firmware = "{var.firmware}" }
"""
NAMES = ["dev", "prod-oslo", "prod-<b>bergen</b>"]


class RolloutPage(Page):
    """A page that also records the results of applies."""

    def on_result(self, plan, result):
        self.results.append((plan.digest, result.ok))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "desired_state.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def open_session(path):
    """Return a function that opens a session on the file, and returns its page and the session."""
    sessions = []

    def open_session(executor=None, **options):
        rollout = Rollout(path)
        page = RolloutPage()
        plan = rollout.plan(**options)
        panel_rollout = PanelRollout(rollout, plan.options, "100%", 5, 0.0, executor)
        session = RolloutSession(panel_rollout, plan, page, update_seconds=0.001)
        session.start()
        sessions.append(session)
        page.wait_for_phase("planned")
        return page, session

    yield open_session
    for session in sessions:
        session.close()
        assert session.wait(TIMEOUT_SECONDS)


def open_client(path, environment):
    return Workspace(path, environment=environment).client()


def read_statuses(page):
    return [status for status, *_ in page.state["statuses"]]


def test_plans_are_shown_as_rows_and_a_question_and_in_groups(open_session):
    page, session = open_session()
    assert [row[0] for row in page.state["rows"]] == NAMES
    assert {row[2] for row in page.state["rows"]} == {"2 to create"}
    assert page.state["confirmation"] == {
        "question": "Send 9 calls to 3 environments: 6 to create?",
        "expected": "",
    }
    assert "3 environments like dev" in to_text(page.state["plans"])
    assert "<b>bergen" not in page.state["plans"]
    session.expand(2)
    session.expand(99)
    page.wait_until(lambda page: len(page.messages) == 2)
    details, missing = page.messages
    assert to_text(details["html"]).startswith("Plan for pumps in prod-<b>bergen</b> embedded")
    assert missing == {"row": 99, "html": ""}


def test_a_failed_environment_is_retried_and_all_environments_stay_in_the_table(open_session, path):
    page, session = open_session()
    client = open_client(path, "prod-oslo")
    client.create_thing(thingName="pump-1")
    session.apply(page.state["header"]["digest"])
    page.wait_for_phase("unfinished")
    assert read_statuses(page) == ["applied", "rejected", "applied"]
    assert page.state["retry"] == "Retry what failed"
    assert to_text(page.state["banner"]).startswith(
        "✖ Apply incomplete : 3 environments: 2 applied, 1 rejected in "
    )
    assert page.state["statuses"][1][-1].startswith("things.pump-1: already exists")
    assert page.state["progress"]["counts"] == [["applied", 2], ["rejected", 1]]

    client.delete_thing(thingName="pump-1")
    session.retry()
    page.wait_for_phase("done")
    assert read_statuses(page) == ["applied"] * 3
    assert [ok for _, ok in page.results] == [False, True]
    assert page.writers == {"panel"}


@pytest.mark.parametrize(
    ("changed_file", "count"),
    [(FILE + "[things.pump-2]\n", 3), (FILE.replace('firmware = "1"', 'firmware = "2"'), 2)],
)
def test_a_retry_with_changes_that_were_not_approved_waits_for_an_approval(
    open_session, path, changed_file, count
):
    page, session = open_session()
    client = open_client(path, "prod-oslo")
    client.create_thing(thingName="pump-1")
    session.apply(page.state["header"]["digest"])
    page.wait_for_phase("unfinished")
    client.delete_thing(thingName="pump-1")
    path.write_text(changed_file)
    session.retry()
    page.wait_for_phase("planned")
    assert read_statuses(page) == ["applied", "planned", "applied"]
    assert page.state["confirmation"]["question"].endswith(f"to 1 environment: {count} to create?")


def test_a_stopped_rollout_continues_with_the_environments_that_are_left(open_session):
    class StoppingPool(ThreadPoolExecutor):
        """Stops the session when the first apply is submitted."""

        def submit(self, function, text):
            if '"command":"apply"' in text and stopper:
                stopper.pop().stop()
            return super().submit(function, text)

    stopper = []
    with StoppingPool(2) as pool:
        page, session = open_session(pool)
        stopper.append(session)
        session.apply(page.state["header"]["digest"])
        page.wait_for_phase("unfinished")
        assert set(read_statuses(page)[1:]) == {"blocked"}
        assert page.state["retry"] == "Apply the rest"
        session.retry()
        page.wait_for_phase("done")
    assert set(read_statuses(page)) <= {"applied", "unchanged"}


def test_plans_that_delete_require_the_number_of_environments(open_session, path):
    page, session = open_session()
    session.apply(page.state["header"]["digest"])
    page.wait_for_phase("done")
    path.write_text(FILE.replace("things.pump-1", "things.pump-2"))
    session.plan()
    page.wait_for_phase("planned")
    assert page.state["confirmation"]["expected"] == "3 environments"
    session.apply(page.state["header"]["digest"], "yes")
    page.wait_until(lambda page: page.state["banner"])
    assert to_text(page.state["banner"]) == "✖ error nothing was sent; to continue, type: 3 environments"
    session.apply("0" * 64, "3 environments")
    page.wait_until(lambda page: "outdated" in page.state["banner"])
    session.apply(page.state["header"]["digest"], "3 environments")
    page.wait_for_phase("done")
    session.plan()
    page.wait_for_phase("planned")
    assert page.state["header"]["summary"] == "no changes in 3 environments: 3 unchanged"


def test_planning_again_keeps_the_options_of_the_plans(open_session):
    page, session = open_session(select=["things.pump-1"])
    assert read_statuses(page) == ["planned"] * 3
    session.plan()
    page.wait_until(lambda page: page.plans)
    assert page.plans[0].options.select == ("things.pump-1",)


def test_nothing_can_be_applied_if_an_environment_cannot_be_planned(open_session, path):
    path.write_text(FILE + '[things.rig]\nenvironments = ["dev"]\nthing_type = "unknown"\n')
    page, session = open_session()
    assert read_statuses(page) == ["failed", "planned", "planned"]
    assert to_text(page.state["banner"]).startswith("✖ error 1 environment of 3 could not be planned")
    assert sum(count for *_, count in page.state["header"]["actions"]) == 0
    session.apply(page.state["header"]["digest"])
    session.expand(0)
    page.wait_until(lambda page: page.messages)
    assert "thing_type" in to_text(page.messages[0]["html"])
    assert page.state["phase"] == "planned"


def test_progress_that_arrives_after_the_end_of_an_environment_is_ignored(open_session):
    _, session = open_session()
    session._states.record(build_report(TaskEvent("dev", "applying", {"applied": 1}, 2)))
    assert session._states.list_all()[0].status == "planned"
