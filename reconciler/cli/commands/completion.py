"""`reconciler completion`: shell completion of commands, options and the file's addresses."""

from __future__ import annotations

import click

from reconciler.cli.options import add_common_options

_SETUP_LINES = {
    "bash": 'eval "$(reconciler completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(reconciler completion zsh)"    # in ~/.zshrc',
    "fish": "reconciler completion fish | source    # in ~/.config/fish/config.fish",
}
"""The line that enables completion in each shell."""


@click.command(
    epilog="\b\nTo enable completion:\n" + "\n".join(f"  {line}" for line in _SETUP_LINES.values())
)
@add_common_options()
@click.argument("shell", type=click.Choice([*_SETUP_LINES]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the shell completion script."""
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    assert completion_class  # click has all three
    root = ctx.find_root()
    click.echo(completion_class(root.command, {}, "reconciler", "_RECONCILER_COMPLETE").source())
