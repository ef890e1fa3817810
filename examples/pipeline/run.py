"""Runs the pipeline of ``tasks.py``: puts orders into the inbox, closes the day, and shows what came of it.

python examples/pipeline/run.py
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

ORDERS = {"book": 30, "car": 500, "gift": 0, "lamp": 70}


def main(folder: Path) -> None:
    """Run it in this folder."""
    os.environ["PIPELINE_FOLDER"] = str(folder)
    sys.path.insert(0, str(Path(__file__).parent))
    import tasks  # noqa: PLC0415 - it reads the folder from the environment

    from pynenc.testing import wait_until  # noqa: PLC0415 - as above

    def journal() -> Sequence[str]:
        path = folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    inbox = folder / "inbox"
    inbox.mkdir()
    for order, amount in ORDERS.items():
        (inbox / f"{order}.json").write_text(json.dumps({"order": order, "amount": amount}))
    runner = threading.Thread(target=tasks.app.runner.run)
    runner.start()
    try:
        wait_until(lambda: len(journal()) == 3, 60, "the orders")
        print(*sorted(journal()), sep="\n")
        tasks.app.trigger.emit_event("day.closed")
        wait_until(lambda: len(journal()) == 4, 60, "the digest")
        print(journal()[-1])
    finally:
        tasks.app.runner.stop_runner_loop()
        runner.join()
    firings = [firing for firing in tasks.app.trigger.get_firings() if not firing.task_id.endswith("look_into_inbox")]
    for firing in reversed(firings):
        causes = " and ".join(condition for condition, _ in json.loads(firing.causes))
        print(f"{firing.task_id.rpartition('.')[2]} because of {causes}")
    tasks.app.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        main(Path(name))
