"""`reconciler schema`: JSON Schemas of the file, for editors, and of the output formats, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import add_common_options, out_option
from reconciler.cli.terminal import echo

_FILE = "file"


@click.command()
@add_common_options()
@click.argument("form", default=_FILE, metavar="[FORM]")
@out_option
def schema(form: str, out: Path | None) -> None:
    """Print the JSON Schema of the file, or of an output format.

    FORM is file (default), or an output format: plan, plan-line, event, drift, drift-line, history, run, resource, output or environments; of
    several
    environments: rollout-plan, rollout-plan-line, rollout-event, rollout-drift, rollout-drift-line or rollout-history. Editors
    complete and check a desired-state file by its schema.
    """
    import json

    from reconciler.engine.durable_files import name_file_in_errors
    from reconciler.render.json.schemas import OUTPUTS

    if form not in {_FILE, *OUTPUTS}:
        raise click.UsageError(
            f"{form!r} is not a valid form; expected one of {', '.join([_FILE, *OUTPUTS])}"
        )
    text = json.dumps(_build_schema(form), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    with name_file_in_errors(out):
        out.write_text(text, encoding="utf-8")
    hint = (
        f"; add this first line to a TOML file in the same folder: #:schema ./{out.name}"
        if form == _FILE
        else ""
    )
    echo(f"wrote {out}{hint}", stderr=True)


def _build_schema(form: str) -> Mapping[str, Any]:
    from reconciler.aws.json_schema import build_member_schema
    from reconciler.engine.load.json_schema import build_json_schema
    from reconciler.render.json.schemas import build_output_schema

    return build_json_schema(build_member_schema) if form == _FILE else build_output_schema(form)
