"""Tasks that wait for one another."""

import asyncio
import os
import threading

from behaviour_app import app
from gates_and_notes import note, open_gate, pass_gate

from pynenc.invocation import DistributedInvocation


@app.task
def fibonacci(n: int) -> int:
    if n < 2:
        return n
    return fibonacci(n - 1).result + fibonacci(n - 2).result


@app.task
async def fibonacci_async(n: int) -> int:
    if n < 2:
        return n
    one, other = await fibonacci_async.submit_async(n - 1), await fibonacci_async.submit_async(n - 2)
    return await one + await other


@app.task
def gated(gate: str) -> str:
    pass_gate(gate)
    return "through"


@app.task
def begins(journal: str, gate: str) -> None:
    """Notes that it has begun; ends when the gate opens."""
    note(journal, "begun")
    pass_gate(gate)


@app.task
def waits_once(gate: str) -> str:
    return gated(gate).result


@app.task
def waits_on_the_same_thread(gate: str) -> bool:
    local = threading.local()
    local.value, before = "mine", (os.getpid(), threading.get_ident())
    child = gated(gate)
    _ = child.result
    return before == (os.getpid(), threading.get_ident()) and local.value == "mine"


@app.task
def waits_for_all(ended: DistributedInvocation[str], open_one: DistributedInvocation[str]) -> list[str]:
    """In one wait for both, of which one may have ended before."""
    group = gated.parallelize([])
    group.invocations = [ended, open_one]
    return list(group.iter_results(ordered=True))


@app.task
async def waits_for_all_async(ended: DistributedInvocation[str], open_one: DistributedInvocation[str]) -> list[str]:
    group = await asyncio.to_thread(gated.parallelize, [])
    group.invocations = [ended, open_one]
    return [value async for value in group.async_results(ordered=True)]


@app.task
async def waits_once_async(gate: str) -> str:
    child = await gated.submit_async(gate)
    return await child


@app.task
async def gated_async(gate: str) -> str:
    """Lets the loop go on while it waits for the gate."""
    while not os.path.exists(gate):  # noqa: ASYNC110, ASYNC240, PTH110 - a look that does not block
        await asyncio.sleep(0.001)
    return "through"


@app.task
async def ticks_while_it_waits(gate: str) -> int:
    """How often the loop came round while the child was waited for; the gate is opened from here."""
    child = await gated.submit_async(gate)
    waiting = asyncio.ensure_future(child.async_result())
    ticks = 0
    while ticks < 10:
        await asyncio.sleep(0)
        ticks += 1
    open_gate(gate)
    assert await waiting == "through"
    return ticks


@app.task
async def gathers(count: int) -> int:
    """Waits for several at once, in tasks of asyncio beside its own."""
    children = [await fibonacci_async.submit_async(n) for n in range(count)]
    return sum(await asyncio.gather(*(child.async_result() for child in children)))


@app.task
async def asks_for_a_result_on_the_loop(gate: str) -> str:
    child = await gated.submit_async(gate)
    return child.result


@app.task
def catches_what_its_child_raises() -> str:
    try:
        return fails_with("deep below").result
    except LookupError as error:
        return f"caught: {error}"


@app.task
def passes_on_what_its_child_raises() -> str:
    return fails_with("deep below").result


@app.task
def fails_with(message: str) -> str:
    raise LookupError(message)


@app.task
def gives_up_waiting(gate: str) -> str:
    child = gated(gate)
    try:
        return child.result_within(0.02)
    except TimeoutError:
        open_gate(gate)
    return f"late: {child.result}"


@app.task
def waits_in_a_thread_of_its_own(gate: str) -> str:
    """The wait of another thread is not a wait of the invocation."""
    child = gated(gate)
    results: list[str] = []
    thread = threading.Thread(target=lambda: results.append(child.result))
    thread.start()
    open_gate(gate)
    thread.join()
    return results[0]


@app.task
def chain(depth: int) -> int:
    return 0 if depth == 0 else 1 + chain(depth - 1).result
