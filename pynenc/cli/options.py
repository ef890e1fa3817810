"""Options that many commands share; global ones are accepted before and after the command."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Choices:
    """What the shared options say, wherever on the command line they stand."""

    #: The application, as it was written.
    app: str | None = None
    #: Show tracebacks of errors.
    verbose: bool = False
    #: Errors are JSON too.
    as_json: bool = False


def choices_of(ctx: click.Context) -> Choices:
    """The choices made so far."""
    return ctx.find_root().ensure_object(Choices)


def app_options(command: F) -> F:
    """Accept ``--app`` and ``-v``; the last one on the line counts."""
    command = click.option(
        "-v", "--verbose", is_flag=True, expose_value=False, callback=_remember, help="Show tracebacks of errors."
    )(command)
    return click.option(
        "--app",
        metavar="APP",
        expose_value=False,
        callback=_remember,
        help="The application: module.attr, module:attr, or path/to/file.py[:attr].",
    )(command)


def json_option(command: F) -> F:
    """Accept ``--json``."""
    return click.option("--json", "as_json", is_flag=True, callback=_remember, help="Print JSON.")(command)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    if value:
        setattr(choices_of(ctx), str(param.name), value)
    return value
