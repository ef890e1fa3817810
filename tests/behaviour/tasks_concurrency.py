"""Tasks with registration concurrency and with running concurrency."""

import time

from behaviour_app import app
from gates_and_notes import note, note_interval, notes, pass_gate

from pynenc import ConcurrencyControlType as Mode
from pynenc.exceptions import RetryError

# --------------------------------------------------------------- registration


@app.task
def unlimited(key: str, value: int = 0) -> str:
    return f"{key} {value}"


@app.task(registration_concurrency=Mode.TASK)
def once_for_the_task(key: str, value: int = 0) -> str:
    return f"{key} {value}"


@app.task(registration_concurrency=Mode.ARGUMENTS)
def once_for_the_arguments(key: str, value: int = 0) -> str:
    return f"{key} {value}"


@app.task(registration_concurrency=Mode.KEYS, key_arguments=("key",))
def once_for_the_key(key: str, value: int = 0) -> str:
    return f"{key} {value}"


@app.task(registration_concurrency=Mode.KEYS, key_arguments="key", on_diff_non_key_args_raise=True)
def once_for_the_key_strictly(key: str, value: int = 0, **more: int) -> str:
    return f"{key} {value} {more}"


@app.task(registration_concurrency=Mode.TASK)
def once_while_it_waits(journal: str, gate: str) -> None:
    note(journal, "running")
    pass_gate(gate)


@app.task(registration_concurrency=Mode.TASK, max_retries=1, retry_delay_seconds=600)
def once_while_it_waits_for_its_retry() -> None:
    raise RetryError("much later")


# -------------------------------------------------------------------- running


def _run(journal: str, gate: str | None, what: object) -> str:
    start = time.monotonic()
    if gate is not None:
        note(f"{journal}.begun", what)
        pass_gate(gate)
    note_interval(journal, what, start)
    return str(what)


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=True)
def one_of_the_task(journal: str, what: str, gate: str | None = None) -> str:
    return _run(journal, gate, what)


@app.task(running_concurrency=Mode.ARGUMENTS, reroute_on_concurrency_control=True)
def one_of_the_arguments(journal: str, what: str, gate: str | None = None) -> str:
    return _run(journal, gate, what)


@app.task(running_concurrency=Mode.KEYS, key_arguments=("what",), reroute_on_concurrency_control=True)
def one_of_the_key(journal: str, what: str, gate: str | None = None, number: int = 0) -> str:
    return _run(journal, gate, what)


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=False)
def one_or_none(journal: str, what: str, gate: str | None = None) -> str:
    return _run(journal, gate, what)


@app.task(running_concurrency=Mode.KEYS, key_arguments=("what",), reroute_on_concurrency_control=False)
def one_of_the_key_or_none(journal: str, what: str, gate: str | None = None, number: int = 0) -> str:
    return _run(journal, gate, what)


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=True, max_retries=1)
def one_of_the_task_with_a_retry(journal: str, what: str) -> str:
    _run(journal, None, what)
    if sum(line.split()[0] == what for line in notes(journal)) == 1:
        raise RetryError("once more")
    return what


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=False, max_retries=1)
def one_or_none_with_a_retry(journal: str, what: str, gate: str) -> str:
    _run(journal, gate, what)
    if sum(line.split()[0] == what for line in notes(journal)) == 1:
        raise RetryError("once more")
    return what


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=True)
async def one_coroutine_of_the_task(journal: str, what: str) -> str:
    return _run(journal, None, what)


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=True)
def recursive_in_its_scope(n: int) -> int:
    return n if n < 2 else recursive_in_its_scope(n - 1).result + recursive_in_its_scope(n - 2).result


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=False)
def recursive_or_none(n: int) -> int:
    return 0 if n == 0 else 1 + recursive_or_none(n - 1).result


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=False)
def has_children_before_it_waits(journal: str, depth: int) -> int:
    """Its children are called, and maybe claimed, while it runs: they must not be dropped for that."""
    note(journal, depth)
    if depth == 0:
        return 1
    children = [has_children_before_it_waits(journal, depth - 1) for _ in range(2)]
    return sum(child.result for child in children)


@app.task(running_concurrency=Mode.TASK, reroute_on_concurrency_control=True)
def holds_its_scope_while_it_waits(journal: str, what: str, gate: str) -> str:
    start = time.monotonic()
    result = waited_for(gate).result
    note_interval(journal, what, start)
    return result


@app.task
def waited_for(gate: str) -> str:
    pass_gate(gate)
    return "through"
