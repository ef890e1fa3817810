"""``pynenc result``: what became of an invocation."""

import json
from typing import Any

import click

from pynenc.cli.errors import EXIT_FAILED, EXIT_PRECONDITION, EXIT_TIMED_OUT, CommandError
from pynenc.cli.finding import chosen_app
from pynenc.cli.invocations import record_of
from pynenc.cli.options import app_options, json_option
from pynenc.exceptions import InvocationTimeoutError


@click.command(epilog="Examples: pynenc result ID | pynenc result ID --wait --timeout 30 --json")
@click.argument("invocation_id")
@click.option("--wait", is_flag=True, help="Wait until it is final.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait, but at most this long.")
@json_option
@app_options
@click.pass_context
def result(ctx: click.Context, invocation_id: str, wait: bool, timeout: float | None, as_json: bool) -> int:
    """Print the result of an invocation; or the traceback of its last attempt, with exit code 1."""
    app, _ = chosen_app(ctx)
    record = record_of(app, invocation_id)
    if not record.status.is_final():
        if not wait and timeout is None:
            raise CommandError(
                f"invocation {invocation_id} is {record.status.value}; pass --wait to wait for it", EXIT_PRECONDITION
            )
        wait_for(app, invocation_id, timeout)
    return print_result(app, invocation_id, as_json=as_json)


def wait_for(app: Any, invocation_id: str, timeout_seconds: float | None) -> None:
    """Wait until the invocation is final.

    Raises:
        CommandError: the time is over.
    """
    try:
        app.get_invocation(invocation_id).wait(timeout_seconds)
    except InvocationTimeoutError as error:
        raise CommandError(str(error), EXIT_TIMED_OUT) from error


def print_result(app: Any, invocation_id: str, *, as_json: bool) -> int:
    """Print what a final invocation came to; the exit code."""
    try:
        value = app.get_invocation(invocation_id).get_final_result()
    except Exception as error:  # noqa: BLE001 - what the task raised, which may be anything
        attempts = app.engine.state.attempts(invocation_id)
        # An error that is not the task's (it was cancelled, dropped, given up) has no traceback of an attempt.
        trace = attempts[-1].traceback if attempts else None
        click.echo((trace or f"{type(error).__name__}: {error}").rstrip(), err=True)
        return EXIT_FAILED
    click.echo(json.dumps(value, default=repr) if as_json else repr(value))
    return 0
