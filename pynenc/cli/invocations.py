"""``pynenc invocations``: list, show, follow and cancel; and ``pynenc result``."""

import json
import time
from typing import Any

import click

from pynenc.cli.errors import EXIT_FAILED, EXIT_NOT_FOUND, EXIT_TIMED_OUT, CommandError
from pynenc.cli.explain import why_unfinished
from pynenc.cli.options import app_options, chosen_app, json_option
from pynenc.cli.output import duration, moment, print_fields, print_json, print_table
from pynenc.exceptions import InvocationTimeoutError
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.status import InvocationStatus

#: ``tail`` looks this often: a terminal is read by a person, and following must cost the store nothing noticeable.
TAIL_SECONDS = 0.5
#: Changes read at once by ``tail``.
TAIL_PAGE = 500

_STATUSES = click.Choice([status.value for status in InvocationStatus], case_sensitive=False)


@click.group()
def invocations() -> None:
    """List, show, follow and cancel invocations."""


@invocations.command(
    "list", epilog="Examples: pynenc invocations list --status failed | pynenc invocations list --task tasks.add --json"
)
@click.option("--status", "statuses", multiple=True, type=_STATUSES, help="Only these; may be repeated.")
@click.option("--task", help="Only of this task (module.function).")
@click.option("--queue", help="Only of this queue.")
@click.option("--workflow", help="Only of this workflow.")
@click.option("--parent", help="Only children of this invocation.")
@click.option("--since", type=float, metavar="SECONDS", help="Only registered within the last SECONDS.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
@click.option("--after", metavar="ID", help="Go on after this id, the last of the page before.")
@click.option("-o", "--ids", is_flag=True, help="Print ids only.")
@json_option
@app_options
@click.pass_context
def list_invocations(ctx: click.Context, /, as_json: bool, ids: bool, **filters: Any) -> None:  # noqa: FBT001 - click passes by name
    """List invocations, newest first."""
    app, _ = chosen_app(ctx)
    since = filters["since"]
    query = InvocationQuery(
        task_id=filters["task"],
        statuses=frozenset(InvocationStatus(s.lower()) for s in filters["statuses"]) or None,
        queue=filters["queue"],
        workflow_id=filters["workflow"],
        parent_id=filters["parent"],
        registered_from=app.engine.clock.now() - since if since else None,
        limit=filters["limit"],
        after=filters["after"],
    )
    records = app.engine.ledger.find(query)
    if as_json:
        print_json([record._asdict() for record in records])
    elif ids:
        for record in records:
            click.echo(record.invocation_id)
    else:
        now = app.engine.clock.now()
        print_table(("id", "task", "status", "queue", "attempt", "registered", "age"), [_row(r, now) for r in records])


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


@invocations.command("show", epilog="Example: pynenc invocations show 0198c0de-...")
@click.argument("invocation_id")
@json_option
@app_options
@click.pass_context
def show(ctx: click.Context, invocation_id: str, as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Show an invocation: record, attempts with tracebacks, history, children."""
    app, _ = chosen_app(ctx)
    record = _record(app, invocation_id)
    ledger, state = app.engine.ledger, app.engine.state
    history = ledger.history([invocation_id])
    attempts = state.attempts(invocation_id)
    children = ledger.find(InvocationQuery(parent_id=invocation_id, newest_first=False, limit=100))
    why = [] if record.status.is_final() else why_unfinished(app, record)
    if as_json:
        print_json(
            {
                "record": record._asdict(),
                "history": [entry._asdict() for entry in history],
                "attempts": [attempt._asdict() for attempt in attempts],
                "children": [child.invocation_id for child in children],
                "why": why,
            }
        )
        return
    print_fields(
        {
            "id": record.invocation_id,
            "task": record.task_id,
            "status": record.status.value,
            "queue": f"{record.queue} (priority {record.priority})",
            "arguments": _arguments(app, invocation_id),
            "parent": record.parent_id,
            "workflow": f"{record.workflow_id} ({record.workflow_type})",
            "registered": f"{moment(record.registered_at)} by {record.registered_by}",
            "owner": record.owner,
            "attempt": f"{record.attempt} (retries {record.retries}, recoveries {record.recoveries})",
        }
    )
    for line in why:
        click.echo(f"why        {line}")
    click.echo("\nHistory")
    print_table(
        ("time", "status", "attempt", "by"),
        [(moment(entry.timestamp), entry.status.value, entry.attempt, entry.actor) for entry in history],
    )
    for attempt in attempts:
        took = duration(attempt.finished_at - attempt.started_at)
        click.echo(f"\nAttempt {attempt.attempt}: {attempt.error_type or 'succeeded'} after {took}")
        if attempt.traceback:
            click.echo(attempt.traceback.rstrip())
    if children:
        click.echo("\nChildren")
        print_table(("id", "task", "status"), [(c.invocation_id, c.task_id, c.status.value) for c in children])


def _arguments(app: Any, invocation_id: str) -> str:
    """The names and, as far as the settings allow, the serialized values; nothing is decoded."""
    text = app.engine.state.load_calls([invocation_id]).get(invocation_id)
    if text is None:
        return "<not in the store any more>"
    parts = json.loads(text)
    if not parts:
        return "<no_args>"
    conf = app.conf
    if not conf.print_arguments or conf.argument_print_mode == "hidden":
        return "<arguments hidden>"
    if conf.argument_print_mode == "keys":
        return "{" + ", ".join(parts) + "}"
    cut = conf.truncate_arguments_length if conf.argument_print_mode == "truncated" else 0
    return ", ".join(f"{name}={_cut(part, cut)}" for name, part in parts.items())


def _cut(part: object, cut: int) -> str:
    if not isinstance(part, str):
        return "<large value>"
    return part if not cut or len(part) <= cut else part[:cut] + "..."


@invocations.command("tail", epilog="Examples: pynenc invocations tail | pynenc invocations tail --until-final ID")
@click.option("--until-final", metavar="ID", help="End when this invocation is final; exit code 1 if it failed.")
@click.option("--from", "start", type=int, metavar="SEQUENCE", help="Begin after this change; default: now.")
@json_option
@app_options
@click.pass_context
def tail(ctx: click.Context, until_final: str | None, start: int | None, as_json: bool) -> int:  # noqa: FBT001 - click passes by name
    """Follow changes of status as they are written."""
    app, _ = chosen_app(ctx)
    ledger = app.engine.ledger
    after = ledger.last_change() if start is None else start
    while True:
        changes = ledger.changes(after, TAIL_PAGE)
        for entry in changes:
            after = entry.sequence
            if as_json:
                click.echo(json.dumps(entry._asdict()))
            else:
                click.echo(
                    f"{moment(entry.timestamp)}  {entry.invocation_id}  {entry.status.value:<28}{entry.actor or ''}"
                )
        if until_final is not None and _record(app, until_final).status.is_final() and not changes:
            return 0 if _record(app, until_final).status is InvocationStatus.SUCCESS else EXIT_FAILED
        if len(changes) < TAIL_PAGE:
            time.sleep(TAIL_SECONDS)


@invocations.command(
    "cancel", epilog="Example: pynenc invocations list --status registered -o | xargs pynenc invocations cancel"
)
@click.argument("invocation_ids", nargs=-1, required=True)
@app_options
@click.pass_context
def cancel(ctx: click.Context, invocation_ids: tuple[str, ...]) -> int:
    """Cancel invocations: at once what waits, at its next wait what runs."""
    app, _ = chosen_app(ctx)
    records = {r.invocation_id: r for r in app.engine.steps.cancel(invocation_ids, app.engine.process_id)}
    missing = False
    for invocation_id in invocation_ids:
        record = records.get(invocation_id)
        if record is None:
            missing = True
            click.echo(f"{invocation_id}  not found", err=True)
        elif record.status is InvocationStatus.CANCELLED:
            click.echo(f"{invocation_id}  cancelled")
        elif record.status.is_final():
            click.echo(f"{invocation_id}  was {record.status.value} already", err=True)
        else:
            click.echo(f"{invocation_id}  asked its owner {record.owner} (it is {record.status.value})")
    return EXIT_NOT_FOUND if missing else 0


@click.command("result", epilog="Example: pynenc result ID --wait --timeout 30")
@click.argument("invocation_id")
@click.option("--wait", is_flag=True, help="Wait until it is final.")
@click.option("--timeout", type=float, metavar="SECONDS", help="With --wait: at most this long.")
@app_options
@click.pass_context
def result(ctx: click.Context, invocation_id: str, wait: bool, timeout: float | None) -> int:  # noqa: FBT001 - click passes by name
    """Print the result of an invocation; exit code 1 if it failed."""
    app, _ = chosen_app(ctx)
    record = _record(app, invocation_id)
    if not record.status.is_final() and not wait:
        raise CommandError(
            f"invocation {invocation_id} is {record.status.value}; pass --wait to wait for it", EXIT_FAILED
        )
    try:
        app.get_invocation(invocation_id).wait(timeout)
    except InvocationTimeoutError as error:
        raise CommandError(str(error), EXIT_TIMED_OUT) from error
    try:
        click.echo(repr(app.get_invocation(invocation_id).get_final_result()))
    except Exception as error:  # noqa: BLE001 - what the task raised
        attempts = app.engine.state.attempts(invocation_id)
        click.echo((attempts[-1].traceback if attempts else None) or f"{type(error).__name__}: {error}", err=True)
        return EXIT_FAILED
    return 0


def _record(app: Any, invocation_id: str) -> InvocationRecord:
    record: InvocationRecord | None = app.engine.ledger.read([invocation_id]).get(invocation_id)
    if record is None:
        raise CommandError(f"app {app.app_id!r} has no invocation {invocation_id}", EXIT_NOT_FOUND)
    return record
