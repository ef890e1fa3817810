"""Options that many commands share; global ones are accepted before and after the command."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from pynenc.cli.finding import find_app

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class AppChoice:
    """What the global options say of the application."""

    spec: str | None
    verbose: bool


def app_options(command: F) -> F:
    """Accept ``--app`` and ``-v`` after the command as well."""

    def remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        choice = ctx.ensure_object(AppChoice) if isinstance(ctx.obj, AppChoice) else None
        if choice is not None and value:
            setattr(choice, "spec" if param.name == "app" else "verbose", value)
        return value

    command = click.option(
        "--app", metavar="APP", expose_value=False, callback=remember, help="The application (see 'pynenc --help')."
    )(command)
    return click.option(
        "-v", "--verbose", is_flag=True, expose_value=False, callback=remember, help="Show tracebacks of errors."
    )(command)


def json_option(command: F) -> F:
    """Accept ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def chosen_app(ctx: click.Context) -> tuple[Any, str]:
    """The application the options name, or the one that is found; and what to call it."""
    choice = ctx.obj if isinstance(ctx.obj, AppChoice) else AppChoice(None, verbose=False)
    return find_app(choice.spec)
