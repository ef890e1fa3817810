"""Tasks with options: retries, result cache, queues and priorities."""

import time

from behaviour_app import app
from gates_and_notes import note, notes, pass_gate

from pynenc.exceptions import RetryError
from pynenc.invocation import DistributedInvocation


class FlakyError(Exception):
    pass


def _fail_at_first(journal: str, times: int, error: Exception) -> int:
    note(journal, time.time())
    attempts = len(notes(journal))
    if attempts <= times:
        raise error
    return attempts


@app.task(max_retries=3)
def retried(journal: str, times: int) -> int:
    return _fail_at_first(journal, times, RetryError("not yet"))


@app.task(max_retries=2, retry_for=(FlakyError, LookupError))
def retried_for(journal: str, times: int, kind: str) -> int:
    kinds = {
        "flaky": FlakyError("flaky"),
        "key": KeyError("derived"),
        "retry": RetryError("always"),
        "value": ValueError(),
    }
    return _fail_at_first(journal, times, kinds[kind])


@app.task
def never_retried(journal: str) -> int:
    return _fail_at_first(journal, 100, RetryError("not yet"))


@app.task(max_retries=3, retry_delay_seconds=0.15)
def retried_later(journal: str, times: int) -> int:
    return _fail_at_first(journal, times, RetryError("not yet"))


@app.task(max_retries=3, retry_delay_seconds=0.1, retry_backoff=True, retry_max_delay_seconds=0.25)
def retried_later_and_later(journal: str, times: int) -> int:
    return _fail_at_first(journal, times, RetryError("not yet"))


@app.task(max_retries=2)
async def retried_async(journal: str, times: int) -> int:
    return _fail_at_first(journal, times, RetryError("not yet"))


@app.task(max_retries=1)
def retried_after_a_wait(journal: str) -> int:
    _ = quick().result
    return _fail_at_first(journal, 1, RetryError("not yet"))


@app.task
def quick() -> int:
    return 1


@app.task(call_result_cache=True)
def counted(journal: str, x: int) -> int:
    note(journal, x)
    if x < 0:
        raise ValueError(x)
    return x * 2


@app.task
def noted(journal: str, what: str) -> str:
    note(journal, what)
    return what


@app.task(queue="mail")
def mailed(journal: str, what: str) -> str:
    note(journal, what)
    return what


@app.task(priority=50)
def urgent(journal: str, what: str) -> str:
    note(journal, what)
    return what


@app.task
def holds_the_slot(journal: str, gate: str) -> None:
    note(journal, "holding")
    pass_gate(gate)


@app.task(priority=90)
def asks_for(journal: str, other: DistributedInvocation[str]) -> str:
    note(journal, "asking")
    return other.result
