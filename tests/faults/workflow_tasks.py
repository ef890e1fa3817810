"""Workflows that kill their worker at a chosen step, and leave traces of what really ran."""

import os
import signal
from pathlib import Path

from pynenc import Pynenc
from pynenc.testing.apps import APP_ID

app = Pynenc(app_id=APP_ID)

STEPS = 50


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def die_once(folder: str, place: str) -> None:
    """Kill this process if it was to die at this place, and has not yet."""
    marker = Path(folder) / f"die-{place}"
    if marker.exists():
        marker.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def work(folder: str, number: int) -> int:
    """A side effect."""
    die_once(folder, f"before-{number}")
    _append(Path(folder) / "steps", str(number))
    die_once(folder, f"in-{number}")
    return number * number


@app.task
def child(folder: str, number: int) -> int:
    _append(Path(folder) / "steps", str(number))
    return number * number


@app.workflow
def long_way(folder: str) -> list[object]:
    """Fifty steps: functions, every fifth a sub-task; with a random number before each tenth."""
    wf = long_way.wf
    came: list[object] = []
    for number in range(1, STEPS + 1):
        if number % 10 == 0:
            came.append(wf.random())
        if number % 5 == 0:
            came.append(wf.execute_task(child, folder, number).result)
        else:
            came.append(wf.step(f"step {number}", work, folder, number))
        die_once(folder, f"after-{number}")
    return came


@app.workflow
def sleeper(folder: str, seconds: float) -> float:
    wf = sleeper.wf
    wf.step("before", _append, Path(folder) / "steps", "before")
    before = wf.utc_now()
    wf.sleep(seconds)
    wf.step("after", _append, Path(folder) / "steps", "after")
    return (wf.utc_now() - before).total_seconds()
