"""How long after the commit of a status the task starts that it triggers; on SQLite, one runner with two processes.

    python -m benchmarks.trigger_latency [COUNT]

Prints percentiles in milliseconds, one source task at a time, and the rate of a burst of events.
"""

import statistics
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks.harness import trigger_tasks as tasks
from pynenc import Pynenc
from pynenc.invocation.record import HistoryEntry
from pynenc.invocation.status import InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import installed

#: Events in the burst.
BURST = 1_000
DEADLINE_SECONDS = 120.0


def measure(app: Pynenc, count: int) -> None:
    """Print both figures."""
    ledger = app.engine.ledger
    target, burst = tasks.target.key, tasks.on_burst.key
    for number in range(count):
        _ = tasks.source(number).result
        wait_until(lambda n=number: app.orchestrator.count_invocations(target, _ENDED) > n, DEADLINE_SECONDS, "it")  # type: ignore[misc]

    def times(task: str, status: InvocationStatus) -> list[float]:
        ids = app.orchestrator.get_task_invocation_ids(task, limit=10 * BURST)
        entries: list[HistoryEntry] = ledger.history(ids)
        return sorted(entry.timestamp for entry in entries if entry.status is status)

    committed = times(tasks.source.key, InvocationStatus.SUCCESS)
    started = times(target, InvocationStatus.RUNNING)
    delays = sorted((start - end) * 1000 for end, start in zip(committed, started, strict=True))
    quantiles = statistics.quantiles(delays, n=100)
    print(f"status commit to start: p50 {quantiles[49]:.1f} ms, p95 {quantiles[94]:.1f} ms, of {count}")

    clock = app.engine.clock
    begin = clock.monotonic()
    for number in range(BURST):
        app.trigger.emit_event("burst", {"number": number})
    emitted = clock.monotonic() - begin
    wait_until(lambda: app.orchestrator.count_invocations(burst, _ENDED) == BURST, DEADLINE_SECONDS, "the burst")
    print(f"{BURST} events: emitted in {emitted:.2f} s, all their tasks ended after {clock.monotonic() - begin:.2f} s")


_ENDED = [InvocationStatus.SUCCESS]


def main() -> None:
    """Measure in a new folder."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        app = Pynenc(
            {
                "app_id": "latency",
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
                measure(app, count)
            finally:
                app.runner.stop_runner_loop()
                runner.join()
        app.close()


if __name__ == "__main__":
    main()
