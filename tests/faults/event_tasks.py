"""Workflows that wait for events, in the app of the fault tests."""

from fault_tasks import FOLDER, app


def _trace(line: str) -> str:
    with (FOLDER / "trace").open("a") as file:
        file.write(f"{line}\n")
    return line


@app.workflow
def order(number: int) -> list[int]:
    """Three events of its own, in any order among those of others, with a step after each."""
    wf = order.wf
    amounts: list[int] = []
    for stage in ("paid", "packed", "sent"):
        event = wf.wait_event(stage, {"order": number})
        amounts.append(event.payload["amount"])
        wf.step(stage, _trace, f"{number} {stage}")
    return amounts


@app.workflow
def patient(seconds: float) -> str:
    wf = patient.wf
    return str(wf.wait_event("approved", lambda payload: payload["by"] == "me", timeout=seconds).payload["text"])
