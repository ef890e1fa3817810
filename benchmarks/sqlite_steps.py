"""What the steps of a task cost on the SQLite backend, without engine, wake-ups and user code.

    python -m benchmarks.sqlite_steps                       each step, in one process, in an empty store
    python -m benchmarks.sqlite_steps --finished 1000000 --queued 100000    the same in a full one
    python -m benchmarks.sqlite_steps --processes           a client and two workers on one file

Times are microseconds for each task: CPU of the process, and the wall, then the parts of the wall, from a run of
their own (looking at the clock takes part of them).
"""

import argparse
import multiprocessing
import random
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from pynenc.backends.sqlite import Components, sqlite_components
from pynenc.identifiers import new_id
from pynenc.invocation.record import InvocationRecord, NewInvocation, Outcome, QueueEntry, Transition
from pynenc.invocation.status import InvocationStatus

APP = "benchmark"
PLACE = ("default", "thread")
TASK = "shop.orders.tasks.add"
CLIENT = new_id()
REPLY_TO = "17.5f3a9c1e"

#: Tasks in one measurement, and how often it is made; the median counts.
TASKS = 3_000
ROUNDS = 5

#: Sizes of a batch of calls, and of a group of finished and claimed tasks.
CALLS_IN_BATCH = 100
TASKS_IN_GROUP = 16

#: How long a worker of ``--processes`` goes on without finding anything.
PATIENCE_SECONDS = 1.0

NO_PART = nullcontext()


class Steps:
    """Submitting and working as the engine does it, each a unit, timed in parts."""

    def __init__(self, store: Components) -> None:
        self.store = store
        self.timed = False
        self.parts: defaultdict[str, float] = defaultdict(float)
        self.runner = new_id()
        self.running: list[InvocationRecord] = []

    def submit(self, count: int) -> None:
        """Register calls and queue them."""
        new = [new_call() for _ in range(count)]
        store = self.store
        with self._unit():
            with self._part("register"):
                store.orchestrator.register(new, time.time())
            with self._part("save_calls"):
                store.state.save_calls(new)
            with self._part("push"):
                store.broker.push([QueueEntry(each.invocation_id, *PLACE, 0) for each in new])

    def work(self, count: int) -> int:
        """Finish what runs, and start as many others as there are, up to ``count``; how many started."""
        now = time.time()
        store, ledger = self.store, self.store.orchestrator
        with self._unit():
            if self.running:
                with self._part("put_outcomes"):
                    store.state.put_outcomes([outcome_of(record, now) for record in self.running])
                with self._part("to SUCCESS"):
                    self._move(self.running, InvocationStatus.SUCCESS, now)
                with self._part("release"):
                    ledger.release([record.invocation_id for record in self.running])
            with self._part("pop"):
                popped = store.broker.pop([PLACE], count)
            ids = [entry.invocation_id for entry in popped]
            self.running = []
            if ids:
                with self._part("claim"):
                    claimed = ledger.claim(ids, self.runner, now)
                with self._part("load_calls"):
                    store.state.load_calls(ids)
                with self._part("to RUNNING"):
                    self.running = self._move(claimed, InvocationStatus.RUNNING, now)
        return len(self.running)

    def _move(
        self, records: Sequence[InvocationRecord], status: InvocationStatus, now: float
    ) -> list[InvocationRecord]:
        changes = [Transition(record.invocation_id, status, self.runner, record.attempt) for record in records]
        after = [record for record in self.store.orchestrator.transition(changes, now) if record is not None]
        assert len(after) == len(records), "the ledger refused a change"  # noqa: S101  # Or the figures mean nothing.
        return after

    @contextmanager
    def _timed_unit(self) -> Generator[None]:
        with self._timed_part("begin"):
            self.store.connection.begin()
        yield
        with self._timed_part("commit"):
            self.store.connection.end(None)

    @contextmanager
    def _timed_part(self, name: str) -> Generator[None]:
        started = time.perf_counter()
        yield
        self.parts[name] += time.perf_counter() - started

    def _unit(self) -> AbstractContextManager[object]:
        return self._timed_unit() if self.timed else self.store.unit()

    def _part(self, name: str) -> AbstractContextManager[object]:
        return self._timed_part(name) if self.timed else NO_PART


def new_call() -> NewInvocation:
    """A call without arguments of a task without options."""
    invocation_id = new_id()
    return NewInvocation(
        invocation_id=invocation_id,
        task_id=TASK,
        args_id="no_args",
        arguments="{}",
        parent_id=None,
        workflow_id=invocation_id,
        workflow_type=TASK,
        parent_workflow_id=None,
        queue=PLACE[0],
        lane=PLACE[1],
        priority=0,
        not_before=None,
        registration_key=None,
        running_key=None,
        drop_when_blocked=False,
        registered_by=CLIENT,
        reply_to=REPLY_TO,
    )


def outcome_of(record: InvocationRecord, now: float) -> Outcome:
    """A success without a result."""
    return Outcome(record.invocation_id, record.attempt, record.owner or "", now, now, "null", None, None, None, None)


def measure(steps: Steps, name: str, action: Callable[[], object], undo: Callable[[], object]) -> None:
    """Print what an action costs for each of its tasks; ``undo`` makes it possible once more."""
    walls: list[float] = []
    cpus: list[float] = []
    steps.parts.clear()
    for number in range(ROUNDS + 1):
        steps.timed = number == ROUNDS
        wall, cpu = time.perf_counter(), time.process_time()
        action()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        steps.timed = False
        if number < ROUNDS:
            undo()
    each = 1e6 / TASKS
    cpu_each, wall_each = statistics.median(cpus[:-1]) * each, statistics.median(walls[:-1]) * each
    parts = ", ".join(f"{part} {seconds * each:.1f}" for part, seconds in steps.parts.items())
    print(f"{name:24} cpu {cpu_each:6.1f}  wall {wall_each:6.1f}   {parts}")


def measure_steps(store: Components) -> None:
    """Print the cost of each step in one process."""
    steps = Steps(store)

    def repeat(step: Callable[[int], object], size: int) -> Callable[[], None]:
        def action() -> None:
            for _ in range(TASKS // size):
                step(size)

        return action

    submit, submit_batches = repeat(steps.submit, 1), repeat(steps.submit, CALLS_IN_BATCH)
    work, work_groups = repeat(steps.work, 1), repeat(steps.work, TASKS_IN_GROUP)
    measure(steps, "submit one by one", submit, work_groups)
    measure(steps, "work one by one", work, submit_batches)
    submit_batches()
    measure(steps, f"work by {TASKS_IN_GROUP}", work_groups, submit_batches)
    measure(steps, f"submit by {CALLS_IN_BATCH}", submit_batches, work_groups)
    work_groups()
    steps.work(0)


def fill(store: Components, finished: int, queued: int) -> None:
    """Put invocations into a store that have ended, and others that wait."""
    steps = Steps(store)
    started = time.perf_counter()
    for _ in range(finished // CALLS_IN_BATCH):
        with store.unit():
            steps.submit(CALLS_IN_BATCH)
            steps.work(CALLS_IN_BATCH)
    steps.work(0)
    for _ in range(queued // CALLS_IN_BATCH):
        steps.submit(CALLS_IN_BATCH)
    megabytes = store.connection.db_path.stat().st_size / 1e6
    print(f"filled in {time.perf_counter() - started:.0f} s: {megabytes:.0f} MB")


def submit_in_process(path: Path, tasks: int) -> None:
    """A client: one call after the other."""
    steps = Steps(sqlite_components(APP, path))
    for _ in range(tasks):
        steps.submit(1)


def work_in_process(path: Path) -> None:
    """A worker: groups of what it finds."""
    steps = Steps(sqlite_components(APP, path))
    last_found = time.monotonic()
    while time.monotonic() < last_found + PATIENCE_SECONDS:
        if steps.work(TASKS_IN_GROUP):
            last_found = time.monotonic()
        else:
            # In place of a wake-up.
            time.sleep(random.uniform(0.0005, 0.001))  # noqa: S311


def measure_processes(path: Path, tasks: int) -> None:
    """Print the throughput and the CPU of a client and two workers."""
    # Makes the file and the tables.
    store = sqlite_components(APP, path)
    store.broker.sizes()
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work_in_process, args=(path,)) for _ in range(2)]
    client = context.Process(target=submit_in_process, args=(path, tasks))
    started = time.perf_counter()
    for process in (*workers, client):
        process.start()
    while store.orchestrator.last_change() < 4 * tasks:
        time.sleep(0.01)
    wall = time.perf_counter() - started
    for process in (*workers, client):
        process.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (used.ru_utime + used.ru_stime) / tasks * 1e6
    print(f"client and two workers: {tasks / wall:,.0f} tasks/s, cpu of all {cpu:.0f} for each (starts included)")


def main() -> None:
    """Measure what the arguments ask for, on a new file."""
    parser = argparse.ArgumentParser(description="Cost of the steps of a task on the SQLite backend")
    parser.add_argument("--finished", type=int, default=0, help="invocations that have ended before")
    parser.add_argument("--queued", type=int, default=0, help="invocations that wait in the queue before")
    parser.add_argument("--processes", action="store_true", help="measure a client and two workers instead")
    parser.add_argument("--tasks", type=int, default=20_000, help="of --processes")
    parser.add_argument("--folder", type=Path, default=None, help="where the file is made (default: temporary files)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "pynenc.db"
        if options.processes:
            measure_processes(path, options.tasks)
            return
        store = sqlite_components(APP, path)
        fill(store, options.finished, options.queued)
        measure_steps(store)
        store.unit.close()


if __name__ == "__main__":
    main()
