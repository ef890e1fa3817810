"""Tasks for measurements: nothing to do, much to wait for, large values."""

import fcntl
import os
from pathlib import Path

from behaviour_app import app
from gates_and_notes import note, pass_gate

from pynenc.invocation import DistributedInvocation


@app.task
def nothing(x: int = 0) -> int:
    return x


@app.task
def gate_keeper(gate: str) -> str:
    pass_gate(gate)
    return "open"


@app.task
def waits_for(keeper: DistributedInvocation[str], number: int) -> str:
    return keeper.result


@app.task
async def waits_for_async(keeper: DistributedInvocation[str], number: int) -> str:
    return await keeper


@app.task
def waits_for_a_child(lock: str) -> int:
    return waits_for_a_lock(lock).result


@app.task
def waits_for_a_lock(lock: str) -> int:
    """In the kernel, so that it costs nothing, and as long as the test holds it."""
    with Path(lock).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    return os.getpid()


@app.task
def write_transactions() -> tuple[int, int]:
    """Of the process that runs this: its id, and how many write transactions it has made in SQLite."""
    return os.getpid(), sum(
        unit.connection.write_transactions for unit in write_transactions.app.assembled.backend.units
    )


@app.task
def length(data: str, number: int = 0) -> int:
    return len(data) + number


@app.task
def makes(size: int) -> str:
    return "y" * size


@app.task
def noted(journal: str, what: str) -> str:
    note(journal, what)
    return what
