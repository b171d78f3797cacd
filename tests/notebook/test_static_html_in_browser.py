"""A notebook as nbconvert's HTML, in a browser: wide and narrow, light and dark."""

from __future__ import annotations

import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbconvert import HTMLExporter

from reconciler import Workspace
from tests.notebook.test_panel_in_browser import SCREENSHOTS, WIDTHS

pytestmark = pytest.mark.xdist_group("browser")

MIN_VALUE_WIDTH = 70
"""The least pixels of a cell with a long value, in which ten letters are visible."""
FIND_NARROW_CELLS = """min => [...document.querySelectorAll('.reconciler td')]
    .filter(cell => cell.innerText.trim().length > 12 && cell.getBoundingClientRect().width < min)
    .map(cell => [cell.innerText, cell.getBoundingClientRect().width])"""


@pytest.fixture
def exported_folder(run_in_starter, tmp_path):
    """Export a notebook with values of every type, all of them unfolded, and return its folder."""
    workspace = Workspace()
    plan = workspace.plan()
    values = (plan, plan.graph, workspace.apply(plan), workspace.show("things.pump-1"), workspace.last_run())
    outputs = [
        nbformat.v4.new_output("display_data", data=dict(value._repr_mimebundle_())) for value in values
    ]
    cells = [nbformat.v4.new_code_cell("value", outputs=[output]) for output in outputs]
    for theme in ("light", "dark"):
        html, _ = HTMLExporter(theme=theme).from_notebook_node(nbformat.v4.new_notebook(cells=cells))
        without_scripts = re.sub(
            r"<script\b.*?</script>", "", html, flags=re.DOTALL
        )  # they are on other servers
        unfolded = without_scripts.replace("<details", "<details open")
        (tmp_path / f"{theme}.html").write_text(unfolded, encoding="utf-8")
    return tmp_path


def test_an_exported_notebook_fits_every_width_and_its_values_stay_readable(chrome, exported_folder):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    violations = {}
    for scheme, name in (("light", "wide"), ("light", "narrow"), ("dark", "narrow")):
        width = WIDTHS[name]
        page = chrome.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto((exported_folder / f"{scheme}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(FIND_NARROW_CELLS, MIN_VALUE_WIDTH) == []
        image = page.get_by_role("img", name="Dependency graph of greenhouse")
        fitted_width = image.bounding_box()["width"]
        assert fitted_width < width
        page.screenshot(path=SCREENSHOTS / f"exported-{scheme}-{name}.png", full_page=True)
        result = Axe().run(page, context=".reconciler")
        violations |= {
            (scheme, name, violation["id"]): [node["html"] for node in violation["nodes"]]
            for violation in result.response["violations"]
        }
        page.get_by_label("Full size").check()
        assert image.bounding_box()["width"] > fitted_width
        page.close()
    assert violations == {}
