"""``pynenc runner``: start a runner, and see which are alive."""

from collections import Counter
from typing import Any, Final, NamedTuple

import click

from pynenc.cli.config import print_config
from pynenc.cli.errors import EXIT_BAD_CONFIGURATION, CommandError
from pynenc.cli.finding import chosen_app, readable_app
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import duration, moment, print_json, print_table
from pynenc.conf.config_runner import ConfigRunner
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import InvocationRecord
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.orchestrator import Orchestrator
from pynenc.runner.choice import RUNNERS
from pynenc.runner.dummy_runner import DummyRunner

#: What executes user code at this moment.
_EXECUTING: Final = frozenset({InvocationStatus.RUNNING, InvocationStatus.RESUMED})
#: Listed of one runner at most; each has its slot, and processes have fewer of them.
_MOST_RUNNING: Final = 1000


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


@runner.command("list", epilog="Examples: pynenc runner list | pynenc runner ls --all --json")
@click.option("--all", "everyone", is_flag=True, help="Also those that stopped or fell silent.")
@json_option
@app_options
@click.pass_context
def list_runners(ctx: click.Context, everyone: bool, as_json: bool) -> None:
    """List runners and their workers: state and since when, and what they run at this moment."""
    app, _ = readable_app(ctx)
    ledger, now = app.engine.ledger, app.engine.clock.now()
    alive_since = now - app.engine.settings.lease_seconds
    seen = [
        _Seen(record, *_state(record, alive_since), _running(ledger, record.runner_id))
        for record in ledger.runners(alive_since=None if everyone else alive_since)
    ]
    if as_json:
        print_json([each.as_json() for each in seen])
        return
    print_table(
        ("runner", "class", "parent", "host", "pid", "slots", "queues", "state", "since", "last beat", "runs"),
        [
            (
                record.runner_id,
                record.runner_cls,
                record.parent_id,
                record.hostname,
                record.pid,
                record.slots,
                ", ".join(record.queues) or "all",
                state,
                moment(since),
                f"{duration(max(0.0, now - record.last_beat))} ago",
                _summary(running),
            )
            for record, state, since, running in seen
        ],
    )


#: The same by the name that other tools have for it.
runner.add_command(list_runners, "ls")


class _Seen(NamedTuple):
    """A runner as it is listed."""

    record: RunnerRecord
    state: str
    #: When it came into this state: seconds since the epoch.
    since: float
    running: list[InvocationRecord]

    def as_json(self) -> dict[str, Any]:
        running = [
            {"invocation_id": each.invocation_id, "task_id": each.task_id, "since": each.changed_at}
            for each in self.running
        ]
        return {**self.record._asdict(), "state": self.state, "since": self.since, "running": running}


def _state(record: RunnerRecord, alive_since: float) -> tuple[str, float]:
    """What a runner does, and since when."""
    if record.stopped_at is not None:
        return "stopped", record.stopped_at
    return ("alive", record.started_at) if record.last_beat >= alive_since else ("silent", record.last_beat)


def _running(ledger: Orchestrator, runner_id: str) -> list[InvocationRecord]:
    """What it executes, oldest first; what it has paused waits for something else, and is left out."""
    return ledger.find(InvocationQuery(owner=runner_id, statuses=_EXECUTING, newest_first=False, limit=_MOST_RUNNING))


def _summary(running: list[InvocationRecord]) -> str:
    counts = Counter(record.task_id for record in running)
    return ", ".join(task if count == 1 else f"{task} ×{count}" for task, count in counts.items())


@runner.command("show_config")
@app_options
@click.pass_context
def show_config(ctx: click.Context) -> None:
    """Show the settings of the runner."""
    app, label = chosen_app(ctx)
    print_config(app, label, app.runner.conf)
