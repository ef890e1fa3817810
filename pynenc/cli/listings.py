"""``pynenc tasks`` and ``pynenc queues``."""

import json

import click

from pynenc.cli.options import app_options, chosen_app, json_option
from pynenc.cli.output import print_json, print_table
from pynenc.invocation.query import InvocationQuery


@click.group()
def tasks() -> None:
    """List the tasks runners have published."""


@tasks.command("list")
@json_option
@app_options
@click.pass_context
def list_tasks(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """List tasks with their options and how many invocations they have."""
    app, _ = chosen_app(ctx)
    published = {key: json.loads(text) for key, text in app.engine.state.published("task").items()}
    counts = app.engine.ledger.count_by(("task_id",), InvocationQuery())
    rows = [{**about, "invocations": counts.get((key,), 0)} for key, about in sorted(published.items())]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("task", "signature", "queue", "async", "retries", "invocations"),
        [
            (
                r["task_id"],
                r["signature"],
                r["options"]["queue"],
                r["async"],
                r["options"]["max_retries"],
                r["invocations"],
            )
            for r in rows
        ],
    )


@click.group()
def queues() -> None:
    """List the queues and what waits in them."""


@queues.command("list")
@json_option
@app_options
@click.pass_context
def list_queues(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """List queues by how many entries wait."""
    app, _ = chosen_app(ctx)
    rows = [
        {"queue": queue, "lane": lane, "waiting": count}
        for (queue, lane), count in sorted(app.assembled.backend.broker.sizes().items())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(("queue", "lane", "waiting"), [tuple(row.values()) for row in rows])
