"""``pynenc triggers`` and ``pynenc events``."""

import json
from typing import Any

import click

from pynenc.cli.errors import EXIT_NOT_FOUND, AppNotLoadableError, CommandError
from pynenc.cli.finding import chosen_app, readable_app
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import moment, print_fields, print_json, print_table
from pynenc.engine.triggers import NotFiredError, Triggers
from pynenc.engine.user_code import words
from pynenc.ports.trigger import Firing, StoredDefinition
from pynenc.trigger.definition import in_words

#: Firings that ``show`` prints.
SHOWN_FIRINGS = 20


@click.group()
@app_options
def triggers() -> None:
    """List and show triggers and what they led to; fire one."""


@triggers.command("list", epilog="Examples: pynenc triggers list | pynenc triggers list --json")
@json_option
@app_options
@click.pass_context
def list_triggers(ctx: click.Context, as_json: bool) -> None:
    """List the triggers that runners have stored."""
    app, _ = readable_app(ctx)
    rows = [_row(each) for each in _stored(app)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "task", "when", "since"),
        [(row["id"], row["task"], row["when"], moment(row["since"])) for row in rows],
    )


@triggers.command(epilog="Examples: pynenc triggers show 1a9f | pynenc triggers show 1a9fb49b --json")
@click.argument("trigger", metavar="TRIGGER")
@json_option
@app_options
@click.pass_context
def show(ctx: click.Context, trigger: str, as_json: bool) -> None:
    """Show TRIGGER (an id, or its beginning), and its newest firings with their causes."""
    app, _ = readable_app(ctx)
    stored = _find(app, trigger)
    definition_id = stored.definition_id
    firings = [_firing(each) for each in app.assembled.backend.trigger.firings(SHOWN_FIRINGS, definition_id)]
    marks = app.assembled.backend.trigger.marks()
    schedules = {name: at for name, at in marks.items() if name.startswith(f"{definition_id}/")}
    if as_json:
        definition = json.loads(stored.text)
        print_json({**_row(stored), "definition": definition, "dealt_with_until": schedules, "firings": firings})
        return
    row = _row(stored)
    until = ", ".join(str(moment(at)) for at in schedules.values())
    print_fields({**row, "since": moment(row["since"]), "dealt with until": until})
    click.echo()
    print_table(
        ("at", "causes", "invocation", "error"),
        [
            (moment(f["at"]), "; ".join(": ".join(c) for c in f["causes"]), f["invocation_id"], f["error"])
            for f in firings
        ],
    )


@triggers.command(epilog="""Examples: pynenc triggers fire 1a9f | pynenc triggers fire 1a9f '{"day": "2030-01-02"}'""")
@click.argument("trigger", metavar="TRIGGER")
@click.argument("arguments", metavar="[ARGUMENTS]", required=False)
@json_option
@app_options
@click.pass_context
def fire(ctx: click.Context, trigger: str, arguments: str | None, as_json: bool) -> None:
    """Run the task of TRIGGER now, with ARGUMENTS (a JSON object) or those that the trigger has for any cause.

    Needs the code of the application.
    """
    values = None if arguments is None else _object(arguments, "ARGUMENTS")
    try:
        app, _ = chosen_app(ctx)
    except AppNotLoadableError:
        click.echo("`pynenc triggers fire` calls a task, so it needs the code of the application.", err=True)
        raise
    stored = _find(app, trigger)
    try:
        firing = Triggers(app.engine).fire(stored.definition_id, values)
    except NotFiredError as refused:
        why = refused.__cause__ or refused
        advice = (
            "By hand there are no causes for its functions to look at. "
            """Pass the arguments of the task as JSON: pynenc triggers fire TRIGGER '{"name": "value"}'"""
            if values is None
            else "The task, and the functions that the trigger names, must be importable, and the arguments must fit."
        )
        raise CommandError(
            f"Trigger {stored.definition_id} of {stored.task_id} was not fired: {words(why)}\n{advice}"
        ) from why
    click.echo(json.dumps({"invocation_id": firing.invocation_id}) if as_json else firing.invocation_id)


@click.group()
@app_options
def events() -> None:
    """List and emit events."""


@events.command(epilog="""Examples: pynenc events emit file.arrived '{"path": "a.csv"}' | pynenc events emit tick""")
@click.argument("code", metavar="CODE")
@click.argument("payload", metavar="[PAYLOAD]", default="{}")
@json_option
@app_options
@click.pass_context
def emit(ctx: click.Context, code: str, payload: str, as_json: bool) -> None:
    """Emit an event with PAYLOAD (a JSON object), and print its id."""
    app, _ = readable_app(ctx)
    if not code:
        raise click.UsageError("CODE is empty; name the kind of event, such as file.arrived")
    event_id = app.trigger.emit_event(code, _object(payload, "PAYLOAD"))
    click.echo(json.dumps({"event_id": event_id}) if as_json else event_id)


@events.command("list", epilog="Examples: pynenc events list | pynenc events list --code file.arrived --json")
@click.option("--code", help="Only events of this code.")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="POSITION", help="Only those behind it.")
@click.option("--limit", type=click.IntRange(min=1), default=100, help="At most so many.")
@json_option
@app_options
@click.pass_context
def list_events(ctx: click.Context, code: str | None, after: int, limit: int, as_json: bool) -> None:
    """List events, oldest first."""
    app, _ = readable_app(ctx)
    found = app.trigger.get_events(after, code, limit)
    if as_json:
        print_json([event._asdict() for event in found])
        return
    print_table(("position", "id", "code", "payload", "at"), [(*event[:4], moment(event.at)) for event in found])


def _stored(app: Any) -> list[StoredDefinition]:
    return sorted(app.trigger.get_triggers(), key=lambda each: (each.task_id, each.definition_id))


def _find(app: Any, beginning: str) -> StoredDefinition:
    found = [each for each in _stored(app) if each.definition_id.startswith(beginning)]
    if len(found) != 1:
        what = f"{len(found)} triggers begin with {beginning!r}" if found else f"No trigger begins with {beginning!r}"
        raise CommandError(
            f"{what} in app {app.app_id!r}. `pynenc triggers list` has them; a runner stores them when it starts.",
            EXIT_NOT_FOUND,
        )
    return found[0]


def _row(stored: StoredDefinition) -> dict[str, Any]:
    when = in_words(stored.text)
    return {"id": stored.definition_id, "task": stored.task_id, "when": when, "since": stored.registered_at}


def _firing(firing: Firing) -> dict[str, Any]:
    shown = firing._asdict()
    del shown["call"]
    return {**shown, "causes": json.loads(firing.causes)}


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"""{name} is no JSON ({error}); write it as '{{"name": "value"}}'""") from error
    if not isinstance(value, dict):
        raise click.UsageError(f"""{name} is {value!r}, and must be a JSON object, such as '{{"name": "value"}}'""")
    return value  # pyright: ignore[reportUnknownVariableType]
