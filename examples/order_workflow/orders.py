"""Order processing as a workflow: steps, sub-tasks, a failure that is tried again, and a compensation."""

from datetime import datetime
from pathlib import Path
from typing import Any

from pynenc import Pynenc

app = Pynenc()


class CarrierBusyError(Exception):
    """The parcel service asks to come back later."""


class PaymentDeclinedError(Exception):
    """The bank says no."""


def journal(folder: str, line: str) -> int:
    """What the world sees of an order: a line in a file. Returns how often it has seen this line."""
    path = Path(folder) / "journal"
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return path.read_text(encoding="utf-8").splitlines().count(line)


@app.task
def reserve_stock(folder: str, order_id: str) -> str:
    """Put the goods aside."""
    journal(folder, f"{order_id}: stock reserved")
    return f"RES-{order_id}"


@app.task
def release_stock(folder: str, order_id: str) -> None:
    """Put them back: what undoes ``reserve_stock``."""
    journal(folder, f"{order_id}: stock released")


@app.task
def process_payment(folder: str, order_id: str, amount: int) -> dict[str, str]:
    """Charge the customer."""
    if amount > 1000:
        journal(folder, f"{order_id}: payment declined")
        raise PaymentDeclinedError(f"{amount} is above the limit of the card")
    journal(folder, f"{order_id}: {amount} charged")
    return {"payment_id": f"PAY-{order_id}", "status": "paid"}


def book_carrier(folder: str, order_id: str, tracking_number: str) -> str:
    """Ask the parcel service for a van; it is busy the first time."""
    if journal(folder, f"{order_id}: carrier asked") == 1:
        raise CarrierBusyError("try again")
    journal(folder, f"{order_id}: carrier booked")
    return f"VAN-{tracking_number[-2:]}"


@app.workflow(force_new_workflow=True)
def audit(folder: str, order_id: str) -> dict[str, Any]:
    """A workflow of its own, below the one that calls it."""
    audit_id = audit.wf.uuid()
    audit.wf.step("file", journal, folder, f"{order_id}: audited")
    return {"audit_id": audit_id, "workflow_id": audit.workflow.workflow_id}


@app.workflow(retry_for=(CarrierBusyError,), max_retries=3)
def process_order(folder: str, order_id: str, amount: int) -> dict[str, Any]:
    """One order, from the stock to the door.

    Whatever happens to the worker, each line below takes effect once: what is recorded is not done again.
    """
    wf = process_order.wf
    tracking_number = f"TRK-{order_id}-{int(wf.random() * 100000):05d}"
    began: datetime = wf.utc_now()

    reservation = wf.execute_task(reserve_stock, folder, order_id)
    wf.set_data("reservation", reservation.result)
    payment = wf.execute_task(process_payment, folder, order_id, amount)
    try:
        wf.set_data("payment_id", payment.result["payment_id"])
    except PaymentDeclinedError as error:
        # The compensation is recorded, too, and happens once.
        wf.execute_task(release_stock, folder, order_id).wait()
        return {"order_id": order_id, "status": "declined", "reason": str(error)}

    # The carrier is busy: the error ends this attempt, and the next begins at the top. Stock and payment are in the
    # record and are not touched again; only the carrier is asked a second time.
    van = wf.step("book carrier", book_carrier, folder, order_id, tracking_number)

    # Between two opening hours of the carrier: no worker is held meanwhile, and all may be restarted.
    wf.sleep(0.2)
    audited = wf.execute_task(audit, folder, order_id).result
    wf.set_data("tracking_number", tracking_number)

    # The carrier's system emits this, for each of its parcels. However long it takes, nothing is held meanwhile.
    delivery = wf.wait_event("parcel.delivered", {"tracking_number": tracking_number}, timeout=30 * 86_400)
    return {
        "order_id": order_id,
        "status": "delivered",
        "received_by": delivery.payload["received_by"],
        "ordered_at": began.isoformat(),
        "van": van,
        "tracking_number": tracking_number,
        "workflow_id": process_order.workflow.workflow_id,
        "audited_in": audited["workflow_id"],
    }
