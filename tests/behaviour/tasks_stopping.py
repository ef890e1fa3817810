"""Tasks that are at work when their runner is stopped."""

import asyncio
import os

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
    while not os.path.exists(gate):  # noqa: ASYNC240 - a look that does not block
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
