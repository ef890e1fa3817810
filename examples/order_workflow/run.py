"""Runs two orders: one that is delivered after a hitch, one whose payment is declined. Needs nothing but Pynenc.

python examples/order_workflow/run.py
"""

import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

FOLDER = tempfile.mkdtemp(prefix="pynenc-orders-")
# Threads of this process run the tasks; the state is in a file in the folder.
os.environ |= {
    "PYNENC__SQLITE_DB_PATH": str(Path(FOLDER) / "orders.db"),
    "PYNENC__RUNNER_CLS": "ThreadRunner",
    "PYNENC__THREADRUNNER__MAX_THREADS": "2",
    "PYNENC__LOGGING_LEVEL": "critical",
}
sys.path.insert(0, str(Path(__file__).parent))

import orders  # noqa: E402 - after the settings

from pynenc.invocation import DistributedInvocation  # noqa: E402
from pynenc.testing import wait_until  # noqa: E402


def main() -> None:
    """Start a runner, and run both orders."""
    runner = threading.Thread(target=orders.app.runner.run, daemon=True)
    runner.start()
    try:
        for order_id, amount in (("A1", 120), ("B2", 5000)):
            show(order_id, amount)
    finally:
        orders.app.runner.stop_runner_loop()
        runner.join()
        orders.app.close()


def show(order_id: str, amount: int) -> None:
    """Run an order, and print what came of it."""
    invocation = orders.process_order(FOLDER, order_id, amount)
    deliver(invocation)
    result = invocation.result
    print(f"order {order_id}: {result['status']}")
    if result["status"] == "delivered":
        print(f"  received by: {result['received_by']}")
        data = orders.app.workflows.data(invocation.invocation_id)
        audit = orders.app.workflows.get(result["audited_in"])
        print(f"  retries: {invocation.num_retries}")
        print(f"  tracking number as in its data: {data['tracking_number'] == result['tracking_number']}")
        print(f"  audited in a workflow below it: {audit.parent_workflow_id == invocation.invocation_id}")
        print(f"  data: {', '.join(sorted(data))}")
    else:
        print(f"  reason: {result['reason']}")
    operations = orders.app.workflows.history(invocation.invocation_id)
    print(f"  recorded: {', '.join(each.name.rpartition('.')[2] or each.kind for each in operations)}")
    lines = (Path(FOLDER) / "journal").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith(order_id):
            print(f"  {line}")


def deliver(invocation: DistributedInvocation[dict[str, Any]]) -> None:
    """What the carrier does in its own time: it tells of all its parcels."""

    def tracking_number() -> Any:
        return orders.app.workflows.get_data(invocation.invocation_id, "tracking_number")

    wait_until(lambda: invocation.status.is_final() or tracking_number(), 30, "the order to be shipped")
    for number, receiver in (("TRK-OTHER", "somebody"), (tracking_number(), "a neighbour")):
        orders.app.trigger.emit_event("parcel.delivered", {"tracking_number": number, "received_by": receiver})


if __name__ == "__main__":
    main()
