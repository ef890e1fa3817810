"""``pynenc runner``: start a runner, and see which are alive."""

from typing import Any

import click

from pynenc.cli.config import print_config
from pynenc.cli.errors import EXIT_BAD_CONFIGURATION, CommandError
from pynenc.cli.finding import chosen_app, readable_app
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import duration, moment, print_json, print_table
from pynenc.conf.config_runner import ConfigRunner
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.runner.choice import RUNNERS
from pynenc.runner.dummy_runner import DummyRunner


@click.group()
@app_options
def runner() -> None:
    """Start a runner, and see which are alive."""


@runner.command(
    epilog="Examples: pynenc --app=tasks.app runner start | pynenc runner start --class ThreadRunner --threads 8"
)
@click.option("--class", "runner_cls", type=click.Choice(sorted(RUNNERS), case_sensitive=False), help="Kind of runner.")
@click.option("-p", "--processes", type=click.IntRange(min=1), help="Worker processes.")
@click.option("-t", "--threads", type=click.IntRange(min=1), help="Threads (of each process) that run tasks.")
@click.option("-Q", "--queues", multiple=True, metavar="QUEUE", help="Serve this queue only; may be repeated.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error", "critical"]), help="Log level.")
@click.option("--allow-memory", is_flag=True, help="Start although nobody outside this process can send it work.")
@app_options
@click.pass_context
def start(  # noqa: PLR0917 - click passes by name
    ctx: click.Context,
    runner_cls: str | None,
    processes: int | None,
    threads: int | None,
    queues: tuple[str, ...],
    log_level: str | None,
    allow_memory: bool,
) -> None:
    """Run invocations until SIGTERM or Ctrl-C (then exit code 0); a second signal ends at once, losing nothing."""
    app, label = chosen_app(ctx)
    if log_level:
        setattr(app.conf, "logging_level", log_level)  # noqa: B010 - one of the levels, as the option checks
    if runner_cls:
        app.conf.runner_cls = runner_cls
    click.echo(f"Starting runner for app: {label}")
    _refuse_memory(app, allow_memory=allow_memory)
    chosen = app.runner
    if isinstance(chosen, DummyRunner):
        raise CommandError("DummyRunner cannot be started, use another runner: pass --class, or set runner_cls.")
    _adjust(chosen.conf, processes, threads, queues)
    click.echo(f"Keeping state in {app.assembled.backend.location}", err=True)
    chosen.run()


def _refuse_memory(app: Any, *, allow_memory: bool) -> None:
    if app.assembled.backend.capabilities.shared_between_processes or allow_memory:
        return
    raise CommandError(
        f"ERROR: app {app.app_id!r} keeps its state in the memory of this process, so no other process can send this "
        "runner work or read its results. Use components on SQLite or a server, run the runner on a thread of the "
        "program that calls the tasks, or pass --allow-memory.",
        EXIT_BAD_CONFIGURATION,
    )


def _adjust(conf: ConfigRunner, processes: int | None, threads: int | None, queues: tuple[str, ...]) -> None:
    fields = type(conf).model_fields
    if processes is not None:
        name = next((n for n in ("num_processes", "max_processes") if n in fields), None)
        if name is None:
            raise click.UsageError(f"--processes does not apply to {type(conf).__name__.removeprefix('Config')}")
        setattr(conf, name, processes)
    if threads is not None:
        if "max_threads" not in fields or "num_processes" in fields:
            raise click.UsageError(f"--threads does not apply to {type(conf).__name__.removeprefix('Config')}")
        setattr(conf, "max_threads", threads)  # noqa: B010 - not all kinds of runners have it
    if queues:
        conf.queues = queues


@runner.command("list", epilog="Examples: pynenc runner list | pynenc runner list --all --json")
@click.option("--all", "everyone", is_flag=True, help="Also those that stopped or fell silent.")
@json_option
@app_options
@click.pass_context
def list_runners(ctx: click.Context, everyone: bool, as_json: bool) -> None:
    """List runners and their workers."""
    app, _ = readable_app(ctx)
    now = app.engine.clock.now()
    since = now - app.engine.settings.lease_seconds
    records = app.engine.ledger.runners(alive_since=None if everyone else since)
    if as_json:
        print_json([{**record._asdict(), "state": _state(record, since)} for record in records])
        return
    print_table(
        ("runner", "class", "parent", "host", "pid", "slots", "queues", "started", "last beat", "state"),
        [
            (
                record.runner_id,
                record.runner_cls,
                record.parent_id,
                record.hostname,
                record.pid,
                record.slots,
                ", ".join(record.queues) or "all",
                moment(record.started_at),
                f"{duration(max(0.0, now - record.last_beat))} ago",
                _state(record, since),
            )
            for record in records
        ],
    )


def _state(record: RunnerRecord, alive_since: float) -> str:
    if record.stopped_at is not None:
        return "stopped"
    return "alive" if record.last_beat >= alive_since else "silent"


@runner.command("show_config")
@app_options
@click.pass_context
def show_config(ctx: click.Context) -> None:
    """Show the settings of the runner."""
    app, label = chosen_app(ctx)
    print_config(app, label, app.runner.conf)
