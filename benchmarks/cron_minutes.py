"""Minutes of real time of a minute cron over two runners, one of which is killed and started again.

    python -m benchmarks.cron_minutes [MINUTES]

Prints each firing with how long after its minute the task started, and ends with 1 unless each minute fired once.
"""

import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import cron_tasks as tasks
from pynenc import Pynenc
from pynenc.invocation.status import InvocationStatus
from pynenc.testing import wait_until
from pynenc.testing.apps import RunnerProcess, installed

MINUTE = 60.0
#: After a minute began: time for its firing.
SLACK_SECONDS = 10.0


def runner(app: Pynenc, folder: Path, name: str) -> RunnerProcess:
    """Start a runner process."""
    (folder / name).mkdir()
    return RunnerProcess(app, folder / name).start()


def wait_for(moment: float) -> None:
    """Let real time pass; that is what this is about."""
    time.sleep(max(0.0, moment - time.time()))


def run(app: Pynenc, folder: Path, minutes: int) -> bool:
    """Whether each minute fired once."""
    runners = [runner(app, folder, "first"), runner(app, folder, "second")]
    begin = (time.time() // MINUTE + 1) * MINUTE
    try:
        # In the middle between the first two minutes one dies, and comes back after another.
        wait_for(begin + MINUTE / 2)
        runners[0].send(signal.SIGKILL)
        runners[0].wait()
        print(f"runner {runners[0].pid} killed")
        wait_for(begin + MINUTE + SLACK_SECONDS)
        runners.append(runner(app, folder, "again"))
        print(f"runner {runners[-1].pid} started")
        expected = [begin + number * MINUTE for number in range(minutes)]
        wait_for(expected[-1] + SLACK_SECONDS)
        ended = [InvocationStatus.SUCCESS]
        wait_until(
            lambda: app.orchestrator.count_invocations(tasks.each_minute.key, ended) >= minutes, MINUTE, "the end"
        )
    finally:
        for each in runners[1:]:
            each.stop()
    fired: list[float] = []
    for firing in reversed(app.trigger.get_firings()):
        slot = float(json.loads(firing.causes)[0][1].rpartition(":")[2])
        history = app.engine.ledger.history([firing.invocation_id or ""])
        started = min(entry.timestamp for entry in history if entry.status is InvocationStatus.RUNNING)
        print(f"{time.strftime('%H:%M:%S', time.gmtime(slot))} UTC: started {1000 * (started - slot):.1f} ms later")
        fired.append(slot)
    print(f"{len(fired)} firings for {minutes} minutes: {'each once' if fired == expected else 'WRONG'}")
    return fired == expected


def main() -> int:
    """Run in a new folder."""
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        settings = {"runner_cls": "PersistentProcessRunner", "num_processes": 1, "logging_level": "warning"}
        app = Pynenc({"app_id": "cron_minutes", "sqlite_db_path": str(path / "db"), **settings})
        with installed(app, tasks):
            right = run(app, path, minutes)
        app.close()
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
