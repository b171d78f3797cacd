"""`reconciler import`: convert another tool's resources to a desired-state file."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.fleet_files import as_fleet_option, write_fleets
from reconciler.cli.options import UserPath, add_common_options, pem_dir_option
from reconciler.cli.terminal import echo
from reconciler.cli.workspace_names import choose_workspace_name, name_option

if TYPE_CHECKING:
    from reconciler.convert.fields import Variables
    from reconciler.convert.source import Source
    from reconciler.convert.tables import Conversion
    from reconciler.engine.export.export import Table

_Function = TypeVar("_Function", bound=Callable[..., Any])

_OPTIONS = (
    add_common_options(),
    click.option(
        "-o",
        "--out",
        type=UserPath(),
        metavar="FILE",
        help="Write to this file, which must not exist (default: stdout).",
    ),
    name_option,
    click.option(
        "--target",
        default="aws",
        metavar="TARGET",
        help="Target of the workspace: aws, embedded or a URL (default: aws).",
    ),
    click.option(
        "--region",
        metavar="REGION",
        help="Convert only what is in this Region (default: the only one in the file).",
    ),
    pem_dir_option,
    as_fleet_option,
)


def _add_options(function: _Function) -> _Function:
    """Add the options of all conversions, in the order of the help."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _parse_parameters(
    _ctx: click.Context, _parameter: click.Parameter, value: Sequence[str]
) -> Mapping[str, str]:
    """Return the parameters by name."""
    for text in value:
        if "=" not in text:
            raise click.BadParameter(f"{text!r} is not a valid parameter; expected NAME=VALUE")
    return {name: text for name, _, text in (item.partition("=") for item in value)}


@click.group()
def import_() -> None:
    """Convert another tool's resources to a desired state.

    Nothing is sent to AWS.
    """


@import_.command()
@_add_options
@click.option(
    "--removed-blocks",
    type=UserPath(),
    metavar="FILE",
    help="Write `removed` blocks to this new .tf file, in place of `terraform state rm`.",
)
@click.argument("path", metavar="PATH|-")
@click.pass_context
def terraform(ctx: click.Context, /, path: str, removed_blocks: Path | None, **options: Any) -> None:
    """Convert aws_iot_* resources in a Terraform state.

    PATH is a state file (terraform.tfstate, version 4) or the output of `terraform show -json`; - reads stdin.

    Private keys and other secrets in the state are not written. Everything left out is listed on stderr, with the reason, and so are the
    commands that import the resources and remove them from Terraform's state.
    """
    from reconciler.convert.source import name_source, read_source
    from reconciler.convert.terraform_removal import (
        format_state_rm,
        list_removable,
        render_removed_blocks,
    )
    from reconciler.convert.terraform_state import parse_terraform_state

    _check_new(removed_blocks)
    source = parse_terraform_state(read_source(path, sys.stdin.buffer.read), name_source(path))
    conversion = _convert(ctx, source, **options)
    if removed_blocks:
        _write_new(removed_blocks, render_removed_blocks(source.resources, conversion.converted))
        steps = [
            f"add {removed_blocks} to Terraform's configuration, delete the blocks of these resources, and run `terraform apply`"
        ]
    else:
        lines = format_state_rm(list_removable(source.resources, conversion.converted))
        steps = ["\n".join(lines), "delete the blocks of these resources from Terraform's configuration"]
    _print_steps(conversion, options["out"], steps)


@import_.command()
@_add_options
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    callback=_parse_parameters,
    metavar="NAME=VALUE",
    help="Set a parameter of the template (default: its own default, else a variable). Repeatable.",
)
@click.option(
    "--stack-resources",
    metavar="FILE",
    help="Output of `aws cloudformation describe-stack-resources`, for names that the template does not have.",
)
@click.argument("template", metavar="TEMPLATE|-")
@click.pass_context
def cloudformation(
    ctx: click.Context,
    /,
    template: str,
    parameters: Mapping[str, str],
    stack_resources: str | None,
    **options: Any,
) -> None:
    """Convert AWS::IoT::* resources in a CloudFormation template.

    TEMPLATE is a template in JSON or YAML, or the output of `aws cloudformation get-template`; - reads stdin. YAML needs the extra `yaml`.

    A value that only the deployed stack knows becomes a variable. Everything left out is listed on stderr, with the reason, and so are the steps
    that import the resources and remove them from the stack.
    """
    from reconciler.convert.cloudformation_template import (
        parse_stack_resources,
        parse_template,
        read_template_resources,
    )
    from reconciler.convert.fields import Variables
    from reconciler.convert.source import name_source, read_source

    variables = Variables()
    name = name_source(template)
    physical_ids: Mapping[str, str] = {}
    document = parse_template(read_source(template, sys.stdin.buffer.read), name)
    if stack_resources:
        physical_ids = parse_stack_resources(
            read_source(stack_resources, sys.stdin.buffer.read), name_source(stack_resources)
        )
    source = read_template_resources(
        document,
        name,
        parameters=parameters,
        physical_ids=physical_ids,
        variables=variables,
        region=options["region"],
    )
    conversion = _convert(ctx, source, variables=variables, **options)
    steps = [
        "\n".join(
            [
                "set DeletionPolicy: Retain in the template for these resources, and update the stack:",
                *(f"  {logical_id}" for logical_id in conversion.converted),
            ]
        ),
        "delete these resources from the template, and update the stack again",
    ]
    _print_steps(conversion, options["out"], steps)


def _convert(  # noqa: PLR0913 (the options of all conversions)
    ctx: click.Context,
    source: Source,
    *,
    out: Path | None,
    name: str | None,
    target: str,
    region: str | None,
    pem_dir: Path | None,
    as_fleet: bool,
    variables: Variables | None = None,
) -> Conversion:
    """Convert the resources, write the files, and list what is left out."""
    from reconciler.convert.tables import convert_source
    from reconciler.engine.export.files import build_pem_writer
    from reconciler.model.text import escape_invisible
    from reconciler.render.views.labels import pluralize

    _check_new(out)
    if as_fleet and out is None:
        raise click.UsageError(
            "--as-fleet writes CSV files next to the desired state; name it with --out", ctx
        )
    folder = out.parent if out else Path()
    workspace_name = choose_workspace_name(name, folder)
    write_pem = build_pem_writer(pem_dir, folder)
    conversion = convert_source(source, write_pem, region=region, variables=variables)
    if not conversion.tables:
        reasons = [f"{address}: {reason}" for address, reason in conversion.left_out.items()]
        raise click.ClickException("\n".join(["nothing was converted; every resource is left out", *reasons]))
    settings = _choose_settings(conversion, workspace_name, target, region)
    if out is None:
        click.echo(_render_file(settings, conversion, conversion.tables), nl=False)
    else:
        with write_fleets(out, conversion.tables, as_fleet=as_fleet) as tables:
            _write_new(out, _render_file(settings, conversion, tables))
        echo(f"wrote {out}: {pluralize(len(conversion.tables), 'resource')}", stderr=True)
    for line in _describe_left_out(source, conversion):
        echo(escape_invisible(line), stderr=True)
    return conversion


def _check_new(path: Path | None) -> None:
    if path is not None and path.exists():
        raise click.ClickException(
            f"{path}: file already exists and was not overwritten; choose another name"
        )


def _write_new(path: Path, text: str) -> None:
    from reconciler.engine.durable_files import name_file_in_errors

    with name_file_in_errors(path), path.open("x", encoding="utf-8") as file:
        file.write(text)


def _choose_settings(conversion: Conversion, name: str, target: str, region: str | None) -> Mapping[str, str]:
    """Return the table `[workspace]`, with the account and the Region if the resources have only one."""
    accounts = {account for _, account in conversion.places}
    regions = {region} if region else {place for place, _ in conversion.places}
    settings = {"name": name, "target": target}
    if len(accounts) == 1:
        settings["account"] = accounts.pop()
    if len(regions) == 1:
        settings["region"] = regions.pop()
    return settings


def _render_file(settings: Mapping[str, str], conversion: Conversion, tables: Sequence[Table]) -> str:
    """Return the whole file: `[workspace]`, the variables, and the tables."""
    from reconciler.engine.export.tables import Table
    from reconciler.engine.export.toml_writer import render_tables, render_workspace_table
    from reconciler.model.address import Address

    variables = [
        Table(
            Address("variables", name), {"type": conversion.variables.types[name], "description": description}
        )
        for name, description in conversion.variables.descriptions.items()
    ]
    parts = (render_workspace_table(settings), render_tables(variables), render_tables(tables))
    return "\n".join(part for part in parts if part)


def _describe_left_out(source: Source, conversion: Conversion) -> Iterator[str]:
    """Yield a line for each part that was not converted, and for what was assumed."""
    from reconciler.model.text import join_some, quote
    from reconciler.render.views.labels import pluralize

    if source.assumed_parameters:
        values = ", ".join(f"{name} = {quote(value)}" for name, value in source.assumed_parameters.items())
        yield f"used the defaults of parameters: {values}; where the stack has other values, add --parameter NAME=VALUE"
    for address, reason in conversion.left_out.items():
        yield f"left out {address}: {reason}"
    for note, count in Counter(conversion.notes).items():
        yield f"left out of a table: {note}" + (f" ({count:,} times)" if count > 1 else "")
    if source.other_types:
        types = ", ".join(f"{name} ({count:,})" for name, count in source.other_types.items())
        number = pluralize(sum(source.other_types.values()), "resource")
        yield f"left out {number} of other services, which stay in {source.tool}: {types}"
    if conversion.private_keys:
        keys = pluralize(len(conversion.private_keys), "private key")
        yield (
            f"not written: {keys}, of {join_some(conversion.private_keys)}; where the device does not have its key, save it from "
            f"{source.tool} before you remove the resource there"
        )


def _print_steps(conversion: Conversion, out: Path | None, removal_steps: Sequence[str]) -> None:
    """Print the next steps, in order."""
    from reconciler.model.text import escape_invisible

    file = shlex.quote(str(out)) if out else "FILE"
    steps = [
        *(f"set RECONCILER_VAR_{name}: {text}" for name, text in conversion.variables.descriptions.items()),
        *(f"set {name}: {text}" for name, text in conversion.variables.secrets.items()),
        f"reconciler -f {file} plan --adopt '*'",
        f"reconciler -f {file} apply --adopt '*'",
        *removal_steps,
    ]
    echo("next:", stderr=True)
    for number, step in enumerate(steps, 1):
        lines = map(escape_invisible, step.split("\n"))
        echo(f"  {number}. " + "\n     ".join(lines), stderr=True)
