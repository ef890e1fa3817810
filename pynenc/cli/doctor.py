"""``pynenc doctor``: is everything in order? Each check says what to do if not."""

import importlib
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import click

from pynenc.cli.errors import EXIT_UNHEALTHY
from pynenc.cli.finding import chosen_app
from pynenc.cli.options import app_options, json_option
from pynenc.cli.output import print_json
from pynenc.conf.groups import CORE_GROUPS
from pynenc.engine.user_code import contained, words
from pynenc.identifiers import TaskId
from pynenc.runner.publish import published_tasks

#: A look into a store that takes longer is worth a word.
SLOW_STORE_SECONDS = 0.5
#: Clocks of runners that differ by more endanger leases.
CLOCK_SKEW_SECONDS = 5.0


class Finding(NamedTuple):
    """The outcome of one check."""

    check: str
    ok: bool
    detail: str
    hint: str = ""


@click.command(epilog="Examples: pynenc --app=tasks.app doctor | pynenc doctor --json")
@json_option
@app_options
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> int:
    """Check configuration, stores, clocks and task imports; exit code 6 if something is wrong."""
    app, label = chosen_app(ctx)
    findings = [Finding("application", ok=True, detail=f"{label}: app_id {app.app_id!r}, {len(app.tasks)} tasks")]
    for name, check in CHECKS.items():
        try:
            findings.append(check(app))
        except Exception as error:  # noqa: BLE001 - a check that fails is a finding
            findings.append(Finding(name, ok=False, detail=f"{type(error).__name__}: {error}"))
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.ok else 'BAD '} {finding.check:<14}{finding.detail}")
            if finding.hint:
                click.echo(f"     {'':<14}{finding.hint}")
    return 0 if all(finding.ok for finding in findings) else EXIT_UNHEALTHY


def _configuration(app: Any) -> Finding:
    for group in CORE_GROUPS:
        app.settings.build(group)
    return Finding("configuration", ok=True, detail="every setting is known and has a value of its type")


def _stores(app: Any) -> Finding:
    started = time.perf_counter()
    backend = app.assembled.backend
    backend.orchestrator.last_change()
    queued = sum(backend.broker.sizes().values())
    took = time.perf_counter() - started
    detail = f"{backend.location} answers in {took * 1000:.1f} ms; {queued} queued"
    slow = took > SLOW_STORE_SECONDS
    return Finding("stores", ok=not slow, detail=detail, hint="Is it on a slow or remote disk?" if slow else "")


def _wakeups(app: Any) -> Finding:
    wakeups = app.assembled.backend.wakeups
    wakeups.address()
    if wakeups.can_wake:
        return Finding("wake-ups", ok=True, detail="reach this process")
    return Finding(
        "wake-ups", ok=True, detail="do not reach this process; it looks for changes at intervals of up to 0.25 s"
    )


def _runners(app: Any) -> Finding:
    now = app.engine.clock.now()
    alive = app.engine.ledger.runners(alive_since=now - app.engine.settings.lease_seconds)
    if not alive:
        return Finding("runners", ok=True, detail="none is alive", hint=f"Start one: {app.start_command}")
    return Finding("runners", ok=True, detail=f"{len(alive)} alive (runners and their workers)")


def _queues(app: Any) -> Finding:
    now = app.engine.clock.now()
    alive = app.engine.ledger.runners(alive_since=now - app.engine.settings.lease_seconds)
    waiting = sorted({queue for (queue, _), count in app.assembled.backend.broker.sizes().items() if count})
    unserved = [queue for queue in waiting if all(runner.queues and queue not in runner.queues for runner in alive)]
    if not unserved:
        return Finding("queues", ok=True, detail=f"{len(waiting)} with work, each is served")
    command = " ".join([app.start_command, *(f"--queues {queue}" for queue in unserved if alive)])
    detail = f"no living runner serves {', '.join(unserved)}, where work waits"
    return Finding("queues", ok=False, detail=detail, hint=f"Start one: {command}")


def _silent_owners(app: Any) -> Finding:
    now = app.engine.clock.now()
    orphans = app.engine.ledger.orphans(now - app.engine.settings.lease_seconds, 1)
    if not orphans:
        return Finding("owners", ok=True, detail="everything that is owned has a living owner")
    detail = f"{orphans[0].owner} fell silent with work of its own (as {orphans[0].invocation_id})"
    return Finding("owners", ok=False, detail=detail, hint="A living runner takes it back within seconds.")


def _clocks(app: Any) -> Finding:
    now = app.engine.clock.now()
    ahead = max((r.last_beat - now for r in app.engine.ledger.runners(alive_since=now)), default=0.0)
    ok = ahead <= CLOCK_SKEW_SECONDS
    detail = "agree" if ok else f"a runner's clock is {ahead:.1f} s ahead of this machine's"
    return Finding(
        "clocks", ok=ok, detail=detail, hint="" if ok else "Synchronise the clocks (NTP); leases compare them."
    )


def _tasks(app: Any) -> Finding:
    broken: list[str] = []
    published = published_tasks(app)
    for key in sorted({*published, *(task_id.key for task_id in app.tasks)}):
        try:
            app.get_task(TaskId.from_key(key))
        except Exception as error:  # noqa: BLE001 - user code is imported
            broken.append(f"{key}: {error}")
    if broken:
        return Finding(
            "tasks", ok=False, detail="; ".join(broken), hint="Deploy the same code everywhere, or fix the import."
        )
    return Finding("tasks", ok=True, detail=f"all {len(app.tasks)} can be imported by workers")


def _trigger_modules(app: Any) -> Finding:
    modules = sorted(app.conf.trigger_task_modules)
    broken: list[str] = []
    for name in modules:
        error = contained(partial(importlib.import_module, name)).error
        if error is not None:
            broken.append(f"{name}: {words(error)}")
    if broken:
        return Finding(
            "triggers", ok=False, detail="; ".join(broken), hint="Correct trigger_task_modules, or the module."
        )
    return Finding("triggers", ok=True, detail=f"all {len(modules)} modules of trigger_task_modules can be imported")


def _folder(app: Any) -> Finding:
    path = app.assembled.backend.location
    if not os.path.isabs(path):  # noqa: PTH117 - it may be no path at all
        return Finding("storage", ok=True, detail=path)
    folder = os.path.dirname(path)  # noqa: PTH120 - as above
    ok = os.access(folder, os.W_OK)
    return Finding("storage", ok=ok, detail=f"{folder} is {'writable' if ok else 'not writable'}")


CHECKS: dict[str, Callable[[Any], Finding]] = {
    "configuration": _configuration,
    "stores": _stores,
    "storage": _folder,
    "wake-ups": _wakeups,
    "runners": _runners,
    "queues": _queues,
    "owners": _silent_owners,
    "clocks": _clocks,
    "tasks": _tasks,
    "triggers": _trigger_modules,
}
