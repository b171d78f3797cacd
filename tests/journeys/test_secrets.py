"""Setup codes and private keys are used, and told to nobody."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.journeys.fleet import SMALL, factory
from tests.journeys.folder import Folder
from tests.pki import key_pem_of

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
