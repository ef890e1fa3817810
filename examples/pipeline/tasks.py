"""A pipeline in which nothing calls anything: a schedule and events come in, and each step starts by itself.

each second ─► look_into_inbox ──order.arrived──► charge ──fails──► give_back
                               └─inbox.emptied──┐
                    somebody emits day.closed ──┴─(AND)─► digest
"""

import json
import os
from pathlib import Path
from typing import Any

from pynenc import Pynenc
from pynenc.trigger import TriggerBuilder, on_cron, on_event
from pynenc.trigger.conditions.event import EventContext
from pynenc.trigger.conditions.exception import ExceptionContext

FOLDER = Path(os.environ.get("PIPELINE_FOLDER", "."))
MOST_ON_A_CARD = 100

app = Pynenc({"app_id": "pipeline", "sqlite_db_path": str(FOLDER / "pynenc.db"), "logging_level": "critical"})


class CardRefusedError(Exception):
    """The bank says no."""


def note(*words: object) -> None:
    """Append a line to the journal, which several processes may."""
    with (FOLDER / "journal").open("a") as journal:
        journal.write(" ".join(map(str, words)) + "\n")


@app.task(triggers=on_cron("* * * * * *", seconds=True), running_concurrency="task")
def look_into_inbox() -> None:
    """Make an event of each file; they count only if this task succeeds, so a crash neither loses nor doubles one."""
    files = sorted((FOLDER / "inbox").glob("*.json"))
    for file in files:
        app.trigger.emit_event("order.arrived", json.loads(file.read_text()), transactional=True)
        file.rename(file.with_suffix(".done"))
    if files:
        app.trigger.emit_event("inbox.emptied", {"orders": len(files)}, transactional=True)


def is_to_be_paid(payload: dict[str, Any]) -> bool:
    """A filter: gifts are free."""
    return bool(payload["amount"] > 0)


def order_of(context: EventContext) -> dict[str, Any]:
    """The arguments of ``charge``, out of the event."""
    return {"order": context.payload["order"], "amount": context.payload["amount"]}


@app.task(triggers=on_event("order.arrived", is_to_be_paid).with_args_from_event(order_of))
def charge(order: str, amount: int) -> int:
    """One run for each order."""
    if amount > MOST_ON_A_CARD:
        raise CardRefusedError(f"{amount} is more than {MOST_ON_A_CARD}")
    note("charged", order, amount)
    return amount


def failed_order_of(context: ExceptionContext) -> dict[str, Any]:
    """The arguments of ``give_back``, out of the failed call."""
    return {"order": context.arguments.kwargs["order"], "reason": context.exception_message}


@app.task(triggers=TriggerBuilder().on_exception(charge, CardRefusedError).with_args_from_exception(failed_order_of))
def give_back(order: str, reason: str) -> None:
    """The compensation."""
    note("gave back", order, f"({reason})")


@app.task(triggers=TriggerBuilder().on_event("inbox.emptied").on_event("day.closed"))
def digest() -> None:
    """Once for each day: when the inbox was emptied and the day was closed, in any order."""
    lines = (FOLDER / "journal").read_text().splitlines()
    charged = [line for line in lines if line.startswith("charged")]
    note("digest:", len(charged), "charged,", len(lines) - len(charged), "given back")
