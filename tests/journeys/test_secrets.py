"""Setup codes and private keys are used, and told to nobody."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.pki import key_pem_of
from tests.support.project_folder import Folder
from tests.support.small_fleet import SMALL, factory

CODE = "90718281828459045235360287"
"""A setup code that the registry takes."""


@pytest.fixture
def secret(folder) -> Folder:
    folder.environ["SETUP_CODE_1"] = CODE
    return folder.write(SMALL)


def lines_of(key: str) -> list[str]:
    """What of a key in PEM nobody may see: its lines, and its whole in one line."""
    body = key.splitlines()[1:-1]
    return [*body, "".join(body)]


def leaks(text: str | bytes, *more: str) -> list[str]:
    """The canaries that the text tells."""
    whole = text if isinstance(text, bytes) else text.encode()
    return [found for found in (CODE, *lines_of(factory().key_pem), *more) if found.encode() in whole]


def told(folder: Folder, *words: str) -> str:
    ended = folder.run(*words)
    return f"{ended.out}\n{ended.err}"


def test_no_command_tells_a_secret_on_its_way(secret):
    said = {
        " ".join(words): told(secret, *words)
        for words in (
            ("--debug", "plan", "--calls"),
            ("--debug", "apply", "--yes"),
            ("show", "managed_things.pump-1"),
            ("show", "ca_certificates.factory"),
            ("graph", "--format", "dot"),
            ("plan", "--destroy", "--calls"),
        )
    }
    assert {command: leaks(text) for command, text in said.items()} == {command: [] for command in said}
    assert [word for word in said.values() if "refused" in word] == []
    assert "(sensitive)" in said["show managed_things.pump-1"]
    # A new code is a change, told without the old one and without the new.
    secret.environ["SETUP_CODE_1"] = "90314159265358979323846264"
    assert leaks(told(secret, "plan", "--calls"), "90314159265358979323846264") == []


def test_no_file_but_the_ones_that_hold_them_has_a_secret_in_it(secret):
    secret.apply()
    files = [path for path in secret.path.rglob("*") if path.is_file()]
    assert {path.name: leaks(path.read_bytes()) for path in files} == {path.name: [] for path in files}
    assert secret.registry in files


PROVISIONED = """
[workspace]
name = "greenhouse"

[ca_certificates.factory]
pem = { file = "pki/factory.pem" }
verification = { key = { env = "FACTORY_CA_KEY" } }

[provisioned_things.pump-1]
template = { file = "template.json" }
parameters = { Pin = { env = "PIN" }, Pem = { env = "PUMP_PEM" } }
"""
TEMPLATE = {
    "Parameters": {name: {"Type": "String"} for name in ("Pin", "Pem", "AWS::IoT::Certificate::Id")},
    "Resources": {
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {
                "ThingName": {"Ref": "AWS::IoT::Certificate::Id"},
                "AttributePayload": {"code": {"Ref": "Pin"}, "site": "oslo"},
            },
        },
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificatePem": {"Ref": "Pem"}}},
    },
}


@pytest.fixture
def provisioned(folder) -> Folder:
    """A thing with an attribute that a secret fills, and with a name that its certificate gives."""
    (folder.path / "pki").mkdir()
    (folder.path / "pki/factory.pem").write_text(factory().pem)
    (folder.path / "template.json").write_text(json.dumps(TEMPLATE))
    (folder.path / "desired_state.toml").write_text(PROVISIONED)
    folder.environ |= {"PIN": "canary-3141", "PUMP_PEM": factory().device("pump-1", 1)}
    return folder


def test_no_log_tells_what_a_secret_was_before(provisioned):
    """What the registry has is logged as it is answered, before anybody knows that it was a secret once."""
    provisioned.apply()
    assert "canary-3141" in str(provisioned.content())
    provisioned.environ["PIN"] = "another-2718"
    said = [
        told(provisioned, "--debug", *words)
        for words in (("plan", "--calls"), ("drift",), ("apply", "--yes"))
    ]
    assert [leaks(text, "canary-3141", "another-2718") for text in said] == [[], [], []]
    assert ["oslo" in text and "(sensitive)" in text for text in said] == [True] * 3


def test_what_destroys_it_tells_it_no_more_than_what_made_it(provisioned):
    provisioned.apply()
    provisioned.environ["PIN"] = "another-2718"
    said = [
        told(provisioned, "--debug", *words)
        for words in (
            ("plan", "--destroy", "--calls"),
            ("plan", "--destroy", "--format", "json"),
            ("destroy", "--yes"),
        )
    ]
    assert [leaks(text, "canary-3141", "another-2718") for text in said] == [[], [], []]
    assert not any(provisioned.content().values())


def test_a_parameter_that_is_not_set_is_a_warning_even_where_the_template_asks_something_of_it(provisioned):
    del provisioned.environ["PIN"], provisioned.environ["PUMP_PEM"]
    valid, refused = provisioned.run("validate"), provisioned.run("plan")
    assert (valid.code, valid.err) == (
        0,
        """\
warning: desired_state.toml:11  provisioned_things.pump-1.parameters.Pem
    11 | parameters = …
       | ^^^^^^^^^^
    env PUMP_PEM is not set
    expected  a value before it is needed

warning: desired_state.toml:11  provisioned_things.pump-1.parameters.Pin
    11 | parameters = …
       | ^^^^^^^^^^
    env PIN is not set
    expected  a value before it is needed

2 warnings

""",
    )
    assert (refused.code, refused.err.splitlines()[-1]) == (
        1,
        "error: the secret from parameter Pem (env PUMP_PEM) is not set; set it and run the command again",
    )


WIFI = (
    """
[managed_things.hub]
role = "CONTROLLER"
authentication_material = { env = "WIFI_CODE" }
authentication_material_type = "WIFI_SETUP_QR_BAR_CODE"
wi_fi_simple_setup_configuration = { enable_as_provisioner = true, enable_as_provisionee = false, timeout_in_minutes = 5 }
""",
    "SN:canary-2236;UPC:123456789012;",
)


def test_no_log_tells_a_wi_fi_setup_code(folder):
    """Neither as it is sent, nor when another one replaces it, nor when it goes."""
    tables, code = WIFI
    (folder.path / "desired_state.toml").write_text(f'[workspace]\nname = "greenhouse"\n{tables}')
    folder.environ["WIFI_CODE"] = code
    said = [told(folder, "--debug", "apply", "--yes")]
    folder.environ["WIFI_CODE"] = code.replace("2236", "2645")
    said += [told(folder, "--debug", *words, "--yes") for words in (("apply",), ("destroy",))]
    assert ["WiFiSimpleSetupConfiguration" in text for text in said] == [True] * 3
    assert [leaks(text, code, code.replace("2236", "2645")) for text in said] == [[], [], []]


WRONG_KEY = key_pem_of(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize(
    ("old", "new", "environ"),
    [
        ('{ env = "SETUP_CODE_1" }', f'"{CODE}"', {}),
        ('authentication_material = { env = "SETUP_CODE_1" }', f'authentication_materal = "{CODE}"', {}),
        ('{ env = "SETUP_CODE_1" }', f'{{ evn = "{CODE}" }}', {}),
        ('thing = "pump-1"', f'thing = "pump-1"\nbrand = {{ env = "{CODE}" }}', {}),
        ('{ env = "SETUP_CODE_1" }', f'{{ env = "SETUP_CODE_1" }}\nmodel = "{CODE}', {}),
        ("", "", {"SETUP_CODE_1": f"{CODE}\x07é"}),
        ("", "", {"SETUP_CODE_1": CODE * 100}),
        ("", "", {"FACTORY_CA_KEY": WRONG_KEY}),
        ("", "", {"FACTORY_CA_KEY": WRONG_KEY[:-60]}),
        ('{ key = { env = "FACTORY_CA_KEY" } }', f"'''{WRONG_KEY}'''", {}),
        ('{ file = "pki/factory.pem" }', f"'''{WRONG_KEY}'''", {}),
        ('{ file = "pki/factory.pem" }', '{ file = "ca.key" }', {}),
        ('{ file = "pki/factory.pem" }', '{ env = "FACTORY_CA_KEY" }', {}),
    ],
    ids=[
        "a code as text",
        "a code under a misspelt key",
        "a code under a misspelt reference",
        "a code where a text should be",
        "a code in invalid TOML",
        "a code with odd characters",
        "a code that is too long",
        "another key",
        "half a key",
        "a key as text",
        "a key for a certificate",
        "a key's file for a certificate's",
        "a key's variable for a certificate's",
    ],
)
def test_no_mistake_in_the_file_tells_what_was_put_in_the_wrong_place(secret, old, new, environ):
    (secret.path / "ca.key").write_text(WRONG_KEY)
    file = secret.path / "desired_state.toml"
    file.write_text(file.read_text().replace(old, new, 1) if old else file.read_text())
    secret.environ |= environ
    ended = secret.run("--debug", "validate")
    assert (ended.code, ended.err != "") == (1, True)
    assert leaks(ended.out + ended.err, *lines_of(WRONG_KEY)) == []
