"""Random workflows, killed at random operations, come to what an undisturbed run comes to."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynenc import Pynenc
from pynenc.engine.context import Running
from pynenc.engine.execution import Fenced, Unwind, call, classify
from pynenc.engine.journal import StoredJournal
from pynenc.engine.recovery import recover_from
from pynenc.engine.triggers import Triggers
from pynenc.invocation import InvocationStatus
from pynenc.invocation.record import Claimed
from pynenc.ports.steps import ClaimPlan
from pynenc.testing.apps import SETUPS, build_app, installed
from tests.unit.engine import replay_tasks

Program = list[tuple[Any, ...]]

operations = st.one_of(
    st.tuples(st.sampled_from(["random", "uuid", "time", "get"])),
    st.tuples(st.just("set"), st.integers(0, 2)),
    st.tuples(st.just("step"), st.integers(0, 9)),
    st.tuples(st.just("failing step"), st.integers(0, 9)),
    st.tuples(st.just("task"), st.integers(0, 9)),
    st.tuples(st.just("failing task"), st.integers(0, 9)),
    st.tuples(st.just("sleep"), st.just(0)),
    st.tuples(st.just("patched"), st.sampled_from(["a", "b"])),
    st.tuples(st.sampled_from(["emit", "emit", "event", "this event", "odd event", "later event"]), st.integers(0, 3)),
)
programs = st.lists(operations, min_size=1, max_size=12)


class Suspender:
    """Runs what is waited for where it is waited for, as one process with all the slots in the world would."""

    announces = True

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker

    def suspend(self, running: Running, awaited: Any, **_: Any) -> Any:
        while True:
            records = running.engine.ledger.read(awaited)
            if all(record.status.is_final() for record in records.values()):
                return list(records.values())
            assert self._worker.turn(), "somebody waits for what nobody can run"

    async def suspend_async(self, running: Running, awaited: Any, **_: Any) -> Any:
        """There are no coroutines here."""
        raise NotImplementedError

    def owe(self, calls: int) -> None:
        """There is nobody to tell."""

    def interrupt(self, running: Running) -> None:
        """Nothing here sleeps."""


class Worker:
    """One incarnation: it dies at a write to a log, before or after it, and leaves what it had."""

    def __init__(self, app: Pynenc, name: str, dies_at: int | None, after: bool) -> None:
        self.app = app
        self.name = name
        self._left = dies_at
        self._after = after

    def turn(self) -> bool:
        engine = self.app.engine
        claimed = engine.steps.advance((), (), ClaimPlan(self.name, (), 1, start=1)).claimed
        for each in claimed:
            self._run(each)
        return bool(Triggers(engine).evaluate(100) or claimed)

    def _run(self, claimed: Claimed) -> None:
        engine = self.app.engine
        running = Running(engine, claimed, engine.find_task(claimed.record.task_id), Suspender(self))
        running.thread_ident = threading.get_ident()
        finish = classify(running, call(running), engine.clock.now())
        engine.steps.advance([finish], (), None)

    @contextmanager
    def mortal(self) -> Iterator[None]:
        """Its writes to logs count, and at one of them it dies: before it, or when it is committed."""
        written = StoredJournal.write, StoredJournal.start_child
        StoredJournal.write, StoredJournal.start_child = map(self._or_die, written)  # type: ignore[method-assign]
        try:
            yield
        finally:
            StoredJournal.write, StoredJournal.start_child = written  # type: ignore[method-assign]

    def _or_die(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def write_or_die(*args: Any, **kwargs: Any) -> Any:
            if self._left is None:
                return write(*args, **kwargs)
            self._left -= 1
            if self._left < 0 and not self._after:
                raise Unwind
            answer = write(*args, **kwargs)
            if self._left < 0:
                raise Unwind
            return answer

        return write_or_die


def run(
    app: Pynenc,
    program: Program,
    deaths: list[tuple[int, bool]],
    status: InvocationStatus = InvocationStatus.SUCCESS,
) -> tuple[Any, Counter[str]]:
    """What a program comes to, and how often its effects took place, with workers that die so early."""
    replay_tasks.EFFECTS.clear()
    invocation = replay_tasks.interpret(program)
    lives: list[tuple[int | None, bool]] = [*deaths, (None, False)]
    for number, (dies_at, after) in enumerate(lives):
        worker = Worker(app, f"worker-{number}", dies_at, after)
        with worker.mortal(), suppress(Unwind, Fenced):
            while worker.turn():
                pass
        recover_from(app.engine, worker.name, "tester")
    assert invocation.status is status, invocation.status
    effects = Counter(replay_tasks.EFFECTS)
    log = app.workflows.history(invocation.invocation_id, after=-(1 << 62))
    came = invocation.result if status is InvocationStatus.SUCCESS else None
    return (came, [(each.kind, each.name, each.failed) for each in log]), effects


def comparable(result: Any) -> Any:
    """Without what each workflow has of its own, by which its values are generated."""
    values, log = result
    return [value if not isinstance(value, str | float) else type(value).__name__ for value in values], log


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread", "memory-but-sqlite-values"])
@settings(max_examples=40, deadline=None)
@given(program=programs, deaths=st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=4))
def test_a_disturbed_run_comes_to_the_same(setup: str, program: Program, deaths: list[tuple[int, bool]]) -> None:
    with TemporaryDirectory() as folder:
        app = build_app(SETUPS[setup], Path(folder), max_recoveries=100, logging_level="critical")
        with installed(app, replay_tasks):
            expected, once = run(app, program, [])
            found, effects = run(app, program, deaths)
        app.close()
    assert comparable(found) == comparable(expected)
    for effect, count in effects.items():
        assert once[effect] <= count <= once[effect] + len(deaths), effect


@pytest.mark.parametrize("setup", ["memory-thread", "sqlite-thread", "memory-but-sqlite-values"])
@pytest.mark.parametrize(
    ("deaths", "status"),
    [
        ([(2, True)] * 5, InvocationStatus.SUCCESS),
        ([(2, True), (0, False), (2, True), (0, False)], InvocationStatus.SUCCESS),
        ([(2, True), (0, False), (0, False)], InvocationStatus.FAILED),
    ],
)
def test_deaths_count_since_the_last_progress(
    tmp_path: Path, setup: str, deaths: list[tuple[int, bool]], status: InvocationStatus
) -> None:
    app = build_app(SETUPS[setup], tmp_path, max_recoveries=2, logging_level="critical")
    with installed(app, replay_tasks):
        assert run(app, [("step", number) for number in range(20)], deaths, status)[1]
    app.close()
