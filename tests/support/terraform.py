"""Terraform and its AWS provider, if they are installed on this machine; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

PROVIDER = "registry.terraform.io/hashicorp/aws"
# The folders in which Terraform itself looks for providers, and the folders in which packages install providers.
_MIRROR_FOLDERS = (
    "~/.terraform.d/plugins",
    "~/.terraform.d/plugin-cache",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/*",
    "/var/lib/*",
)
CONFIGURATION = """\
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

FEWER_GARBAGE_COLLECTIONS = {"GOGC": "400"}
"""An environment variable for Go's runtime: a third less processor time, but twice the memory."""


@frozen
class Terraform:
    """Terraform's binary, and the folder (`mirror`) from which it installs its AWS provider."""

    binary: str
    mirror: Path

    def run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform in a folder; the caller must check the exit code."""
        return subprocess.run(
            [self.binary, *arguments],
            cwd=folder,
            env={**build_environment(), **FEWER_GARBAGE_COLLECTIONS},
            capture_output=True,
            text=True,
            check=False,
        )

    def prepare(self, folder: Path, url: str, config: str, account: str = "test") -> None:
        """Write `config` to the folder and run `terraform init`.

        Settings that make the provider call the registry at `url` are written too.

        Raises RuntimeError if `terraform init` fails.
        """
        (folder / "main.tf").write_text(CONFIGURATION.format(url=url, account=account) + config)
        init = self.run(folder, "init", "-no-color", f"-plugin-dir={self.mirror}")
        if init.returncode:
            raise RuntimeError(init.stdout + init.stderr)


def build_environment() -> Mapping[str, str]:
    """Return the environment without settings of AWS and Terraform, and without Terraform's update check."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    return {**inherited, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}


def find_terraform() -> Terraform | str:
    """Return Terraform with its provider, or the reason why it cannot be used."""
    binary = shutil.which("terraform")
    if binary is None:
        return "terraform is not on PATH"
    for folder in _candidate_folders(Path(binary).resolve()):
        if any((folder / PROVIDER).glob("*/*/terraform-provider-aws_*")):
            return Terraform(binary, folder)
    return f"Terraform's AWS provider was not found; set TF_PLUGIN_DIR to the folder that contains {PROVIDER}"


def _candidate_folders(binary: Path) -> Iterator[Path]:
    """Yield the folders that may have Terraform's providers."""
    for name in ("TF_PLUGIN_DIR", "TF_PLUGIN_CACHE_DIR"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    yield from (binary.parent, binary.parent / "plugins", binary.parent / "terraform-plugins")
    for pattern in _MIRROR_FOLDERS:
        folder = Path(pattern.removesuffix("/*")).expanduser()
        if not folder.is_dir():
            continue
        if pattern.endswith("/*"):
            yield from sorted(folder.iterdir())
        else:
            yield folder
