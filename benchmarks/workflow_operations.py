"""What an operation of a workflow costs: recorded the first time, and repeated by a replay.

    python -m benchmarks.workflow_operations [OPERATIONS]

Runs one workflow of that many steps without a runner around it, on memory and on SQLite in a temporary folder, and
prints microseconds for an operation: all, the first hundred and the last hundred, which should not differ.
"""

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from benchmarks import workflow_operations_tasks as tasks
from pynenc.engine.context import Running
from pynenc.engine.execution import call
from pynenc.engine.recovery import recover_from
from pynenc.ports.steps import ClaimPlan
from pynenc.testing.apps import SETUPS, build_app, installed

#: Operations whose mean is shown for the beginning and the end.
EDGE = 100


class _Alone:
    """Nothing here waits."""

    announces = False

    def owe(self, calls: int) -> None:
        """There is nobody to tell."""


def attempt(app: Any, owner: str) -> tuple[list[float], Running]:
    """Run what is queued once, without recording its end; the moments at which its operations ended."""
    engine = app.engine
    [claimed] = engine.steps.advance((), (), ClaimPlan(owner, (), 1, start=1)).claimed
    running = Running(engine, claimed, engine.find_task(claimed.record.task_id), _Alone())  # type: ignore[arg-type]
    running.thread_ident = threading.get_ident()
    tasks.MOMENTS.clear()
    ended = call(running)
    if ended.error is not None:
        raise ended.error
    return list(tasks.MOMENTS), running


def costs(moments: list[float]) -> str:
    """Microseconds for an operation: of all, of the first and of the last."""

    def mean(part: list[float]) -> float:
        return (part[-1] - part[0]) / (len(part) - 1) * 1e6

    return f"{mean(moments):8.1f} {mean(moments[: EDGE + 1]):8.1f} {mean(moments[-EDGE - 1 :]):8.1f}"


def main(operations: int) -> None:
    """Measure both products, each kind of operation."""
    print(f"{operations} operations, microseconds each:     all    first     last")
    for setup in ("memory-thread", "sqlite-thread"):
        for kind in ("random", "step"):
            with tempfile.TemporaryDirectory() as folder:
                app = build_app(SETUPS[setup], Path(folder), max_recoveries=10, logging_level="critical")
                with installed(app, tasks):
                    tasks.many(kind, operations)
                    recorded, running = attempt(app, "first")
                    recover_from(app.engine, running.record.owner or "", "benchmark")
                    replayed, _ = attempt(app, "second")
                app.close()
            print(f"{setup:14} {kind:8} recorded      {costs(recorded)}")
            print(f"{setup:14} {kind:8} replayed      {costs(replayed)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
