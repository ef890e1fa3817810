"""What there is to see of one invocation: gathered through the ports, decoding nothing; then printed."""

import json
from typing import Any

import click

from pynenc.cli.explain import why_unfinished
from pynenc.cli.output import duration, moment, print_fields, print_table
from pynenc.cli.timing import timing
from pynenc.conf.config_pynenc import ArgumentPrintMode, ConfigPynenc
from pynenc.conf.secrets import mask
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import InvocationRecord, Outcome

#: Children that are listed; ``invocations list --parent`` has them all.
MAX_CHILDREN = 100

#: In place of a value that the settings hide.
HIDDEN = "<hidden>"

#: What of an attempt is not shown: serialized values, which may be anything.
_PAYLOADS = ("result", "error")


def gather(app: Any, record: InvocationRecord) -> dict[str, Any]:
    """All of it as plain data."""
    ledger, state, invocation_id = app.engine.ledger, app.engine.state, record.invocation_id
    history = ledger.history([invocation_id])
    children = ledger.find(InvocationQuery(parent_id=invocation_id, newest_first=False, limit=MAX_CHILDREN))
    return {
        "record": record._asdict(),
        "arguments": shown_arguments(app.conf, state.load_calls([invocation_id]).get(invocation_id)),
        "timing": timing(history, app.engine.clock.now())._asdict(),
        "history": [entry._asdict() for entry in history],
        "attempts": [_attempt(attempt) for attempt in state.attempts(invocation_id)],
        "waits_for": [wait.awaited_id for wait in ledger.awaited_by([invocation_id])],
        "waited_for_by": [wait.waiter_id for wait in ledger.waiting_for([invocation_id]) if wait.waiter_id],
        "children": [{"invocation_id": c.invocation_id, "task_id": c.task_id, "status": c.status} for c in children],
        "why_unfinished": [] if record.status.is_final() else why_unfinished(app, record),
    }


def _attempt(attempt: Outcome) -> dict[str, Any]:
    return {name: value for name, value in attempt._asdict().items() if name not in _PAYLOADS}


def shown_arguments(conf: ConfigPynenc, text: str | None) -> dict[str, str] | None:
    """The serialized arguments as far as the settings allow to print them; None: they are not in the store any more."""
    if text is None:
        return None
    parts: dict[str, object] = json.loads(text)
    mode = conf.argument_print_mode if conf.print_arguments else ArgumentPrintMode.HIDDEN
    if mode is ArgumentPrintMode.HIDDEN:
        return {HIDDEN: HIDDEN} if parts else {}
    if mode is ArgumentPrintMode.KEYS:
        return dict.fromkeys(parts, HIDDEN)
    cut = conf.truncate_arguments_length if mode is ArgumentPrintMode.TRUNCATED else 0
    return {name: _cut(str(mask(name, _inline(part))), cut) for name, part in parts.items()}


def _inline(part: object) -> str:
    return part if isinstance(part, str) else "<large value, kept in the client data store>"


def _cut(text: str, length: int) -> str:
    return text if not length or len(text) <= length else text[:length] + "..."


def print_invocation(about: dict[str, Any]) -> None:
    """For a person."""
    record = InvocationRecord(**about["record"])
    print_fields({**_fields(record), "arguments": _arguments_line(about["arguments"])} | _times(about["timing"]))
    for reason in about["why_unfinished"]:
        click.echo(f"unfinished  {reason}")
    for heading in ("waits_for", "waited_for_by"):
        if about[heading]:
            click.echo(f"{heading.replace('_', ' ')}: {', '.join(about[heading])}")
    click.echo("\nHistory")
    print_table(
        ("time", "status", "attempt", "by"),
        [(moment(e["timestamp"]), e["status"].value, e["attempt"], e["actor"]) for e in about["history"]],
    )
    for attempt in about["attempts"]:
        took = duration(attempt["finished_at"] - attempt["started_at"])
        click.echo(f"\nAttempt {attempt['attempt']}: {attempt['error_type'] or 'succeeded'} after {took}")
        if attempt["traceback"]:
            click.echo(attempt["traceback"].rstrip())
    if about["children"]:
        click.echo("\nChildren")
        print_table(("id", "task", "status"), [(*list(c.values())[:2], c["status"].value) for c in about["children"]])


def _fields(record: InvocationRecord) -> dict[str, object]:
    return {
        "id": record.invocation_id,
        "task": record.task_id,
        "status": record.status.value,
        "queue": f"{record.queue} (priority {record.priority})",
        "parent": record.parent_id,
        "workflow": f"{record.workflow_id} ({record.workflow_type})",
        "registered": f"{moment(record.registered_at)} by {record.registered_by}",
        "owner": record.owner,
        "attempt": f"{record.attempt} (retries {record.retries}, recoveries {record.recoveries})",
    }


def _arguments_line(arguments: dict[str, str] | None) -> str:
    if arguments is None:
        return "<not in the store any more>"
    if set(arguments.values()) == {HIDDEN}:
        return ", ".join(arguments)
    return ", ".join(f"{name}={value}" for name, value in arguments.items()) or "<no_args>"


def _times(measured: dict[str, Any]) -> dict[str, object]:
    parts = [
        f"{name.removesuffix('_seconds')} {duration(seconds)}"
        for name, seconds in measured.items()
        if name.endswith("_seconds") and name not in ("total_seconds", "waited_seconds") and seconds
    ]
    skew = " (clocks disagree)" if measured["clock_skew"] else ""
    return {"time": f"{duration(measured['total_seconds'])}: {', '.join(parts) or '-'}{skew}"}
