"""Properties of environments, variables and names in braces, for any values."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler import Workspace
from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.document import Document
from reconciler.model.environment import EnvironmentChoice
from reconciler.model.resource import Resource
from reconciler.model.settings import DesiredState
from tests.support.examples import examples

_TEXTS = st.lists(
    st.sampled_from(["a", " ", '"', "\\", "'", "{", "}", "${", "{var.other}", "{{var.text}}", "{x}"]),
    max_size=6,
).map("".join)
_NAMES = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
_NAME_IN_BRACES = re.compile(r"\{((?:aws|environment|row|var|workspace)\.[^{}]*)\}")

_TABLES = (
    '[thing_groups."g-{var.name}"]\ndescription = "{var.text}"\nattributes = { "{var.name}" = "{environment.name}" }\n',
    '[things."t-{var.name}"]\nthing_groups = ["g-{var.name}"]\nattributes = { n = "{var.count}", w = "{workspace.name}" }\n',
    '[thing_types.t]\ndescription = "x{var.text}-{var.count}"\n',
    '[policies."p-{var.name}"]\ndocument = { file = "p.json" }\n',
    '[things.only]\nenvironments = ["{environment}"]\n'.replace("{environment}", "e-*"),
    "[things.other]\nenvironments = ['f']\n",
)
_DOCUMENT = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Sid": "{var.name}",
"Resource": "arn:{aws.partition}:iot:{aws.region}:{aws.account}:topic/{var.name}/${iot:Connection.Thing.ThingName}"}]}"""


@examples(6)
@given(name=_NAMES, text=_TEXTS, count=st.integers(0, 9))
def test_a_plan_of_an_environment_equals_that_of_the_file_written_by_hand(
    tmp_path_factory, name, text, count
):
    folder = tmp_path_factory.mktemp("environments")
    registry = {"RECONCILER_REGISTRY": str(folder / "registry.sqlite3")}
    environment = _write(
        folder / "with",
        "[workspace]\nname = 'w'\n[variables]\nname = { type = 'string' }\ntext = 'unused'\ncount = 5\n"
        f"[environments.f]\n[environments.e-1]\naccount = '111111111111'\nregion = 'us-east-1'\n"
        f"variables = {{ name = '{name}', text = {_quote(_double_braces(text))} }}\n" + "".join(_TABLES),
        _DOCUMENT,
    )
    values = {
        "var.name": name,
        "var.text": text,
        "var.count": str(count),
        "environment.name": "e-1",
        "workspace.name": "w",
        "aws.partition": "aws",
        "aws.region": "us-east-1",
        "aws.account": "111111111111",
    }
    by_hand = _write(
        folder / "without",
        "[workspace]\nname = 'w'\naccount = '111111111111'\nregion = 'us-east-1'\n"
        + "".join(
            _fill(re.sub(r"environments = .*\n", "", table), values, in_toml=True) for table in _TABLES[:-1]
        ),
        Document.from_value(json.loads(_fill(_DOCUMENT, values)), None).text,
    )
    plans = [
        Workspace(environment, environment="e-*", variables={"count": count}, environ=registry).plan(),
        Workspace(by_hand, environ=registry).plan(),
    ]
    assert plans[0].digest == plans[1].digest
    assert (plans[0].environment, plans[1].environment) == ("e-1", "")


def _fill(text: str, values: dict[str, str], *, in_toml: bool = False) -> str:
    """Write the values in place of the names; braces of a name in a value are doubled."""

    def replace(match: re.Match[str]) -> str:
        value = _double_braces(values[match[1]])
        return _quote(value)[1:-1] if in_toml else value

    return _NAME_IN_BRACES.sub(replace, text)


def _double_braces(text: str) -> str:
    """Return the text as it is written in the file, so that no name in it is replaced."""
    return _NAME_IN_BRACES.sub(r"{{\1}}", text)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write(folder: Path, text: str, document: str) -> Path:
    folder.mkdir()
    (folder / "p.json").write_text(document)
    (folder / "desired_state.toml").write_text(text)
    return folder / "desired_state.toml"


@examples(6)
@given(seed=st.integers(0, 2**32), file_count=st.integers(1, 3))
def test_the_order_of_tables_and_files_does_not_matter(tmp_path_factory, seed, file_count):
    settings = (
        "[workspace]\nname = 'w-{var.name}'\n",
        "[variables.name]\ntype = 'string'\n",
        "[variables.text]\ndefault = '{environment.name}'\n",
        "[variables.count]\ndefault = 5\n",
        "[environments.f]\nvariables = { name = 'n' }\n",
        "[environments.e-1]\nafter = ['f']\nvariables = { name = 'm' }\n",
    )
    shuffled = random.Random(seed)
    tables = [*settings, *_TABLES]
    shuffled.shuffle(tables)
    files = [tables[number::file_count] for number in range(file_count)]
    states = [
        _load_folder(tmp_path_factory.mktemp("files"), contents)
        for contents in (files, [[*settings, *_TABLES]])
    ]
    assert _list_resources(states[0]) == _list_resources(states[1])
    assert states[0].settings == states[1].settings
    assert states[0].environment
    assert states[1].environment
    assert set(states[0].environment.variables) == set(states[1].environment.variables)
    assert states[0].environment.after == states[1].environment.after == ("f",)


def _load_folder(folder: Path, files: list[list[str]]) -> DesiredState:
    (folder / "p.json").write_text(_DOCUMENT)
    for number, tables in enumerate(files):
        (folder / f"{number}.toml").write_text("".join(tables))
    return load(
        folder,
        constraints=ServiceModelConstraints(),
        environ={},
        choice=EnvironmentChoice("e-1"),
        find_target=lambda settings: Workspace(folder, environ={})._find_target(settings),
    )


def _list_resources(state: DesiredState) -> list[Resource]:
    origin = next(iter(state.resources.values())).origin
    return [replace(resource, origin=origin) for resource in state.resources.values()]
