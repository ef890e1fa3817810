"""Tasks that would wait for one another for ever."""

from behaviour_app import app
from gates_and_notes import note, notes, pass_gate

from pynenc import ConcurrencyControlType as Mode
from pynenc.exceptions import CycleDetectedError
from pynenc.invocation import DistributedInvocation


@app.task
def calls_itself(x: int) -> int:
    return calls_itself(x).result


@app.task
def ping(x: int) -> int:
    return pong(x).result


@app.task
def pong(x: int) -> int:
    return ping(x).result


@app.task
def counts_down(x: int) -> int:
    return 0 if x == 0 else counts_down(x - 1).result


@app.task
async def calls_itself_async(x: int) -> int:
    return await (await calls_itself_async.submit_async(x))


@app.task
def waits_for_the_id_in(file: str, gate: str) -> str:
    """Waits for the invocation whose id is in a file: how else could two know of each other?"""
    pass_gate(gate)
    (invocation_id,) = notes(file)
    other = waits_for_the_id_in.app.get_invocation(invocation_id)
    return other.result


@app.task
def survives_a_circle(file: str, gate: str) -> str:
    pass_gate(gate)
    (invocation_id,) = notes(file)
    other: DistributedInvocation[str] = survives_a_circle.app.get_invocation(invocation_id)
    try:
        return other.result
    except CycleDetectedError as error:
        return f"saw it: {len(error.call_ids)}"


@app.task
def waits_for_itself() -> str:
    return waits_for_itself.invocation.result


@app.task
def goes_on_by_itself(journal: str, rounds: int) -> int:
    """Calls itself and does not wait: a loop, and no circle."""
    note(journal, rounds)
    if rounds:
        goes_on_by_itself(journal, rounds - 1)
    return rounds


@app.task
def same_call_again(journal: str) -> str:
    """The very same call, twice: that is no circle either."""
    note(journal, "ran")
    if len(notes(journal)) < 3:
        same_call_again(journal)
    return "done"


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=True)
def in_a_scope(gate: str, other: DistributedInvocation[str] | None = None) -> str:
    pass_gate(gate)
    return "alone" if other is None else other.result


@app.task
def waits_for_one_in_the_scope(other: DistributedInvocation[str]) -> str:
    return other.result
