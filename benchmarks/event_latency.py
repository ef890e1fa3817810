"""How long after an event is emitted the workflow goes on that waits for it; on SQLite, one runner with two processes.

    python -m benchmarks.event_latency [COUNT [WAITERS]]

Prints percentiles in milliseconds, one event at a time, while so many others wait for the same code with filters of
their own; and how long it takes until all of those have gone on, each with an event of its own.
"""

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.harness import event_tasks as tasks
from pynenc import Pynenc
from pynenc.testing import wait_until
from pynenc.testing.apps import installed

DEADLINE_SECONDS = 240.0


def measure(app: Pynenc, count: int, others: int) -> None:
    """Print both figures."""
    trigger = app.engine.backend.trigger

    def waiting() -> int:
        return len(trigger.waiters([f"event:{tasks.CODE}"]))

    crowd = tasks.one.parallelize([(number,) for number in range(1, others + 1)])
    wait_until(lambda: waiting() == others, DEADLINE_SECONDS, "the others to wait")
    loop = tasks.many(count)
    delays: list[float] = []
    for number in range(count):
        wait_until(lambda: waiting() == others + 1, DEADLINE_SECONDS, "it to wait")
        app.trigger.emit_event(tasks.CODE, {"number": 0, "serial": number, "at": time.time()})
    delays = sorted(1000 * each for each in loop.result_within(DEADLINE_SECONDS))
    quantiles = statistics.quantiles(delays, n=100)
    print(f"emit to code, {others} others waiting: p50 {quantiles[49]:.1f} ms, p95 {quantiles[94]:.1f} ms, of {count}")
    begin = time.monotonic()
    for number in range(1, others + 1):
        app.trigger.emit_event(tasks.CODE, {"number": number, "at": time.time()})
    emitted = time.monotonic() - begin
    for _ in crowd.results:
        pass
    print(f"{others} events: emitted in {emitted:.2f} s, all workflows ended after {time.monotonic() - begin:.2f} s")


def main() -> None:
    """Measure in a new folder."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    others = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000  # noqa: PLR2004 - the second argument
    with tempfile.TemporaryDirectory() as folder:
        app = Pynenc(
            {
                "app_id": "events",
                "sqlite_db_path": str(Path(folder) / "db"),
                "runner_cls": "PersistentProcessRunner",
                "num_processes": 2,
                "logging_level": "warning",
            }
        )
        with installed(app, tasks):
            runner = threading.Thread(target=app.runner.run)
            runner.start()
            try:
                measure(app, count, others)
            finally:
                app.runner.stop_runner_loop()
                runner.join()
        app.close()


if __name__ == "__main__":
    main()
