"""`reconciler schema`: the file's form, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.faces.commands.options import common


@click.command()
@common()
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def schema(out: Path | None) -> None:
    """Print the JSON Schema of a desired-state file, by which editors complete and check it."""
    import json

    from reconciler.aws.constraints import constraints
    from reconciler.engine.schema import schema as made

    text = json.dumps(made(constraints), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"wrote {out}; a TOML file names it in its first line: #:schema ./{out.name}", err=True)
