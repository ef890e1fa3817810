"""``pynenc purge``: remove what an application has stored."""

import sys

import click

from pynenc.cli.errors import EXIT_PRECONDITION, CommandError
from pynenc.cli.finding import readable_app
from pynenc.cli.options import app_options
from pynenc.invocation.query import InvocationQuery


@click.command(epilog="Examples: pynenc --app=tasks.app purge | pynenc purge --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
@app_options
@click.pass_context
def purge(ctx: click.Context, yes: bool) -> None:
    """Remove everything: invocations, results, queues, history. Asks for the application's id first."""
    app, _ = readable_app(ctx)
    count = sum(app.engine.ledger.count_by((), InvocationQuery()).values())
    location = app.assembled.backend.location
    click.echo(f"This removes {count} invocations of app {app.app_id!r} from {location}, finished or not.", err=True)
    if not yes:
        click.echo("Type the application's id to go on: ", nl=False, err=True)
        if sys.stdin.readline().strip() != app.app_id:
            raise CommandError("Nothing was removed: that is not its id. (--yes does not ask.)", EXIT_PRECONDITION)
    app.purge()
    click.echo(f"Removed {count} invocations of app {app.app_id!r}.", err=True)
