"""Terraform as a client and a peer, where it and its AWS provider are on this machine; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

PROVIDER = "registry.terraform.io/hashicorp/aws"
# Terraform's own implied mirror folders, and where packagers put them.
_PLACES = (
    "~/.terraform.d/plugins",
    "~/.terraform.d/plugin-cache",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/*",
    "/var/lib/*",
)
HEAD = """\
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}
provider "aws" {{
  region                      = "eu-west-1"
  access_key                  = "{account}"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  endpoints {{
    iot = "{url}"
  }}
}}
"""


@frozen
class Terraform:
    """The binary, and the folder of its providers."""

    binary: str
    mirror: Path

    def run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binary, *words], cwd=folder, env=environment(), capture_output=True, text=True, check=False
        )

    def prepare(self, folder: Path, url: str, config: str, account: str = "test") -> None:
        """Write the configuration, with the provider pointed to the URL, and initialise the folder."""
        (folder / "main.tf").write_text(HEAD.format(url=url, account=account) + config)
        done = self.run(folder, "init", "-no-color", f"-plugin-dir={self.mirror}")
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)


def environment() -> Mapping[str, str]:
    """The process's, without what would point Terraform elsewhere, or have it ask the network for news."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    return {**kept, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}


def find() -> Terraform | str:
    """Terraform with its provider, or why there is none."""
    binary = shutil.which("terraform")
    if binary is None:
        return "terraform is not on PATH"
    for folder in _folders(Path(binary).resolve()):
        if any((folder / PROVIDER).glob("*/*/terraform-provider-aws_*")):
            return Terraform(binary, folder)
    return "no folder has Terraform's AWS provider; TF_PLUGIN_DIR names one"


def _folders(binary: Path) -> Iterator[Path]:
    for name in ("TF_PLUGIN_DIR", "TF_PLUGIN_CACHE_DIR"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    yield from (binary.parent, binary.parent / "plugins", binary.parent / "terraform-plugins")
    for place in _PLACES:
        root, _, star = place.partition("/*")
        folder = Path(root).expanduser()
        if not folder.is_dir():
            continue
        yield from sorted(folder.iterdir()) if star == "" and place.endswith("/*") else (folder,)
