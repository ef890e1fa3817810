"""``pynenc workflows``: list, show and resume."""

from typing import Any

import click

from pynenc.cli.finding import readable_app
from pynenc.cli.invocation_show import HIDDEN
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import moment, print_fields, print_json, print_table
from pynenc.conf.config_pynenc import ArgumentPrintMode
from pynenc.engine.workflow_admin import Operation, WorkflowSummary
from pynenc.invocation.status import InvocationStatus

_STATUSES = click.Choice([status.value for status in InvocationStatus], case_sensitive=False)


@click.group()
@app_options
def workflows() -> None:
    """List, show and resume workflows."""


@workflows.command(
    "list", epilog="Examples: pynenc workflows list --status failed | pynenc workflows list --type tasks.order --json"
)
@click.option("--type", "workflow_type", help="Only of this task (module.function).")
@click.option("--status", "statuses", multiple=True, type=_STATUSES, help="Only these; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
@click.option("--after", metavar="ID", help="Go on after this id, the last of the page before.")
@json_option
@app_options
@click.pass_context
def list_workflows(ctx: click.Context, /, as_json: bool, **filters: Any) -> None:
    """List workflows, newest first: every call that no other call made, and those of tasks made for it."""
    app, _ = readable_app(ctx)
    statuses = [InvocationStatus(status.lower()) for status in filters["statuses"]]
    found = app.workflows.list(filters["workflow_type"], statuses, limit=filters["limit"], after=filters["after"])
    if as_json:
        print_json([summary._asdict() for summary in found])
        return
    print_table(("id", "type", "status", "parent", "resumed", "registered"), [_row(summary) for summary in found])
    if len(found) == filters["limit"]:
        click.echo(f"There may be more: --after {found[-1].workflow_id}", err=True)


def _row(summary: WorkflowSummary) -> tuple[object, ...]:
    return (
        summary.workflow_id,
        summary.workflow_type,
        summary.status.value,
        summary.parent_workflow_id,
        summary.times_resumed,
        moment(summary.registered_at),
    )


@workflows.command("show", epilog="Examples: pynenc workflows show 0198c0de-... | pynenc workflows show ID --json")
@click.argument("workflow_id")
@click.option("--after", type=int, default=0, metavar="POSITION", help="Operations beyond this one.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="At most so many.")
@json_option
@app_options
@click.pass_context
def show(ctx: click.Context, /, workflow_id: str, after: int, limit: int, as_json: bool) -> None:
    """Show a workflow: where it stands, what it has recorded, its data, the invocations below it."""
    app, _ = readable_app(ctx)
    summary = app.workflows.get(workflow_id)
    hidden = not app.conf.print_arguments or app.conf.argument_print_mode in (
        ArgumentPrintMode.HIDDEN,
        ArgumentPrintMode.KEYS,
    )
    about = {
        "workflow": summary._asdict(),
        "operations": [_operation(each, hidden=hidden) for each in app.workflows.history(workflow_id, after, limit)],
        "data": {
            key: HIDDEN if hidden else repr(value)
            for key, value in sorted(app.workflows.data_as_far_as_readable(workflow_id).items())
        },
        "tree": [
            {
                "invocation_id": record.invocation_id,
                "parent_id": record.parent_id,
                "task_id": record.task_id,
                "status": record.status.value,
            }
            for record in app.workflows.tree(workflow_id)
        ],
    }
    if as_json:
        print_json(about)
        return
    _print(summary, about)


def _operation(operation: Operation, *, hidden: bool) -> dict[str, Any]:
    value = operation.value
    shown = (
        value
        if value is None or operation.kind in ("task", "sleep", "wait_event")
        else HIDDEN
        if hidden
        else repr(value)
    )
    return {**operation._asdict(), "value": shown, "recorded_at": operation.recorded_at.timestamp()}


def _shown(operation: dict[str, Any]) -> Any:
    """A value for people: times as times."""
    if operation["kind"] in ("sleep", "wait_event") and operation["value"] is not None:
        return f"until {moment(operation['value'])}"
    return operation["value"]


def _print(summary: WorkflowSummary, about: dict[str, Any]) -> None:
    print_fields(
        {
            "workflow": summary.workflow_id,
            "type": summary.workflow_type,
            "status": summary.status.value,
            "parent workflow": summary.parent_workflow_id,
            "run by": summary.invocation_id,
            "resumed": f"{summary.times_resumed} times",
            "registered": moment(summary.registered_at),
            "last change": moment(summary.changed_at),
        }
    )
    click.echo()
    print_table(
        ("position", "operation", "name", "value", "failed", "attempt", "at"),
        [
            (
                each["position"],
                each["kind"],
                each["name"] or None,
                _shown(each),
                "yes" if each["failed"] else None,
                each["attempt"],
                moment(each["recorded_at"]),
            )
            for each in about["operations"]
        ],
    )
    if about["data"]:
        click.echo()
        print_table(("key", "value"), list(about["data"].items()))
    click.echo()
    print_table(
        ("invocation", "task", "status", "called by"),
        [(each["invocation_id"], each["task_id"], each["status"], each["parent_id"]) for each in about["tree"]],
    )


@workflows.command("resume", epilog="Examples: pynenc workflows resume ID | pynenc workflows resume ID --again-from 4")
@click.argument("workflow_id")
@click.option(
    "--again-from",
    type=click.IntRange(min=1),
    metavar="POSITION",
    help="Forget everything from this operation on; default: only the sub-tasks whose failure ended it.",
)
@app_options
@click.pass_context
def resume(ctx: click.Context, workflow_id: str, again_from: int | None) -> None:
    """Run a workflow that failed or was cancelled from where it failed; prints the id of the new invocation."""
    app, _ = readable_app(ctx)
    click.echo(app.workflows.resume(workflow_id, again_from=again_from).invocation_id)
