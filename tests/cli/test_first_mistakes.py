"""A newcomer's first mistakes: each message has what happened, where, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import field, frozen

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.errors import InvalidDesiredStateError
from tests.support.pki import Authority

AUTHORITY = Authority("alpha")
KEY, PEM = AUTHORITY.key_pem, AUTHORITY.get_device_pem("a")


@frozen
class Mistake:
    """A file with one mistake, and its error: the place, what is wrong there, and what is expected."""

    name: str
    text: str
    error: str
    other_files: Mapping[str, str] = field(factory=dict)


FILE_MISTAKES = (
    Mistake(
        "an empty file",
        "",
        "desired_state.toml:1: error: the [workspace] table is missing; expected a [workspace] with a name",
        {},
    ),
    Mistake(
        "a workspace without a name",
        "[workspace]\n",
        "desired_state.toml:1: error: workspace.name: required key is missing; expected a string",
        {},
    ),
    Mistake(
        "a workspace name with spaces",
        '[workspace]\nname = "My Fleet!"\n',
        "desired_state.toml:2: error: workspace.name: the workspace's thing group would be named 'reconciler-My Fleet!', which AWS does not accept; expected a match of [a-zA-Z0-9:_-]+",
        {},
    ),
    Mistake(
        "a text without quotes",
        "[workspace]\nname = demo\n",
        "desired_state.toml:2: error: not valid TOML: invalid value; expected a text in quotes, a number, true, false, [an array] or { a table }",
        {},
    ),
    Mistake(
        "a target without a scheme",
        '[workspace]\nname = "demo"\ntarget = "localhost:4577"\n',
        "desired_state.toml:3: error: workspace.target: 'localhost:4577' is not a valid target; expected one of 'embedded', 'aws' or a URL such as \"http://127.0.0.1:4566\"",
        {},
    ),
    Mistake(
        "a kind in the singular",
        '[workspace]\nname = "demo"\n[thing.a]\n',
        "desired_state.toml:3: error: thing: unknown table; did you mean 'things'?",
        {},
    ),
    Mistake(
        "a table twice",
        '[workspace]\nname = "demo"\n[things.a]\n[things.a]\n',
        "desired_state.toml:4: error: things.a is already declared at desired_state.toml:3; remove one of the two",
        {},
    ),
    Mistake(
        "a name with a space",
        '[workspace]\nname = "demo"\n[things."pump 1"]\n',
        "desired_state.toml:3: error: things.pump 1: the name: 'pump 1' is not accepted by AWS; expected a match of [a-zA-Z0-9:_-]+",
        {},
    ),
    Mistake(
        "a number as an attribute",
        '[workspace]\nname = "demo"\n[things.a]\nattributes = { floor = 3 }\n',
        "desired_state.toml:4: error: things.a.attributes.floor: got the integer 3; expected a string",
        {},
    ),
    Mistake(
        "four attributes without a type",
        '[workspace]\nname = "demo"\n[things.a]\nattributes = { a = "1", b = "2", c = "3", d = "4" }\n',
        "desired_state.toml:4: error: things.a.attributes: 4 attributes on a thing without a type; expected at most 3, or a thing_type",
        {},
    ),
    Mistake(
        "a misspelled reference",
        '[workspace]\nname = "demo"\n[things.a]\nthing_type = "pmup"\n[thing_types.pump]\n',
        "desired_state.toml:4: error: things.a.thing_type: thing_types.pmup is not declared in this file; expected a name in [thing_types.*], or { id = \"…\" } for a resource outside this file; did you mean 'pump'?",
        {},
    ),
    Mistake(
        "a text in place of a list",
        '[workspace]\nname = "demo"\n[thing_groups.g]\npolicies = "p"\n',
        'desired_state.toml:4: error: thing_groups.g.policies: got the string \'p\'; expected an array, each item a name in this file, { id = "…" } or { arn = "…" }; did you mean \'["p"]\'?',
        {},
    ),
    Mistake(
        "a key of Terraform",
        '[workspace]\nname = "demo"\n[things.a]\nthing_type_name = "pump"\n',
        "desired_state.toml:4: error: things.a.thing_type_name: unknown key; did you mean 'thing_type'?",
        {},
    ),
    Mistake(
        "a misspelled key",
        '[workspace]\nname = "demo"\n[things.a]\natributes = { a = "1" }\n',
        "desired_state.toml:4: error: things.a.atributes: unknown key; did you mean 'attributes'?",
        {},
    ),
    Mistake(
        "a file that does not exist",
        '[workspace]\nname = "demo"\n[certificates.a]\npem = { file = "pki/a.pem" }\n',
        "desired_state.toml:4: error: certificates.a.pem: there is no file 'pki/a.pem'; expected the path of an existing file, from the folder of the file that refers to it",
        {},
    ),
    Mistake(
        "a path in place of a PEM",
        '[workspace]\nname = "demo"\n[certificates.a]\npem = "pki/a.pem"\n',
        'desired_state.toml:4: error: certificates.a.pem: no PEM certificate found; expected a certificate in PEM, as text or { file = "path" }; did you mean \'{ file = "pki/a.pem" }\'?',
        {},
    ),
    Mistake(
        "a private key in place of a certificate",
        '[workspace]\nname = "demo"\n[certificates.a]\npem = { file = "a.key" }\n',
        "desired_state.toml:4: error: certificates.a.pem: 'a.key': no PEM certificate found: this is a private key, not a certificate; expected one -----BEGIN CERTIFICATE----- block",
        {"a.key": KEY},
    ),
    Mistake(
        "a file outside the folder",
        '[workspace]\nname = "demo"\n[certificates.a]\npem = { file = "../a.pem" }\n',
        "desired_state.toml:4: error: certificates.a.pem: '../a.pem' is outside the folder of the file that refers to it; expected a file in that folder",
        {},
    ),
    Mistake(
        "a certificate that is active",
        '[workspace]\nname = "demo"\n[certificates.a]\npem = { file = "a.pem" }\nactive = true\n',
        'desired_state.toml:5: error: certificates.a.active: unknown key; expected status = "ACTIVE"',
        {"a.pem": PEM},
    ),
    Mistake(
        "a secret in the file",
        '[workspace]\nname = "demo"\n[managed_things.a]\nrole = "DEVICE"\nauthentication_material = "1234"\nauthentication_material_type = "ZWAVE_QR_BAR_CODE"\n',
        'desired_state.toml:5: error: managed_things.a.authentication_material: a secret cannot be written into the file; expected { env = "NAME" }, { file = "path" }, { ssm = "/name" } or { secretsmanager = "name" }',
        {},
    ),
    Mistake(
        "a path in place of a policy",
        '[workspace]\nname = "demo"\n[policies.p]\ndocument = "./policy.json"\n',
        'desired_state.toml:4: error: policies.p.document: not JSON: Expecting value: line 1 column 1 (char 0); expected a JSON object: { file = "path" }, text, or a table; did you mean \'{ file = "./policy.json" }\'?',
        {},
    ),
    Mistake(
        "semicolons in a CSV file",
        '[workspace]\nname = "demo"\n[things."{Name}"]\nfor_each = { file = "d.csv" }\n',
        "desired_state.toml:4: error: things.{Name}.for_each: d.csv:1: the columns are separated by semicolons; expected commas (RFC 4180)",
        {"d.csv": "Name;Site\na;b\n"},
    ),
    Mistake(
        "a column in another case",
        '[workspace]\nname = "demo"\n[things."{serial}"]\nfor_each = { file = "d.csv" }\n',
        "desired_state.toml:3: error: things.{serial}: unknown column 'serial'; did you mean 'Serial'?",
        {"d.csv": "Serial,Site\na,b\n"},
    ),
)

COMMAND_MISTAKES = (  # the command line, and its error without "error: "
    (["plna"], "there is no command 'plna'; did you mean 'plan'?\nrun `reconciler --help` for usage"),
    (
        ["plan"],
        "desired_state.toml: no such file; create one with `reconciler init`, or name another with -f",
    ),
    (["history", "abc"], "no run has been recorded yet; `reconciler apply` records the first"),
    (
        ["apply", "plan.json"],
        "plan.json: no such file; `reconciler plan --out FILE` writes a plan\nrun `reconciler apply --help` for usage",
    ),
)


@pytest.mark.parametrize("mistake", FILE_MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_in_the_file_is_reported_with_its_place_and_the_next_step(tmp_path, mistake):
    for name, content in {"desired_state.toml": mistake.text, **mistake.other_files}.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(tmp_path / "desired_state.toml", constraints=ServiceModelConstraints(), environ={})
    errors = [diagnostic for diagnostic in caught.value.diagnostics if diagnostic.severity == "error"]
    assert [str(error).replace(f"{tmp_path}/", "") for error in errors] == [mistake.error]
    assert errors[0].expected or errors[0].nearest or "; remove one of the two" in mistake.error


@pytest.mark.parametrize(("words", "message"), COMMAND_MISTAKES)
def test_a_mistake_on_the_command_line_is_reported_with_the_next_step(run, words, message):
    assert run(*words) == (1, "", f"error: {message}\n")


def test_the_two_tables_have_27_mistakes():
    assert len(FILE_MISTAKES) + len(COMMAND_MISTAKES) == 27
