"""``pynenc purge``: remove what an application has stored."""

import click

from pynenc.cli.errors import EXIT_PRECONDITION, CommandError
from pynenc.cli.options import app_options, chosen_app
from pynenc.invocation.query import InvocationQuery


@click.command(epilog="Example: pynenc --app=tasks.app purge")
@click.option("--yes", is_flag=True, help="Do not ask.")
@app_options
@click.pass_context
def purge(ctx: click.Context, yes: bool) -> None:  # noqa: FBT001 - click passes by name
    """Remove everything: invocations, results, queues, history. Asks for the application's id first."""
    app, _ = chosen_app(ctx)
    count = sum(app.engine.ledger.count_by((), InvocationQuery()).values())
    location = app.assembled.backend.location
    click.echo(f"This removes {count} invocations of app {app.app_id!r} from {location}, finished or not.", err=True)
    if not yes:
        answer = click.prompt("Type the application's id to go on", default="", show_default=False, err=True)
        if answer != app.app_id:
            raise CommandError("Nothing was removed.", EXIT_PRECONDITION)
    app.purge()
    click.echo(f"Removed {count} invocations of app {app.app_id!r}.", err=True)
