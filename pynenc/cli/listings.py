"""``pynenc tasks`` and ``pynenc queues``."""

import json
from typing import Any

import click

from pynenc.cli.finding import readable_app
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import print_json, print_table
from pynenc.invocation.query import InvocationQuery
from pynenc.runner.publish import published_tasks


@click.group()
@app_options
def tasks() -> None:
    """List the tasks runners have published."""


@tasks.command("list", epilog="Examples: pynenc tasks list | pynenc tasks list --json")
@json_option
@app_options
@click.pass_context
def list_tasks(ctx: click.Context, as_json: bool) -> None:
    """List tasks with their options and how many invocations they have."""
    app, _ = readable_app(ctx)
    published = {key: json.loads(text) for key, text in published_tasks(app).items()}
    counts = app.engine.ledger.count_by(("task_id",), InvocationQuery())
    keys = {*published, *(task_id.key for task_id in app.tasks), *(key for (key,) in counts)}
    rows: list[dict[str, Any]] = [
        {
            "task_id": key,
            "signature": None,
            "async": None,
            "options": {},
            **published.get(key, {}),
            "published": key in published,
            "invocations": counts.get((key,), 0),
        }
        for key in sorted(keys)
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("task", "signature", "queue", "async", "retries", "invocations", "published"),
        [
            (
                row["task_id"],
                row["signature"],
                row["options"].get("queue"),
                row["async"],
                row["options"].get("max_retries"),
                row["invocations"],
                "yes" if row["published"] else "no",
            )
            for row in rows
        ],
    )


@click.group()
@app_options
def queues() -> None:
    """List the queues and what waits in them."""


@queues.command("list", epilog="Examples: pynenc queues list | pynenc queues list --json")
@json_option
@app_options
@click.pass_context
def list_queues(ctx: click.Context, as_json: bool) -> None:
    """List queues, how many entries wait in them, and how many living runners serve them."""
    app, _ = readable_app(ctx)
    alive = app.engine.ledger.runners(alive_since=app.engine.clock.now() - app.engine.settings.lease_seconds)
    rows = [
        {
            "queue": queue,
            "lane": lane,
            "waiting": count,
            "runners": sum(not runner.queues or queue in runner.queues for runner in alive),
        }
        for (queue, lane), count in sorted(app.assembled.backend.broker.sizes().items())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(("queue", "lane", "waiting", "runners"), [tuple(row.values()) for row in rows])
