"""The command ``pynenc``: global options, and where each command is."""

import importlib
import sys
import traceback
from typing import Any

import click

from pynenc.cli.errors import EXIT_FAILED, CommandError
from pynenc.cli.options import AppChoice
from pynenc.exceptions import ConfigError, PynencError, StoreUnavailableError

#: Command -> ``module:attribute`` and what it is for. Modules are imported when their command is used, so that
#: commands which need no application start fast.
COMMANDS = {
    "runner": ("pynenc.cli.runner:runner", "Start a runner, and see which are alive."),
    "worker": ("pynenc.cli.runner:start", "Short for 'runner start'."),
    "invocations": ("pynenc.cli.invocations:invocations", "List, show, follow and cancel invocations."),
    "result": ("pynenc.cli.invocations:result", "Print the result of an invocation."),
    "tasks": ("pynenc.cli.listings:tasks", "List the tasks runners have published."),
    "queues": ("pynenc.cli.listings:queues", "List the queues and what waits in them."),
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


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 needs --yes, 5 timed out, 6 unhealthy, "
    "69 store unreachable, 78 bad configuration.",
)
@click.option("--app", metavar="APP", help="The application: module.attr, module:attr, or path/to/file.py[:attr].")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks of errors.")
@click.version_option(package_name="pynenc", prog_name="pynenc")
@click.pass_context
def cli(ctx: click.Context, app: str | None, verbose: bool) -> None:  # noqa: FBT001 - click passes by name
    """Pynenc Command Line Interface."""
    ctx.obj = AppChoice(app, verbose)


def main(argv: list[str] | None = None) -> Any:
    """Run the command line; ends the process with the command's exit code."""
    verbose = "-v" in (argv or sys.argv) or "--verbose" in (argv or sys.argv)
    try:
        code = cli.main(args=argv, prog_name="pynenc", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted", err=True)
        sys.exit(130)
    except CommandError as error:
        _say(str(error), error, verbose=verbose)
        sys.exit(error.exit_code)
    except ConfigError as error:
        _say(f"ERROR: {error}", error, verbose=verbose)
        sys.exit(78)
    except StoreUnavailableError as error:
        _say(f"ERROR: {error}", error, verbose=verbose)
        sys.exit(69)
    except PynencError as error:
        _say(f"ERROR: {error}", error, verbose=verbose)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        # Whoever read our output has enough of it.
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _say(text: str, error: Exception, *, verbose: bool) -> None:
    click.echo(text, err=True)
    if verbose:
        traceback.print_exception(error)
