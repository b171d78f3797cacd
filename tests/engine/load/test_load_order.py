"""The order of tables, and their distribution over files, do not change the loaded resources."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.load.test_load import load, load_text, write_files
from tests.support.examples import examples
from tests.support.input_files import create_input_files

_TABLES = (
    '[workspace]\nname = "greenhouse"\n',
    '[ca_certificates.factory]\npem.file = "pki/factory.pem"\ncertificate_mode = "SNI_ONLY"\n',
    '[certificates.pump-1]\npem.file = "pki/pump-1.pem"\nca = "factory"\n',
    '[certificates.pump-2]\npem = { file = "pki/pump-2.pem" }\nca = "factory"\n',
    "[thing_groups.hall]\n",
    '[things.pump-1]\ncertificates = ["pump-1"]\nthing_groups = ["hall"]\n',
    '[things.pump-2]\ncertificates = ["pump-2"]\n',
    '[things.pump-2.attributes]\nsite = "oslo"\n',
    '[things.pump-3]\ndepends_on = ["things.pump-1", "things.pump-2"]\n',
)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    create_input_files(folder / "pki")
    return folder


class TestOrder:
    @examples(30)
    @given(tables=st.permutations(_TABLES))
    def test_the_order_of_tables_does_not_matter(self, shared_folder, tables):
        state_in_order = load_text(shared_folder, "\n".join(_TABLES))
        shuffled_state = load_text(shared_folder, "\n".join(tables))
        assert list(shuffled_state.resources.items()) == list(state_in_order.resources.items())

    @examples(30)
    @given(file_numbers=st.lists(st.integers(0, 2), min_size=len(_TABLES), max_size=len(_TABLES)))
    def test_the_distribution_of_tables_over_files_does_not_matter(self, shared_folder, file_numbers):
        state_in_order = load_text(shared_folder, "\n".join(_TABLES))
        # [things.pump-2] and [things.pump-2.attributes] are one declaration, so they stay in one file.
        file_numbers[7] = file_numbers[6]
        texts = {f"{name}.toml": "" for name in "abc"}
        for table, number in zip(_TABLES, file_numbers, strict=True):
            texts[f"{'abc'[number]}.toml"] += table
        (shared_folder / "desired_state.toml").unlink()
        write_files(shared_folder, texts)
        assert list(load(shared_folder, environ={}).resources.items()) == list(
            state_in_order.resources.items()
        )
        for name in texts:
            (shared_folder / name).unlink()
