"""The command line as a whole: help, global options, errors, exit codes."""

import importlib.metadata
import io
import json
import sys

import click
import pytest
from click.testing import CliRunner

from pynenc.cli import errors
from pynenc.cli.main import COMMANDS, cli, main
from pynenc.exceptions import ConfigError, RunnerError, StoreUnavailableError


def _commands(group: click.Group = cli, path=()):
    """All commands, with the words that lead to them."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = {" ".join(path): command for path, command in _commands()}


def test_the_commands():
    assert sorted(ALL) == [
        "call",
        "completion",
        "config show",
        "doctor",
        "events emit",
        "events list",
        "invocations cancel",
        "invocations list",
        "invocations show",
        "invocations tail",
        "purge",
        "queues list",
        "result",
        "runner list",
        "runner ls",
        "runner show_config",
        "runner start",
        "show_config",
        "status render",
        "tasks list",
        "triggers fire",
        "triggers list",
        "triggers show",
        "worker",
        "workflows list",
        "workflows resume",
        "workflows show",
    ]


@pytest.mark.parametrize("path", ["", *ALL])
def test_help(pynenc, path):
    ran = pynenc(*path.split(), "--help")
    assert ran.code == 0
    assert "--app APP" in ran.out
    assert "--verbose" in ran.out
    assert ran.err == ""


# show_config is kept for those who know it.
@pytest.mark.parametrize("path", [path for path in ALL if not path.endswith("show_config")])
def test_help_has_two_examples(pynenc, path):
    examples = " ".join(pynenc(*path.split(), "-h").out.split("Example")[-1].split())
    assert examples.count("pynenc ") >= 2, examples


def test_help_lists_the_commands_and_the_exit_codes(pynenc):
    out = pynenc("--help").out
    assert all(name in out for name in COMMANDS)
    assert all(f"{code} " in " ".join(out.split()) for code in errors.CODE_OF_EXIT)


def test_the_summary_of_a_command_is_what_its_help_says(pynenc):
    """Summaries stand beside the names, so that ``--help`` imports no command."""
    for name, (_, about) in COMMANDS.items():
        assert len(about) < 60
        assert pynenc(name, "--help").code == 0


@pytest.mark.parametrize("arguments", [(), ("runner",), ("invocations",)])
def test_a_missing_command_is_an_error_of_usage(pynenc, arguments):
    ran = pynenc(*arguments)
    assert ran.code == 2
    assert "command" in (ran.out + ran.err).lower()


@pytest.mark.parametrize("arguments", [("nonsense",), ("runner", "start", "--nonsense"), ("status", "render", "x")])
def test_nonsense_is_an_error_of_usage(pynenc, arguments):
    ran = pynenc(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage:" in ran.err


def test_version(pynenc, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", {"pynenc": "1.2.3"}.__getitem__)
    assert pynenc("--version").out == "pynenc, version 1.2.3\n"


def test_the_version_of_a_checkout_that_is_not_installed(pynenc, monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert pynenc("--version").out == "pynenc, version unknown (not installed)\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--app", "first:app", "tasks", "list"),
        ("--app=first:app", "tasks", "list"),
        ("tasks", "--app", "first:app", "list"),
        ("tasks", "list", "--app", "first:app"),
        ("--app", "second:app", "tasks", "list", "--app", "first:app"),
    ],
)
def test_global_options_stand_where_one_likes(pynenc, write, arguments):
    for name in ("first", "second"):
        write(
            f"{name}.py",
            "from pynenc import Pynenc\n"
            f"app = Pynenc({{'app_id': '{name}', 'orchestrator_cls': 'MemOrchestrator'}})\n"
            f"@app.task\ndef task_of_{name}(): ...\n",
        )
    assert "first.task_of_first" in pynenc(*arguments).out


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.fixture
def failing(monkeypatch):
    """Has ``pynenc show_config`` raise an error."""

    def fail(error):
        def find(_ctx):
            raise error

        monkeypatch.setattr("pynenc.cli.config.readable_app", find)

    return fail


@pytest.mark.parametrize(
    ("error", "code", "name", "text"),
    [
        (errors.CommandError("So it is."), 1, "failed", "So it is."),
        (errors.CommandError("None.", errors.EXIT_NOT_FOUND), 3, "not_found", "None."),
        (errors.AppNotLoadableError("none"), 1, "app_not_loadable", "Failed to load application: none"),
        (ConfigError("bad"), 78, "bad_configuration", "bad"),
        (StoreUnavailableError("gone"), 69, "unreachable", "gone"),
        (PermissionError("mine"), 77, "not_permitted", "mine"),
        (RunnerError("no"), 1, "failed", "no"),
        (KeyError("k"), 1, "failed", "An unexpected error occurred: KeyError: 'k'"),
    ],
)
def test_what_becomes_of_an_error(pynenc, failing, error, code, name, text):  # noqa: PLR0917
    failing(error)
    ran = pynenc("config", "show")
    assert (ran.code, ran.out) == (code, "")
    assert text in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in pynenc("config", "show", "-v").err
    ran = pynenc("config", "show", "--json")
    assert ran.code == code
    told = json.loads(ran.err)["error"]
    assert told["code"] == name
    assert text in told["message"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt(pynenc, failing, error):
    failing(error)
    ran = pynenc("config", "show")
    assert (ran.code, ran.err.strip()) == (130, "Interrupted")


def test_a_reader_that_has_enough(pynenc, failing):
    failing(BrokenPipeError(32, "Broken pipe"))
    ran = pynenc("config", "show")
    assert (ran.code, ran.err) == (1, "")


def test_bad_configuration(pynenc, write, monkeypatch):
    write("tasks.py", "from pynenc import Pynenc\napp = Pynenc()\n")
    monkeypatch.setenv("PYNENC__RUNNER__MIN_PARALLEL_SLOTS", "none")
    ran = pynenc("runner", "show_config")
    assert ran.code == 78
    assert "PYNENC__RUNNER__MIN_PARALLEL_SLOTS" in ran.err


@pytest.mark.usefixtures("_forget_modules")
def test_a_terminal_that_does_not_know_all_letters(monkeypatch, write):
    write("tasks.py", "from pynenc import Pynenc\napp = Pynenc(app_id='größe→')\n")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw := io.BytesIO(), "latin-1", write_through=True))
    with pytest.raises(SystemExit) as ended:
        main(["show_config"])
    assert ended.value.code == 0
    assert " - id: größe\\u2192\n" in raw.getvalue().decode("latin-1")


def test_the_group_works_without_main():
    """Tools that drive click commands see the same commands."""
    assert CliRunner().invoke(cli, ["status", "render"]).output.startswith("Transitions")
