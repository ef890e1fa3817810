"""Workflows that wait for events, in the app of ``benchmarks.event_latency``."""

import time

from pynenc import Pynenc

app = Pynenc(app_id="events")

CODE = "measured"


@app.workflow
def one(number: int) -> int:
    """Wait for one event."""
    one.wf.wait_event(CODE, {"number": number})
    return number


@app.workflow
def many(count: int) -> list[float]:
    """For each event the time from its emission to the code that has waited for it; recorded, for this repeats."""
    wf = many.wf
    delays: list[float] = []
    for serial in range(count):
        event = wf.wait_event(CODE, {"number": 0, "serial": serial})
        delays.append(wf.step("delay", _since, event.payload["at"]))
    return delays


def _since(at: float) -> float:
    return time.time() - at
