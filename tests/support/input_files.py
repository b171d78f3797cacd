"""A folder of certificates, keys and other files that desired states in tests refer to."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from tests.support.pki import Authority

TOO_LARGE_BYTES = 2**20 + 1


def create_input_files(folder: Path) -> None:
    """Create the folder with valid and invalid input files, symbolic links and a named pipe."""
    folder.mkdir(parents=True)
    factory, other, third = Authority("Factory CA"), Authority("Other CA"), Authority("Third CA")
    for name, text in {
        "factory.pem": factory.pem,
        "factory.key.pem": factory.key_pem,
        "other.pem": other.pem,
        "other.key.pem": other.key_pem,
        "third.pem": third.pem,
        "pump-1.pem": factory.get_device_pem("pump-1"),
        "pump-2.pem": factory.get_device_pem("pump-2"),
        "expired.pem": factory.get_device_pem("expired", days=-1),
        "stranger.pem": other.get_device_pem("stranger"),  # not signed by the CA in factory.pem
        "chain.pem": factory.get_device_pem("pump-1") + factory.pem,
        "garbage.pem": _to_pem(b"not a certificate"),
        "note.txt": "Remember to water the plants!\n",
        "qr.txt": "900151714358810\n",
        "empty.txt": "\n",
        "large.pem": "-" * TOO_LARGE_BYTES,  # one byte more than an input file may have
    }.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "latin-1.txt").write_bytes("große".encode("latin-1"))
    (folder / "link.pem").symlink_to("/etc/hostname")
    (folder / "loop.pem").symlink_to("loop.pem")
    os.mkfifo(folder / "pipe")


def _to_pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"
