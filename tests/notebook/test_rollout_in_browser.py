"""The notebook about rollouts in a browser: its panel applies, fails, retries and is saved."""

from __future__ import annotations

import shutil

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.notebook.store_notebooks import FOLDER
from tests.notebook.test_panel_in_browser import WIDTHS, change_theme, restart_kernel, take_screenshot
from tests.support.jupyter_lab import execute, run_lab_command

pytestmark = pytest.mark.xdist_group("browser")

NOTEBOOK = "rollout/rollout.ipynb"
CELLS_UNTIL_PANEL = 6
"""The cells of the notebook up to the one with the panel, which is the last of them."""


def list_rows(panel) -> list[str]:
    """Return the texts of the visible rows of environments, with their statuses."""
    rows = panel.locator("tbody > tr:has(> th[scope=row] > button):visible")
    return [" ".join(row.inner_text().split()) for row in rows.all()]


def check_accessibility(page, panel, state: str) -> dict[tuple[str, ...], list[str]]:
    """Take a screenshot for each theme and width, and return the violations that axe finds."""
    violations = {}
    for theme in ("Light", "Dark"):
        change_theme(page, f"JupyterLab {theme}")
        for name, width in WIDTHS.items():
            panel.evaluate("(panel, width) => panel.style.width = `${width}px`", width)
            take_screenshot(panel, f"rollout-{state}-{theme.lower()}-{name}")
            assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")
            for violation in Axe().run(page, context=[".reconciler.panel"]).response["violations"]:
                violations[state, theme, name, violation["id"]] = [
                    node["html"] for node in violation["nodes"]
                ]
    panel.evaluate("panel => panel.style.width = ''")
    change_theme(page, "JupyterLab Light")
    return violations


def test_a_rollout_is_reviewed_applied_retried_and_saved(lab, page):
    (lab.folder / "rollout").mkdir()
    shutil.copy(FOLDER / "rollout.ipynb", lab.folder / NOTEBOOK)
    lab.open_notebook(page, NOTEBOOK)
    for _ in range(CELLS_UNTIL_PANEL):
        run_lab_command(page, "notebook:run-cell-and-select-next")
    panel = page.get_by_role("region", name="Panel of rolling_out/desired_state.toml")
    expect(panel.get_by_text("12 environments · 10 of 12 alike")).to_be_visible()
    assert len(list_rows(panel)) == 12

    # review the plans
    panel.get_by_label("Filter by name").fill("TOKYO")
    expect(panel.get_by_text("1 of 12", exact=True)).to_be_visible()
    panel.get_by_role("button", name="prod-tokyo").click()
    expect(panel.get_by_text("embedded · 111111111110 · ap-northeast-1").first).to_be_visible()
    panel.get_by_label("Filter by name").fill("")
    panel.get_by_role("button", name="Apply …").click()
    expect(panel.get_by_text("Send 100 calls to 12 environments: 62 to create?")).to_be_visible()
    violations = check_accessibility(page, panel, "confirming")

    # apply them; one environment is rejected
    panel.get_by_role("button", name="Apply", exact=True).click()
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    expect(panel.get_by_role("row", name="staging 6 to create")).to_contain_text("applied")
    take_screenshot(panel, "rollout-applying")
    expect(panel.get_by_role("alert")).to_contain_text("12 environments: 11 applied, 1 rejected")
    panel.get_by_label("Status").select_option("problems")
    (row,) = list_rows(panel)
    assert row.startswith("▾ prod-tokyo things.pump-2: already exists")
    panel.get_by_label("Status").select_option("")
    violations |= check_accessibility(page, panel, "unfinished")

    # delete the cause, and retry
    execute(page, 'console.delete_thing(thingName="pump-2")')
    panel.get_by_role("button", name="Retry what failed").click()
    expect(panel.get_by_role("alert")).to_contain_text("Apply complete: 1 environment: 1 applied")
    assert [row.split()[-1] for row in list_rows(panel)] == ["applied"] * 12
    take_screenshot(panel, "rollout-done")

    # save the notebook, and lose the kernel
    run_lab_command(page, "docmanager:save")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    saved = nbformat.read(lab.folder / NOTEBOOK, nbformat.NO_CONVERT)
    record, _widget = saved.cells[CELLS_UNTIL_PANEL - 1].outputs[-2:]
    assert "Apply incomplete: 12 environments: 11 applied, 1 rejected" in record.data["text/plain"]
    assert "Apply complete: 1 environment: 1 applied" in record.data["text/plain"]
    restart_kernel(page, panel)
    assert violations == {}
