"""The command ``pynenc``: global options, and where each command is."""

import importlib
import json
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn, TextIO

import click

from pynenc.cli.errors import (
    CODE_OF_EXIT,
    EXIT_BAD_CONFIGURATION,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_NOT_FOUND,
    EXIT_NOT_PERMITTED,
    EXIT_UNREACHABLE,
    CommandError,
)
from pynenc.cli.options import Choices, app_options
from pynenc.exceptions import ConfigError, InvocationNotFoundError, PynencError, StoreUnavailableError

#: Command -> ``module:attribute`` and what it is for. Modules are imported when their command is used, so that
#: commands which need no application start fast.
COMMANDS = {
    "runner": ("pynenc.cli.runner:runner", "Start a runner, and see which are alive."),
    "worker": ("pynenc.cli.runner:start", "Short for 'runner start'."),
    "invocations": ("pynenc.cli.invocations:invocations", "List, show, follow and cancel invocations."),
    "workflows": ("pynenc.cli.workflows:workflows", "List, show and resume workflows."),
    "result": ("pynenc.cli.result:result", "Print the result of an invocation."),
    "call": ("pynenc.cli.call:call", "Call a task."),
    "tasks": ("pynenc.cli.listings:tasks", "List the tasks runners have published."),
    "queues": ("pynenc.cli.listings:queues", "List the queues and what waits in them."),
    "triggers": ("pynenc.cli.triggers:triggers", "List and show triggers and what they led to; fire one."),
    "events": ("pynenc.cli.triggers:events", "List and emit events."),
    "config": ("pynenc.cli.config:config", "Show every setting and where its value comes from."),
    "show_config": ("pynenc.cli.config:show_config", "Show the settings of the application."),
    "doctor": ("pynenc.cli.doctor:doctor", "Check configuration, stores, clocks and task imports."),
    "purge": ("pynenc.cli.purge:purge", "Remove everything the application has stored."),
    "status": ("pynenc.cli.status:status", "Render the invocation state machine."),
    "completion": ("pynenc.cli.completion:completion", "Print the completion script for a shell."),
}


class Commands(click.Group):
    """Loads a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, D102 - as click has it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002, D102 - as click has it
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002, D102 - as click has it
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


def _version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:  # noqa: ARG001 - as click has it
    if not asked:
        return
    # 10 ms that no other command needs.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        installed = version("pynenc")
    except PackageNotFoundError:
        installed = "unknown (not installed)"
    click.echo(f"pynenc, version {installed}")
    ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 precondition (as a missing --yes), 5 timed out, "
    "6 unhealthy, 69 store unreachable, 77 not permitted, 78 bad configuration, 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version.",
)
@app_options
def cli() -> None:
    """Pynenc Command Line Interface."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; ends the process with the command's exit code."""
    for stream in (sys.stdout, sys.stderr):
        _print_anything(stream)
    choices = Choices()
    try:
        code = cli.main(args=argv, prog_name="pynenc", standalone_mode=False, obj=choices)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the door of the command line: whatever it is, it becomes an exit code
        sys.exit(_report(error, choices))
    sys.exit(code if isinstance(code, int) else 0)


def _print_anything(stream: TextIO | None) -> None:
    """What a terminal's encoding does not have is shown as its escape sequence, and not an error."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _report(error: Exception, choices: Choices) -> int:
    """Say what went wrong, to a person or to a program; the exit code."""
    exit_code, text = _meaning(error)
    code = error.code if isinstance(error, CommandError) else CODE_OF_EXIT[exit_code]
    if choices.as_json:
        click.echo(json.dumps({"error": {"code": code, "message": text}}), err=True)
    else:
        click.echo(text if isinstance(error, CommandError) else f"ERROR: {text}", err=True)
    if choices.verbose:
        traceback.print_exception(error)
    return exit_code


def _meaning(error: Exception) -> tuple[int, str]:
    match error:
        case CommandError():
            return error.exit_code, str(error)
        case ConfigError():
            return EXIT_BAD_CONFIGURATION, str(error)
        case InvocationNotFoundError():
            return EXIT_NOT_FOUND, str(error)
        case StoreUnavailableError():
            return EXIT_UNREACHABLE, str(error)
        case PermissionError():
            return EXIT_NOT_PERMITTED, str(error)
        case PynencError():
            return EXIT_FAILED, str(error)
        case _:
            hint = "Run it again with -v for the traceback."
            return EXIT_FAILED, f"An unexpected error occurred: {type(error).__name__}: {error}\n{hint}"
