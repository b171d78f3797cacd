"""`reconciler schema`: the form of the file, for editors, and of what is written for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import common

_FILE = "file"


@click.command()
@common()
@click.argument("form", default=_FILE, metavar="[FORM]")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def schema(form: str, out: Path | None) -> None:
    """Print the JSON Schema of a desired-state file, by which editors complete and check it.

    Of what is written for programs with another FORM: plan, plan-line, event, drift, drift-line, history or run.
    """
    import json

    from reconciler.render.json.schemas import OUTPUTS

    if form not in {_FILE, *OUTPUTS}:
        known = ", ".join([_FILE, *OUTPUTS])
        raise click.UsageError(f"there is no form {form!r}; expected one of {known}")
    text = json.dumps(_made(form), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    hint = f"; a TOML file names it in its first line: #:schema ./{out.name}" if form == _FILE else ""
    click.echo(f"wrote {out}{hint}", err=True)


def _made(form: str) -> Mapping[str, Any]:
    from reconciler.aws.json_schema import member_schema
    from reconciler.engine.load.json_schema import schema as of_the_file
    from reconciler.render.json.schemas import build_output_schema

    return of_the_file(member_schema) if form == _FILE else build_output_schema(form)
