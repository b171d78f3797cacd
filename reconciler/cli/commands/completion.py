"""`reconciler completion`: commands, options and addresses, completed by the shell."""

from __future__ import annotations

import click

from reconciler.cli.options import common

_LINES = {
    "bash": 'eval "$(reconciler completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(reconciler completion zsh)"    # in ~/.zshrc',
    "fish": "reconciler completion fish | source    # in ~/.config/fish/config.fish",
}
"""How each shell is told to use it."""


@click.command(epilog="\b\n" + "\n".join(_LINES.values()))
@common()
@click.argument("shell", type=click.Choice([*_LINES]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options and the file's addresses."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made  # click knows all three
    root = ctx.find_root()
    click.echo(made(root.command, {}, "reconciler", "_RECONCILER_COMPLETE").source())
