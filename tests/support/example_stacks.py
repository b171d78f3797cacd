"""The stacks of the page "Start from an example", as files and as desired states."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.model.settings import ChangeLimits, DesiredState
from tests.docs.checkout import ROOT
from tests.support.pki import Authority
from tests.support.registry_client import TARGET

PAGE = ROOT / "docs" / "how_to" / "example_stacks.md"
_FILE = re.compile(
    r"^```(?P<language>toml|text)\n(?P<comment># (?P<name>\w+\.\w+)\n)(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
FILES = {match["name"]: match["text"] for match in _FILE.finditer(PAGE.read_text("utf-8"))}
STACKS = tuple(name.removesuffix(".toml") for name in FILES if name.endswith(".toml"))
AUTHORITY = Authority("Makers")


def write_files(folder: Path) -> Path:
    """Write all files of the page, and those that its commands create, and return the folder."""
    for name in ("keys", "pki"):
        (folder / name).mkdir()
    public_key = rsa.generate_private_key(65537, 2048).public_key()
    token_key = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    (folder / "pki/token-key.pub").write_text(token_key)
    (folder / "pki/development-ca.pem").write_text(AUTHORITY.pem)
    (folder / "pki/development-ca.key").write_text(AUTHORITY.key_pem)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def load_stack(folder: Path, stack: str) -> DesiredState:
    """Return the desired state of a stack, without limits."""
    path = folder / f"{stack}.toml"
    desired = load(path, constraints=ServiceModelConstraints(), environ={}, find_target=lambda _: TARGET)
    limits = ChangeLimits(delete_percent=100, replace_percent=100)
    return evolve(desired, settings=evolve(desired.settings, limits=limits))
