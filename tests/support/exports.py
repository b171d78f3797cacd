"""Exports of a registry, and the desired states of exported files."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.export.export import Export, export_tables, read_inventory, select_matching
from reconciler.engine.export.files import build_pem_writer
from reconciler.engine.export.toml_writer import render_tables, render_workspace_table
from reconciler.engine.load.load import load
from reconciler.kinds import all_kinds
from reconciler.model.settings import DesiredState
from tests.support.desired_states import make_state
from tests.support.json_schema_validation import assert_schema_accepts
from tests.support.registry_client import Cloud


def export_registry(
    cloud: Cloud,
    workspace: str = "ws",
    patterns: Collection[str] = (),
    pem_dir: Path | None = None,
    base: Path = Path(),
) -> Export:
    """Return the export of the resources that match `patterns` (default: all but account settings).

    The workspace's file declares nothing. With `pem_dir`, certificates are written to files in that folder.
    """
    inventory = select_matching(read_inventory(make_state(workspace=workspace), cloud.call), patterns)
    if not patterns:
        # `Cloud` turns fleet indexing on, which no workspace owns.
        inventory = {
            address: live for address, live in inventory.items() if not all_kinds()[address.kind].only_name
        }
    return export_tables(workspace, inventory, build_pem_writer(pem_dir, base))


def load_export(export: Export, workspace: str = "ws") -> DesiredState:
    """Write an export to a file, and return the desired state of that file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desired_state.toml"
        path.write_text(
            render_workspace_table({"name": workspace}) + "\n" + render_tables(export.tables), "utf-8"
        )
        assert_schema_accepts(path)
        return load(path, constraints=ServiceModelConstraints(), environ={})
