"""What ``trigger_latency`` runs."""

from typing import Any

from pynenc import Pynenc
from pynenc.trigger import on_event, on_status
from pynenc.trigger.conditions.event import EventContext

app = Pynenc(app_id="latency")


@app.task
def source(number: int) -> int:
    """Ends at once."""
    return number


@app.task(triggers=on_status(source))
def target() -> None:
    """Starts when it has."""


def number_of(context: EventContext) -> dict[str, Any]:
    """The argument of ``on_burst``."""
    return {"number": context.payload["number"]}


@app.task(triggers=on_event("burst").with_args_from_event(number_of))
def on_burst(number: int) -> int:
    """Starts for each event."""
    return number
