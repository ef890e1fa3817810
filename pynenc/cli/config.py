"""``pynenc config``: every setting, its value, and where the value comes from."""

from typing import Any

import click

from pynenc.cli.finding import readable_app
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import print_json, print_table
from pynenc.conf.config_base import ConfigPynencBase
from pynenc.conf.describe import describe
from pynenc.conf.groups import CORE_GROUPS
from pynenc.plugin_loader import load_plugins
from pynenc.ports import PORTS_VERSION

_LINE = "-" * 50


@click.group()
@app_options
def config() -> None:
    """Show every setting and where its value comes from."""


@config.command("show", epilog="Examples: pynenc config show --changed | pynenc config show --section runner --json")
@click.option("--changed", is_flag=True, help="Only what is not at its default.")
@click.option("--section", "sections", multiple=True, help="Only this section (runner, task, ...); may be repeated.")
@json_option
@app_options
@click.pass_context
def show(ctx: click.Context, sections: tuple[str, ...], changed: bool, as_json: bool) -> None:
    """Print all groups of settings; secrets are masked."""
    app, _ = readable_app(ctx)
    known = {group.section(): group for group in _groups()}
    unknown = [name for name in sections if name.lower() not in known]
    if unknown:
        raise click.UsageError(f"There is no section {unknown[0]!r}. Use one of {', '.join(sorted(known))}.")
    groups = [
        app.conf if isinstance(app.conf, group) else app.settings.build(group)
        for name, group in known.items()
        if not sections or name in {each.lower() for each in sections}
    ]
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


def _groups() -> list[type[ConfigPynencBase]]:
    return [*CORE_GROUPS, *(group for plugin in load_plugins(PORTS_VERSION) for group in plugin.config_groups)]


@click.command("show_config")
@app_options
@click.pass_context
def show_config(ctx: click.Context) -> None:
    """Show the settings of the application."""
    app, label = readable_app(ctx)
    print_config(app, label, app.conf)


def print_config(app: Any, label: str, group: ConfigPynencBase) -> None:
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
