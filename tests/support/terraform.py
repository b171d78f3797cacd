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
REQUIRED_PROVIDERS = """\
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
"""

FEWER_GARBAGE_COLLECTIONS = {"GOGC": "400"}
"""An environment variable for Go's runtime: a third less processor time, but twice the memory."""


@frozen
class Terraform:
    """Terraform's binary, and the folder (`mirror`) from which it installs its AWS provider."""

    binary: str
    mirror: Path

    def run(
        self, folder: Path, *arguments: str, provider_settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Terraform in a folder, with these environment variables; the caller must check the exit code."""
        return subprocess.run(
            [self.binary, *arguments],
            cwd=folder,
            env={**build_environment(), **FEWER_GARBAGE_COLLECTIONS, **(provider_settings or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def prepare(self, folder: Path, config: str) -> None:
        """Write `config` to the folder and run `terraform init`; raises RuntimeError if that fails."""
        (folder / "main.tf").write_text(REQUIRED_PROVIDERS + config)
        init = self.run(folder, "init", "-no-color", f"-plugin-dir={self.mirror}")
        if init.returncode:
            raise RuntimeError(init.stdout + init.stderr)


def build_provider_settings(url: str, account: str = "test") -> Mapping[str, str]:
    """Return the environment variables that make the AWS provider call the registry at `url`.

    A configuration without a `provider` block takes about a third of the processor time: the provider otherwise checks the
    schemas of all its resources, up to three times per command.
    """
    return {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


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
