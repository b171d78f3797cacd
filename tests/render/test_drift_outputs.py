"""Drift names missing files and secrets, and counts unmanaged resources by origin."""

from __future__ import annotations

import pytest

from reconciler.engine.plan.drift import Drift, DriftedField, DriftedResource
from reconciler.kinds.shared.certificate_spec import PrivateKey
from reconciler.model.address import Address
from reconciler.model.output_file import KeyFile, OutputFile
from reconciler.model.plan import UnmanagedResources
from reconciler.model.secret import KeySecret
from reconciler.render.html.page import render_html_page
from reconciler.render.markdown import render_drift_markdown
from reconciler.render.text.drift import render_drift_text
from reconciler.render.views.drift import build_drift_view
from tests.support.sample_plans import TARGET


def render_text(drift):
    return "\n".join(line.plain for line in render_drift_text(build_drift_view(drift), 100))


def make_drift(*items, **facts):
    return Drift("greenhouse", TARGET, "0" * 64, items, 8, **facts)


@pytest.mark.parametrize(
    ("path", "desired", "expected"),
    [
        ("private_key", PrivateKey(KeyFile("keys/a.pem", "/x/keys/a.pem")), "keys/a.pem does not exist"),
        ("private_key", PrivateKey(None, KeySecret("iot/a")), "the secret iot/a does not exist"),
        ("save_to", OutputFile("a.pem", "/x/a.pem"), "a.pem does not exist"),
        ("private_key", PrivateKey(KeyFile("a.pem", "/x/a.pem", exists=True)), "{ save_to = a.pem }"),
        ("private_key", PrivateKey(None, KeySecret("iot/a", exists=True)), "{ secretsmanager = iot/a }"),
    ],
)
def test_drift_names_only_files_and_secrets_that_do_not_exist(path, desired, expected):
    field = DriftedField(path, desired, None)
    drift = make_drift(DriftedResource("changed", Address("certificates", "a"), (field,), "f.toml:1"))
    (line,) = (line.strip() for line in render_text(drift).split("\n") if line.startswith(" " * 13))
    assert line == f"- {path}  {expected}"


def test_every_format_counts_unmanaged_resources_by_whether_they_are_in_the_file():
    item = DriftedResource("unmanaged", Address("things", "a"), (), "f.toml:1")
    others = (UnmanagedResources(tables=("things",), ids=("b", "c"), is_complete=True),)
    drift = make_drift(item, unmanaged=others)
    assert render_text(drift).split("\n")[-1] == (
        "Drift: ? 1 in the file but not managed; 8 resources match the file, 2 neither in the file nor managed"
    )
    view = build_drift_view(drift)
    for output in (render_drift_markdown(view), "".join(render_html_page(view))):
        assert "1 in the file but not managed" in output
        assert "8 resources match the file, 2 neither in the file nor managed" in output
