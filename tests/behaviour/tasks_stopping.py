"""Tasks that are at work when their runner is stopped."""

import asyncio
import os
from pathlib import Path

from behaviour_app import app
from gates_and_notes import note, pass_gate


@app.task
def works(journal: str, gate: str) -> str:
    note(journal, "begun", os.getpid())
    pass_gate(gate)
    return "done"


@app.task
def waits_for_work(journal: str, gate: str) -> str:
    note(journal, "waiting", os.getpid())
    try:
        return works(journal, gate).result
    finally:
        note(journal, "left")


@app.task
async def works_on_the_loop(journal: str, gate: str) -> str:
    note(journal, "begun", os.getpid())
    while not Path(gate).exists():  # noqa: ASYNC110, ASYNC240 - a thread that waits for it would outlive the loop
        await asyncio.sleep(0.001)
    return "done"


@app.task
async def waits_on_the_loop(journal: str, gate: str) -> str:
    note(journal, "waiting", os.getpid())
    return await (await works_on_the_loop.submit_async(journal, gate))


@app.task
def opens_late(journal: str, gate: str, first: str) -> str:
    """Calls a child only when the first gate opens, and waits for it."""
    note(journal, "begun", os.getpid())
    pass_gate(first)
    return quick().result + works(journal, gate).result


@app.task
def quick() -> str:
    return "quick and "
