"""The panel in JupyterLab, in a browser."""

from __future__ import annotations

import csv

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.docs.checkout import ROOT
from tests.support.jupyter_lab import execute, run_lab_command

pytestmark = pytest.mark.xdist_group("browser")

FILE_BEFORE = '[workspace]\nname = "greenhouse"\n' + "".join(
    f'[things.pump-{number}]\nattributes = {{ site = "oslo" }}\n' for number in range(1, 6)
)
FILE_AFTER = (
    '[workspace]\nname = "greenhouse"\n'
    + "".join(f'[things.pump-{number}]\nattributes = {{ site = "bergen" }}\n' for number in range(1, 3))
    + "".join(f'[things.valve-{number}]\nattributes = {{ house = "A" }}\n' for number in range(1, 46))
)
PREPARE_CELL = f"""
import threading
from pathlib import Path
from reconciler import Workspace

gate = threading.Semaphore(0)  # each release lets one step of the apply end

class GatedWorkspace(Workspace):
    def apply(self, plan, *, on_outcome=None, **options):
        def wait_at_gate(outcome):
            if outcome.status != "started":
                gate.acquire()
            on_outcome(outcome)
        return super().apply(plan, on_outcome=wait_at_gate, **options)

Path("desired_state.toml").write_text({FILE_BEFORE!r})
result = Workspace().apply(Workspace().plan())
Path("desired_state.toml").write_text({FILE_AFTER!r})
"""
PANEL_CELL = "ws = GatedWorkspace()\nws.panel()"
MISTAKE = '[workspace]\nname = "g"\n[things.pump-1]\natributes = {}\n'
ERROR_CELL = f'Path("mistake.toml").write_text({MISTAKE!r})\nWorkspace("mistake.toml").plan()'
ERROR_OUTPUT = ".jp-OutputArea-output[data-mime-type$=stderr]"
SCREENSHOTS = ROOT / "build" / "notebook_screenshots"
"""The folder of the screenshots, which CI uploads."""
WIDTHS = {"wide": 938, "narrow": 360}
"""Widths of a notebook's output in pixels: next to a side bar, and on a phone."""
MIN_ADDRESS_WIDTH = 150
"""The least pixels of the table's column of addresses, in which 20 letters are visible."""


@pytest.fixture
def panel(lab, page, request):
    """Open a panel with a plan of 50 changes; each step of its apply waits at the gate."""
    name = request.node.name
    (lab.folder / name).mkdir()
    lab.write_notebook(f"{name}/panel.ipynb", [PREPARE_CELL, PANEL_CELL, ERROR_CELL])
    lab.open_notebook(page, f"{name}/panel.ipynb")
    run_lab_command(page, "notebook:run-all-cells")
    region = page.get_by_role("region", name="Panel of greenhouse")
    expect(region.get_by_text("50 changes")).to_be_visible()
    region.notebook_path = f"{name}/panel.ipynb"
    return region


def take_screenshot(locator, name: str) -> None:
    """Save a picture for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    locator.screenshot(path=SCREENSHOTS / f"{name}.png")


def confirm_apply(panel) -> None:
    """Press Apply and confirm with the name of the workspace.

    The plan requires this confirmation because it deletes things.
    """
    panel.get_by_role("button", name="Apply …").click()
    panel.get_by_label("to continue").fill("greenhouse")
    panel.get_by_role("button", name="Apply", exact=True).click()


def locate_rows(panel):
    """Return the rows of the panel's table that are drawn: those in view, and some above and below."""
    return panel.locator("[data-index]")


def test_a_plan_is_reviewed_confirmed_applied_stopped_completed_and_left_by_its_kernel(lab, page, panel):
    # review the plan
    panel.get_by_role("button", name="3 delete").click()
    expect(panel.get_by_text("3 of 50 changes")).to_be_visible()
    assert locate_rows(panel).locator(".address").all_inner_texts() == [
        "things.pump-3",
        "things.pump-4",
        "things.pump-5",
    ]
    panel.get_by_role("button", name="3 delete").click()
    panel.get_by_label("Kind").select_option("things")
    panel.get_by_label("Filter by text").fill("BERGEN")
    expect(panel.get_by_text("2 of 50 changes")).to_be_visible()
    locate_rows(panel).first.click()
    expect(panel.locator(".unfolded .lines").first).to_have_text("~attributes.siteoslo → bergen")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(panel.locator("[aria-expanded=true]")).to_have_count(2)
    page.keyboard.press("ArrowLeft")
    expect(panel.locator("[aria-expanded=true]")).to_have_count(1)
    take_screenshot(panel, "planned")
    panel.get_by_label("Filter by text").fill("")
    list_the_group(page, panel)
    panel.get_by_label("Filter by text").fill("BERGEN")
    with page.expect_download() as download:
        panel.get_by_role("button", name="CSV").click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        assert [row["address"] for row in csv.DictReader(file)] == ["things.pump-1", "things.pump-2"]
    panel.get_by_label("Filter by text").fill("valve-4")
    panel.get_by_role("button", name="address").click()
    panel.get_by_role("button", name="address").click()
    expect(panel.get_by_role("columnheader", name="address")).to_have_attribute("aria-sort", "descending")
    assert locate_rows(panel).locator(".address").first.inner_text() == "things.valve-45"
    panel.get_by_label("Filter by text").fill("")

    # confirm the apply
    panel.get_by_role("button", name="Apply …").click()
    expect(panel.get_by_text("45 to create, 2 to update, 3 to delete?")).to_be_visible()
    apply = panel.get_by_role("button", name="Apply", exact=True)
    expect(apply).to_be_disabled()
    panel.get_by_label("to continue").fill("grenhouse")
    expect(apply).to_be_disabled()
    panel.get_by_label("to continue").fill("greenhouse")
    take_screenshot(panel, "confirm")
    apply.click()

    # watch the apply, and reload the page halfway
    execute(page, "gate.release(5)")
    expect(panel.get_by_text("5 of 50", exact=True)).to_be_visible()
    expect(panel.locator(".progress .applied")).to_have_text("✔ 5 applied")
    panel.get_by_label("Status").select_option("applied")
    expect(panel.get_by_text("5 of 50 changes")).to_be_visible()
    take_screenshot(panel, "applying")
    run_lab_command(page, "docmanager:save")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    lab.open_notebook(page, panel.notebook_path)
    expect(panel.get_by_text("5 of 50", exact=True)).to_be_visible()
    execute(page, "gate.release(2)")
    expect(panel.get_by_text("7 of 50", exact=True)).to_be_visible()

    stop_and_continue(page, panel)


def list_the_group(page, panel) -> None:
    """List the 45 alike rows, which are one at first, hide the list, and plan again."""
    expect(locate_rows(panel)).to_have_count(6)
    panel.get_by_role("row", name="45 things like things.valve-1").click()
    expect(panel.locator(".unfolded .lines").last).to_have_text("attributes.houseA")
    panel.get_by_role("button", name="List all 45").click()
    expect(panel.get_by_role("button", name="Hide the list")).to_be_focused()
    panel.get_by_text("things.valve-10", exact=True).click()
    expect(panel.locator(".member[aria-expanded=true]")).to_have_count(1)
    take_screenshot(panel, "group")
    panel.get_by_role("button", name="Hide the list").click()
    expect(locate_rows(panel)).to_have_count(6)
    plan_again_after_an_edit(page, panel)


def plan_again_after_an_edit(page, panel) -> None:
    """Plan a file whose changes have the same rows but other details, which the group then shows."""
    execute(
        page, "file = Path('desired_state.toml'); file.write_text(file.read_text().replace('\"A\"', '\"B\"'))"
    )
    panel.get_by_role("button", name="Plan again").click()
    expect(panel.locator("[aria-expanded=true].line")).to_have_count(0)
    panel.get_by_role("row", name="45 things like things.valve-1").click()
    expect(panel.locator(".unfolded .lines").last).to_have_text("attributes.houseB")


def stop_and_continue(page, panel) -> None:
    """Stop the apply, check what the panel shows then, and complete it."""
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("button", name="Stopping …")).to_be_disabled()
    execute(page, "gate.release(100)")
    expect(panel.get_by_role("alert")).to_contain_text("Apply incomplete")
    expect(panel.get_by_role("alert")).to_contain_text("because the run was stopped")
    expect(page.get_by_text("Apply incomplete").locator("visible=true")).to_have_count(1)
    applied_count = int(panel.locator(".progress .applied").inner_text().split()[1])
    assert 7 <= applied_count < 50
    expect(panel.get_by_role("progressbar")).to_have_attribute("aria-valuenow", str(2 * applied_count))
    expect(panel.get_by_role("button", name="Apply …")).to_be_hidden()
    panel.get_by_role("tab", name="Log").click()
    expect(panel.get_by_role("log")).to_contain_text("stopping: finishing calls in flight")
    panel.get_by_role("button", name="Apply remaining steps").click()
    expect(panel.get_by_role("alert")).to_contain_text("Apply complete")
    expect(panel.get_by_role("log")).to_contain_text("stopping: finishing calls in flight")
    restart_kernel(page, panel)


def restart_kernel(page, panel) -> None:
    """Restart the kernel, after which the panel asks for a new one."""
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(panel.get_by_role("alert")).to_contain_text("Run the cell again to open a new one")
    expect(panel.get_by_role("button", name="Plan again")).to_be_disabled()


def test_interrupting_the_kernel_stops_the_apply_and_a_finished_panel_stays_and_is_saved(lab, page, panel):
    confirm_apply(panel)
    execute(page, "gate.release(1)")
    expect(panel.get_by_text("1 of 50", exact=True)).to_be_visible()
    lab.interrupt(panel.notebook_path)
    expect(panel.get_by_role("button", name="Stopping …")).to_be_visible()
    execute(page, "gate.release(200)")
    expect(panel.get_by_role("alert")).to_contain_text("Apply incomplete")
    panel.get_by_role("tab", name="Graph").click()
    expect(panel.get_by_role("img", name="Dependency graph of greenhouse")).to_be_visible()
    continue_button = panel.get_by_role("button", name="Apply remaining steps")
    continue_button.scroll_into_view_if_needed()
    top = panel.bounding_box()["y"]
    continue_button.click()

    expect(panel.get_by_role("alert")).to_contain_text("Apply complete")
    expect(panel.get_by_role("img", name="Dependency graph of greenhouse")).to_be_visible()
    expect(panel.locator("[data-node] .subtitle", has_text="created").first).to_be_visible()
    assert panel.bounding_box()["y"] == pytest.approx(top, abs=2)
    take_screenshot(panel, "done")
    run_lab_command(page, "docmanager:save")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    saved = nbformat.read(lab.folder / panel.notebook_path, nbformat.NO_CONVERT)
    # On a slow machine, another output is before these two: how long the registry was read.
    record, widget = saved.cells[1].outputs[-2:]
    assert sorted(record.data) == ["text/html", "text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in widget.data
    exported, _ = HTMLExporter().from_notebook_node(saved)
    # the incomplete apply's result, and the other apply's
    assert exported.count('aria-label="Result of applying greenhouse"') == 2
    assert "✔ Apply complete" in record.data["text/plain"]


def test_axe_finds_no_violation_in_a_panel_and_in_an_error_in_light_or_dark_mode(page, panel):
    violations = {}
    (error,) = page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea-output").all()
    assert error.inner_text().splitlines()[:4] == [
        "error: mistake.toml:4  things.pump-1.atributes",
        "    4 | atributes = …",
        "      | ^^^^^^^^^",
        "    unknown key",
    ]

    def check(state: str) -> None:
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            change_theme(page, theme)
            for name, width in WIDTHS.items():
                panel.evaluate("(panel, width) => panel.style.width = `${width}px`", width)
                take_screenshot(panel, f"{state}-{theme.split()[-1].lower()}-{name}")
            # The narrow panel, which has everything that the wide one has.
            result = Axe().run(page, context=[".reconciler.panel", ERROR_OUTPUT])
            for violation in result.response["violations"]:
                nodes = [node["html"] for node in violation["nodes"]]
                violations[state, theme, violation["id"]] = nodes

    for theme in ("Light", "Dark"):
        change_theme(page, f"JupyterLab {theme}")
        take_screenshot(error, f"error-{theme.lower()}")
    locate_rows(panel).first.click()
    panel.get_by_role("row", name="45 things like things.valve-1").click()
    panel.get_by_role("button", name="List all 45").click()
    expect(panel.locator(".unfolded .details")).to_have_count(2)
    panel.get_by_role("button", name="Apply …").click()
    check("confirming")
    assert locate_rows(panel).get_by_role("gridcell").nth(1).bounding_box()["width"] > MIN_ADDRESS_WIDTH
    panel.get_by_role("tab", name="Graph").click()
    graph = panel.get_by_role("img", name="Dependency graph of greenhouse")
    expect(graph).to_be_visible()
    check("graph")
    check_that_the_graph_fits_and_zooms(page, panel, graph)
    panel.get_by_role("tab", name="Changes").click()
    panel.get_by_text("1 call", exact=True).first.click()
    panel.get_by_label("to continue").fill("greenhouse")
    panel.get_by_role("button", name="Apply", exact=True).click()
    execute(page, "gate.release(7)")
    expect(panel.get_by_text("7 of 50", exact=True)).to_be_visible()
    expect(panel.get_by_text("1 call", exact=True).first.locator("..")).to_have_attribute("open", "")
    check("applying")
    panel.get_by_role("button", name="Stop").click()
    execute(page, "gate.release(100)")
    expect(panel.get_by_role("alert")).to_contain_text("Apply incomplete")
    check("unfinished")
    run_lab_command(page, "apputils:change-theme", theme="JupyterLab Light")
    assert violations == {}


def change_theme(page, theme: str) -> None:
    """Change the theme, and wait until it is shown."""
    run_lab_command(page, "apputils:change-theme", theme=theme)
    page.wait_for_function(
        "dark => document.body.dataset.jpThemeLight === String(!dark)", arg=theme.endswith("Dark")
    )


def check_that_the_graph_fits_and_zooms(page, panel, graph) -> None:
    frame = panel.get_by_role("group", name="Dependency graph")
    fitted_width = graph.bounding_box()["width"]
    assert fitted_width <= frame.bounding_box()["width"]
    panel.get_by_role("button", name="Zoom in").click()
    assert graph.bounding_box()["width"] == pytest.approx(1.25 * fitted_width, abs=1)
    frame.focus()
    page.keyboard.press("+")
    assert graph.bounding_box()["width"] == pytest.approx(1.25**2 * fitted_width, abs=1)
    frame.dispatch_event("wheel", {"deltaY": -300, "ctrlKey": True})
    assert graph.bounding_box()["width"] > 2 * fitted_width
    frame.hover()
    page.mouse.down()
    page.mouse.move(0, 0)
    page.mouse.up()
    assert frame.evaluate("frame => frame.scrollTop + frame.scrollLeft") > 0
    page.keyboard.press("0")
    assert graph.bounding_box()["height"] <= frame.bounding_box()["height"]


MAX_OPEN_BYTES = 1_500_000
"""The most that the kernel may send until the rows are visible. (A limit on time would depend on the machine.)"""
LARGE_PLAN_CELL = """
from attrs import evolve
from msgspec.structs import replace
from reconciler import Address
base = ws.plan().steps[-1]
def make_step(number):
    resource = replace(base.change.resource, address=Address("things", f"pump-{number}"))
    return evolve(base, change=evolve(base.change, resource=resource), dependencies=frozenset())
large = evolve(ws.plan(), steps=tuple(map(make_step, range(10_000))))
"""
FLOOD_CELL = """
from reconciler import Result
from reconciler.model.outcome import Applied, Canceled

class FloodingWorkspace(Workspace):
    def apply(self, plan, *, on_outcome=None, **options):
        *others, last = plan.steps
        outcomes = (*(Applied(step.change, 0.0) for step in others), Canceled(last.change))
        for outcome in outcomes:
            on_outcome(outcome)
        return Result(plan, outcomes, 1.0)

FloodingWorkspace().panel(large)
"""


def test_ten_thousand_rows_open_and_change_with_few_elements_bytes_and_messages(lab, page):
    (lab.folder / "large").mkdir()
    lab.write_notebook(
        "large/panel.ipynb", [PREPARE_CELL + "ws = GatedWorkspace()" + LARGE_PLAN_CELL, FLOOD_CELL]
    )
    message_sizes = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda frame: message_sizes.append(len(frame)))
    )
    lab.open_notebook(page, "large/panel.ipynb")
    run_lab_command(page, "notebook:run-cell-and-select-next")
    expect(page.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    bytes_before = sum(message_sizes)
    run_lab_command(page, "notebook:run-cell-and-select-next")
    panel = page.get_by_role("region", name="Panel of greenhouse")
    expect(panel.get_by_text("10,000 changes")).to_be_visible()
    assert sum(message_sizes) - bytes_before < MAX_OPEN_BYTES
    panel.get_by_role("row", name="10,000 things like").click()
    panel.get_by_role("button", name="List all 10,000").click()
    expect(panel.get_by_text("things.pump-9", exact=True)).to_be_visible()
    assert page.evaluate("document.querySelectorAll('.reconciler.panel *').length") < 1_000
    message_count_before = len(message_sizes)
    panel.get_by_role("button", name="Apply …").click()
    panel.get_by_role("button", name="Apply", exact=True).click()
    expect(panel.get_by_text("9,999 of 10,000", exact=True)).to_be_visible()
    assert len(message_sizes) - message_count_before < 200
