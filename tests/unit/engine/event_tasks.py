"""Workflows that wait for one event."""

from typing import Any

from pynenc import Pynenc

app = Pynenc(app_id="events")


@app.workflow
def waiting(kind: str, number: int) -> Any:
    wanted: Any = {"n": number} if kind == "dictionary" else lambda payload: payload["n"] == number
    return waiting.wf.wait_event("e", wanted).payload["n"]


@app.workflow
def greedy(count: int) -> list[int]:
    """All there are, without a word about which."""
    return [greedy.wf.wait_event("e").payload["n"] for _ in range(count)]
