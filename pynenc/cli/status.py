"""``pynenc status render``: the invocation state machine; needs no application."""

from pathlib import Path

import click

from pynenc.cli.errors import CommandError
from pynenc.cli.options import app_options
from pynenc.invocation.status_graph import render_svg, render_text

#: The diagram of the documentation, from the root of the repository.
DIAGRAM = Path("docs/invocation_state_machine.svg")


@click.group()
@app_options
def status() -> None:
    """Render the invocation state machine."""


@status.command(epilog="Examples: pynenc status render | pynenc status render --format svg --output machine.svg")
@click.option("--format", "form", type=click.Choice(["text", "svg"]), default="text", help="What to render.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, whose folder is made."
)
@click.option("--check", is_flag=True, help="Compare with the file instead of writing it; exit code 1 if it is stale.")
@app_options
def render(form: str, output: Path | None, check: bool) -> None:
    """Print the statuses and the transitions between them."""
    text = render_svg() if form == "svg" else render_text()
    if check:
        _check(text, form, output)
    elif output is None:
        click.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        click.echo(f"Wrote {output}")


def _check(text: str, form: str, output: Path | None) -> None:
    if output is None and form == "text":
        raise CommandError(f"--check requires --output when --format {form}")
    output = output or DIAGRAM
    command = f"pynenc status render --format {form} --output {output}"
    if not output.exists():
        raise CommandError(f"Missing generated file: {output}. Run: {command}")
    if output.read_text(encoding="utf-8") != text:
        raise CommandError(f"{output} is stale. Run: {command}")
    click.echo(f"{output} is up to date")
