"""Workflows that are cancelled, and release what they have reserved."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from behaviour_app import app
from gates_and_notes import DEADLINE_SECONDS, note, pass_gate

from pynenc.engine.context import get_running
from pynenc.testing import wait_until


@app.task
def gated(gate: str, journal: str) -> str:
    note(journal, "gated")
    pass_gate(gate)
    return "passed"


@app.task
def refund(journal: str) -> str:
    note(journal, "refunded")
    return "refund"


def release(journal: str) -> None:
    note(journal, "released")


def reserve(journal: str) -> None:
    """Works until its process knows that it is cancelled."""
    note(journal, "gated")
    running: Any = get_running()
    wait_until(lambda: running.cancelled, DEADLINE_SECONDS, "the cancellation")


def release_or_die(journal: str, marker: str) -> None:
    """The first time its worker dies in it."""
    note(journal, "release begun")
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    release(journal)


@app.workflow
def cleaning_up(gate: str, journal: str, how: str) -> str:
    wf = cleaning_up.wf
    match how:
        case "waits for a sub-task while cleaning up":
            try:
                return wf.execute_task(gated, gate, journal).result
            finally:
                note(journal, wf.execute_task(refund, journal).result_within(30))
                wf.step("release", release, journal)
        case "waits for a plain call":
            try:
                return gated(gate, journal).result
            finally:
                wf.step("release", release, journal)
        case "in a step":
            try:
                wf.step("reserve", reserve, journal)
            finally:
                wf.step("release", release, journal)
        case "waits in a step":
            try:
                wf.step("reserve", lambda: gated(gate, journal).result)
            finally:
                wf.step("release", release, journal)
        case "sleeps while cleaning up":
            try:
                return wf.execute_task(gated, gate, journal).result
            finally:
                wf.sleep(0.3)
                wf.step("release", release, journal)
        case "left its stack":
            wf.step("reserve", note, journal, "reserved")
            try:
                return wf.execute_task(gated, gate, journal).result
            finally:
                wf.step("release", release, journal)
    return "not cancelled"


@app.workflow
async def cleaning_coroutine(gate: str, journal: str) -> Any:
    wf = cleaning_coroutine.wf
    children = [await asyncio.to_thread(wf.execute_task, gated, gate, journal) for _ in range(2)]
    try:
        return await asyncio.gather(*children)
    finally:
        await asyncio.to_thread(wf.step, "release", release, journal)


@app.workflow
def dying_cleaner(gate: str, journal: str, marker: str) -> str:
    wf = dying_cleaner.wf
    try:
        return wf.execute_task(gated, gate, journal).result
    finally:
        wf.step("release", release_or_die, journal, marker)
        wf.step("notify", note, journal, "notified")


@app.task
def growing(gate: str, journal: str) -> Any:
    """Is cancelled before it makes the calls for which it waits."""
    note(journal, "gated")
    pass_gate(gate)
    calls = [gated(f"{gate}-never", journal) for _ in range(3)]
    return [call.result for call in calls]


@app.task
def calling_on(gate: str, journal: str) -> str:
    """Is cancelled between two calls, and waits for none."""
    calls = [gated(gate, journal)]
    reserve(journal)
    calls.append(gated(gate, journal))
    return f"made {len(calls)} calls"
