"""The contenders of the race: how each is prepared, and its command for each phase."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from tests.benchmarks import fleet
from tests.support import terraform

RECONCILER_NAME = "reconciler"
SCRIPT_NAME = "boto3 script"


TERRAFORM_OPTIONS: Mapping[str, Sequence[str]] = {
    "terraform": (),
    "terraform -refresh=false": ("-refresh=false",),
}
"""Terraform's contenders: the options that they add to each command. The second one reads nothing before it plans."""


RECONCILER = (sys.executable, "-c", "from reconciler.cli.main import main; main()")


@frozen
class Contender:
    """A program in the race: its account, and a function that returns its command line for one phase.

    The function's arguments are the folder, the server's URL and the phase.
    """

    name: str
    account: str
    build_command: Callable[[Path, str, str], Sequence[str]]

    @property
    def is_terraform(self) -> bool:
        return self.name in TERRAFORM_OPTIONS


def _build_reconciler_command(_folder: Path, _url: str, phase: str) -> Sequence[str]:
    arguments = {"no-op": ("plan", "--detailed-exitcode"), "destroy": ("destroy", "--yes")}
    return (*RECONCILER, *arguments.get(phase, ("apply", "--yes")))


def _make_script_command_builder(account: str) -> Callable[[Path, str, str], Sequence[str]]:
    return lambda folder, url, phase: (
        *(sys.executable, "-m", "tests.benchmarks.boto3_script"),
        *(str(folder), url, account, phase),
    )


def _make_terraform_command_builder(
    binary: str, options: Sequence[str]
) -> Callable[[Path, str, str], Sequence[str]]:
    arguments = {
        "no-op": ("plan", "-detailed-exitcode"),
        "destroy": ("destroy", "-auto-approve"),
    }
    return lambda _folder, _url, phase: (
        *(binary, *arguments.get(phase, ("apply", "-auto-approve"))),
        *("-no-color", "-input=false", *options),
    )


def find_contenders(excluded: Sequence[str] = ()) -> Iterator[Contender]:
    """Yield the contenders that are not excluded by name; Terraform only if it is installed."""
    terraform_names = [name for name in TERRAFORM_OPTIONS if name not in excluded]
    tool = terraform.find_terraform() if terraform_names else ""
    if isinstance(tool, terraform.Terraform):
        for number, name in enumerate(terraform_names, 3):
            build_command = _make_terraform_command_builder(tool.binary, TERRAFORM_OPTIONS[name])
            yield Contender(name, f"{number:012}", build_command)
    elif terraform_names:
        sys.stderr.write(f"terraform: skipped: {tool}\n")
    if SCRIPT_NAME not in excluded:
        yield Contender(SCRIPT_NAME, "000000000002", _make_script_command_builder("000000000002"))
    if RECONCILER_NAME not in excluded:
        yield Contender(RECONCILER_NAME, "000000000001", _build_reconciler_command)


def prepare_folder(root: Path, url: str, contender: Contender) -> Path:
    """Copy the folder `root/fleet` for a contender and return the copy.

    Add the files that name the server's URL; for Terraform, also run `terraform init`.
    """
    folder = root / contender.account
    shutil.copytree(root / "fleet", folder)
    fleet.write_desired_state(folder, url)
    if contender.is_terraform:
        tool = terraform.find_terraform()
        assert isinstance(tool, terraform.Terraform)
        provider = fleet.TERRAFORM_PROVIDER.format(url=url, account=contender.account)
        tool.prepare(folder, provider + fleet.TERRAFORM)
    return folder
