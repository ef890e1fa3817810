"""``pynenc config``: every setting, its value, and where the value comes from."""

from typing import Any

import click

from pynenc.cli.options import app_options, chosen_app, json_option
from pynenc.cli.output import print_json, print_table
from pynenc.conf.describe import describe
from pynenc.conf.groups import CORE_GROUPS

_LINE = "-" * 50


@click.group()
def config() -> None:
    """Show every setting and where its value comes from."""


@config.command("show", epilog="Examples: pynenc config show --changed | pynenc config show --json")
@click.option("--changed", is_flag=True, help="Only what is not at its default.")
@json_option
@app_options
@click.pass_context
def show(ctx: click.Context, changed: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Print all groups of settings; secrets are masked."""
    app, _ = chosen_app(ctx)
    groups = [app.conf if isinstance(app.conf, group) else app.settings.build(group) for group in CORE_GROUPS]
    rows = [
        (type(group).section(), row.field, row.value, row.origin, row.description)
        for group in groups
        for row in describe(group)
        if not changed or row.origin != "default"
    ]
    if as_json:
        names = ("section", "field", "value", "origin", "description")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table(("section", "field", "value", "from"), [row[:4] for row in rows])


@click.command("show_config")
@app_options
@click.pass_context
def show_config(ctx: click.Context) -> None:
    """Show the settings of the application."""
    app, label = chosen_app(ctx)
    print_config(app, label, app.conf)


def print_config(app: Any, label: str, group: Any) -> None:
    """One group of settings at length."""
    click.echo("Showing configuration for Pynenc instance:")
    click.echo(f" - location: {label}")
    click.echo(f" - id: {app.app_id}")
    click.echo(f"Config {type(group).__name__}:")
    for row in describe(group):
        click.echo(_LINE)
        click.echo(f"{row.field}: ")
        click.echo(f"  Default: {type(group).model_fields[row.field].get_default(call_default_factory=True)}")
        click.echo(f"  Value: {row.value}")
        click.echo(f"  Source: {row.origin}")
        click.echo(f"  Description: {row.description}")
    click.echo(_LINE)
