"""``pynenc invocations``: list, show, follow and cancel."""

import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import click

from pynenc.cli.errors import EXIT_FAILED, EXIT_NOT_FOUND, EXIT_PRECONDITION, CommandError
from pynenc.cli.finding import readable_app
from pynenc.cli.invocation_show import gather, print_invocation
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import duration, moment, print_json, print_table
from pynenc.cli.since import since
from pynenc.engine.cancelling import cancel_tree
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord
from pynenc.invocation.status import InvocationStatus

#: ``tail`` looks this often: a terminal is read by a person, and following must cost the store nothing noticeable.
TAIL_SECONDS = 0.5
#: Changes read at once by ``tail``.
TAIL_PAGE = 500

_STATUSES = click.Choice([status.value for status in InvocationStatus], case_sensitive=False)


@click.group()
@app_options
def invocations() -> None:
    """List, show, follow and cancel invocations."""


@invocations.command(
    "list",
    epilog="Examples: pynenc invocations list --status failed --since 2h | "
    "pynenc invocations list --task tasks.add -o id",
)
@click.option("--status", "statuses", multiple=True, type=_STATUSES, help="Only these; may be repeated.")
@click.option("--task", help="Only of this task (module.function).")
@click.option("--queue", help="Only of this queue.")
@click.option("--workflow", help="Only of this workflow.")
@click.option("--parent", help="Only children of this invocation.")
@click.option(
    "--since", callback=since, help="Only registered since: 90 (seconds), 15m, 2h, 7d ago, or a date and time."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
@click.option("--after", metavar="ID", help="Go on after this id, the last of the page before.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["table", "json", "id"]), default="table", help="What to print."
)
@json_option
@app_options
@click.pass_context
def list_invocations(ctx: click.Context, /, as_json: bool, form: str, **filters: Any) -> None:
    """List invocations, newest first."""
    app, _ = readable_app(ctx)
    query = InvocationQuery(
        task_id=filters["task"],
        statuses=frozenset(InvocationStatus(s.lower()) for s in filters["statuses"]) or None,
        queue=filters["queue"],
        workflow_id=filters["workflow"],
        parent_id=filters["parent"],
        registered_from=filters["since"],
        limit=filters["limit"],
        after=filters["after"],
    )
    records = app.engine.ledger.find(query)
    if as_json or form == "json":
        print_json([record._asdict() for record in records])
    elif form == "id":
        for record in records:
            click.echo(record.invocation_id)
    else:
        now = app.engine.clock.now()
        print_table(("id", "task", "status", "queue", "attempt", "registered", "age"), [_row(r, now) for r in records])
    if len(records) == query.limit:
        click.echo(f"There may be more: --after {records[-1].invocation_id}", err=True)


def _row(record: InvocationRecord, now: float) -> tuple[object, ...]:
    return (
        record.invocation_id,
        record.task_id,
        record.status.value,
        record.queue,
        record.attempt,
        moment(record.registered_at),
        duration(max(0.0, now - record.registered_at)),
    )


@invocations.command(
    "show", epilog="Examples: pynenc invocations show 0198c0de-... | pynenc invocations show 0198c0de-... --json"
)
@click.argument("invocation_id")
@json_option
@app_options
@click.pass_context
def show(ctx: click.Context, invocation_id: str, as_json: bool) -> None:
    """Show an invocation: arguments, times, history, attempts with tracebacks, children, why it is not finished."""
    app, _ = readable_app(ctx)
    about = gather(app, record_of(app, invocation_id))
    if as_json:
        print_json(about)
    else:
        print_invocation(about)


@invocations.command(
    "tail", epilog="Examples: pynenc invocations tail --status failed | pynenc invocations tail --until-final ID"
)
@click.option("--status", "statuses", multiple=True, type=_STATUSES, help="Only changes to these; may be repeated.")
@click.option("--task", help="Only of this task (module.function).")
@click.option(
    "--until-final", metavar="ID", help="End when this invocation is final; exit code 1 if it did not succeed."
)
@click.option("--from", "start", type=int, metavar="SEQUENCE", help="Begin after this change; default: now.")
@json_option
@app_options
@click.pass_context
def tail(ctx: click.Context, /, as_json: bool, until_final: str | None, start: int | None, **filters: Any) -> int:
    """Follow changes of status as they are written, until Ctrl-C; JSON is one object a line."""
    app, _ = readable_app(ctx)
    ledger = app.engine.ledger
    after = ledger.last_change() if start is None else start
    wanted = {status.lower() for status in filters["statuses"]}
    while True:
        # Asked before the changes are read: what made it final is among them.
        final = until_final is not None and record_of(app, until_final).status.is_final()
        changes = ledger.changes(after, TAIL_PAGE)
        records = ledger.read(list({entry.invocation_id for entry in changes}))
        for entry in changes:
            record = records.get(entry.invocation_id)
            task_id = record.task_id if record else None
            if (not wanted or entry.status in wanted) and filters["task"] in (None, task_id):
                click.echo(_change(entry, task_id, as_json=as_json))
        after = changes[-1].sequence if changes else after
        if len(changes) == TAIL_PAGE:
            continue
        if final and until_final is not None:
            return 0 if record_of(app, until_final).status is InvocationStatus.SUCCESS else EXIT_FAILED
        time.sleep(TAIL_SECONDS)


def _change(entry: HistoryEntry, task_id: str | None, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({**entry._asdict(), "task_id": task_id})
    by = f"  by {entry.actor}" if entry.actor else ""
    return f"{moment(entry.timestamp)}  {entry.invocation_id}  {entry.status.value:<28}  {task_id or '-'}{by}"


@invocations.command(
    "cancel",
    epilog="Examples: pynenc invocations cancel ID | "
    "pynenc invocations list --status registered -o id | pynenc invocations cancel -",
)
@click.argument("invocation_ids", nargs=-1, required=True, metavar="ID...")
@app_options
@click.pass_context
def cancel(ctx: click.Context, invocation_ids: tuple[str, ...]) -> int:
    """Cancel invocations and what they called: at once what waits, at its next wait what runs. '-': ids from stdin."""
    app, _ = readable_app(ctx)
    exit_code = 0
    ids = list(_ids(invocation_ids))
    before = app.engine.ledger.read(ids)
    records = cancel_tree(app.engine, [i for i in ids if i in before])
    for invocation_id in ids:
        record = records.get(invocation_id)
        if record is None:
            exit_code = EXIT_NOT_FOUND
            click.echo(f"{invocation_id}  not found", err=True)
        elif before[invocation_id].status.is_final():
            exit_code = exit_code or EXIT_PRECONDITION
            click.echo(f"{invocation_id}  was {record.status.value} already", err=True)
        elif record.status is InvocationStatus.CANCELLED:
            click.echo(f"{invocation_id}  cancelled")
        else:
            click.echo(f"{invocation_id}  asked its owner {record.owner} (it is {record.status.value})")
    return exit_code


def _ids(given: Iterable[str]) -> Iterable[str]:
    for each in given:
        yield from sys.stdin.read().split() if each == "-" else [each]


def record_of(app: Any, invocation_id: str) -> InvocationRecord:
    """The record of an invocation.

    Raises:
        CommandError: there is none.
    """
    record: InvocationRecord | None = app.engine.ledger.read([invocation_id]).get(invocation_id)
    if record is None:
        raise CommandError(f"app {app.app_id!r} has no invocation {invocation_id}", EXIT_NOT_FOUND)
    return record
