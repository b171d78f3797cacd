"""Take the README's picture of the panel during an apply: `python -m tests.notebook.panel_picture`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.docs.checkout import copy_checkout
from tests.docs.generate import PICTURES
from tests.docs.pictures import edit_desired_state
from tests.support.jupyter_lab import Lab, execute, launch_browser, run_lab_command

CELL = """
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

result = Workspace().apply(Workspace().plan())
Path("desired_state.toml").write_text({edited!r})
GatedWorkspace().panel()
"""


def main() -> None:
    """Take a picture of a plan with every action except forget, one expanded row and three applied steps."""
    with tempfile.TemporaryDirectory() as scratch, launch_browser() as chrome:
        folder = copy_checkout(Path(scratch) / "greenhouse")
        edited = edit_desired_state((folder / "desired_state.toml").read_text(encoding="utf-8"))
        lab = Lab(folder, state_folder=Path(scratch) / "lab").start()
        try:
            lab.write_notebook("panel.ipynb", [CELL.format(edited=edited)])
            page = chrome.new_page(viewport={"width": 1180, "height": 1000}, device_scale_factor=2)
            lab.open_notebook(page, "panel.ipynb")
            run_lab_command(page, "application:toggle-left-area")
            run_lab_command(page, "notebook:run-all-cells")
            panel = page.get_by_role("region", name="Panel of greenhouse")
            panel.get_by_role("button", name="Apply …").click()
            panel.get_by_label("to continue").fill("greenhouse")
            panel.get_by_role("button", name="Apply", exact=True).click()
            execute(page, "gate.release(3)")
            expect(panel.locator(".progress")).to_contain_text("3 applied")
            panel.get_by_text("things.pump-1", exact=True).last.click()
            expect(panel.locator(".unfolded .lines").first).to_be_visible()
            page.mouse.move(0, 0)
            panel.screenshot(path=PICTURES / "panel.png")
            execute(page, "gate.release(100)")  # more than the steps that are left
        finally:
            lab.stop()
    sys.stdout.write(f"wrote {PICTURES / 'panel.png'}\n")


if __name__ == "__main__":
    main()
