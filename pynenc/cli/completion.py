"""``pynenc completion``: the script that makes a shell complete our commands."""

import click
from click.shell_completion import get_completion_class

from pynenc.cli.options import app_options


@click.command(
    epilog='Examples: pynenc completion bash > /etc/bash_completion.d/pynenc | eval "$(pynenc completion zsh)"'
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@app_options
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell."""
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - the choices are those click has
    root = ctx.find_root().command
    click.echo(made(root, {}, "pynenc", "_PYNENC_COMPLETE").source())
