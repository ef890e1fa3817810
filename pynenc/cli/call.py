"""``pynenc call``: a call from the shell."""

import json
from typing import Any

import click

from pynenc.cli.errors import EXIT_NOT_FOUND, CommandError
from pynenc.cli.finding import chosen_app
from pynenc.cli.options import app_options, json_option
from pynenc.cli.result import print_result, wait_for
from pynenc.exceptions import TaskNotFoundError


@click.command(
    epilog="Examples: pynenc call tasks.add 1 2 --wait | pynenc call mail.send to=ann@example.org urgent=true"
)
@click.argument("task", metavar="TASK")
@click.argument("arguments", nargs=-1, metavar="[VALUE | NAME=VALUE]...")
@click.option("--wait", is_flag=True, help="Wait for the result and print it.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait, but at most this long.")
@json_option
@app_options
@click.pass_context
def call(  # noqa: PLR0917 - click passes by name
    ctx: click.Context,
    task: str,
    arguments: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Call TASK (module.function) and print the invocation's id. A value is JSON, else it is taken as text."""
    app, _ = chosen_app(ctx)
    try:
        callee = app.get_task(task)
    except (TaskNotFoundError, ValueError) as error:
        raise CommandError(str(error), EXIT_NOT_FOUND) from error
    args, kwargs = _bind(callee, arguments)
    invocation = callee(*args, **kwargs)
    if app.conf.dev_mode_force_sync_tasks:
        click.echo(json.dumps(invocation.result, default=repr) if as_json else repr(invocation.result))
        return 0
    if not wait and timeout is None:
        click.echo(json.dumps({"invocation_id": invocation.invocation_id}) if as_json else invocation.invocation_id)
        return 0
    click.echo(f"invocation {invocation.invocation_id}", err=True)
    wait_for(app, invocation.invocation_id, timeout)
    return print_result(app, invocation.invocation_id, as_json=as_json)


def _bind(task: Any, arguments: tuple[str, ...]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named values; ``a=b`` is a named one if the task has such a parameter."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for text in arguments:
        name, equals, value = text.partition("=")
        if equals and name.isidentifier() and (name in task.parameters.names or task.parameters.has_var_keyword):
            kwargs[name] = _value(value)
        else:
            args.append(_value(text))
    try:
        task.parameters.bind(tuple(args), kwargs)
    except TypeError as error:
        raise click.UsageError(f"{task.key}{task.parameters.signature}: {error}") from error
    return args, kwargs


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
