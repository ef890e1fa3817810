"""The work of the kill storm: a bit of everything a task may do, with a result that can be computed beforehand."""

import asyncio
import os
import time

from pynenc.app import Pynenc
from pynenc.exceptions import RetryError
from pynenc.testing.witness import Witness

app = Pynenc(app_id="kill_storm")

#: The variable of the environment that says where the witness writes.
WITNESS_VARIABLE = "KILL_STORM_WITNESS"

witness = Witness(os.environ.get(WITNESS_VARIABLE, os.devnull))


@app.task
def noop(number: int) -> int:
    """Nothing."""
    with witness.present():
        return number


@app.task
def nap(milliseconds: int) -> int:
    """Sleep: long enough now and then to be in the middle of it when the worker is killed."""
    with witness.present():
        time.sleep(milliseconds / 1000)
        return milliseconds


@app.task
def fibonacci(number: int) -> int:
    """Recursion: waits for two of itself."""
    with witness.present():
        if number <= 1:
            return number
        group = fibonacci.parallelize([(number - 1,), (number - 2,)])
    return sum(group.results)


@app.task(max_retries=3, retry_delay_seconds=0.05)
def flaky(failures: int) -> int:
    """Ask to be run again some times, then succeed."""
    with witness.present():
        if flaky.invocation.num_retries < failures:
            raise RetryError
        return failures


@app.task
def fan_out(width: int) -> int:
    """Many children, and the sum of what they return."""
    with witness.present():
        group = noop.parallelize([(number,) for number in range(width)])
    return sum(group.results)


@app.task
async def async_nap(milliseconds: int) -> int:
    """Sleep on the event loop."""
    with witness.present():
        await asyncio.sleep(milliseconds / 1000)
        return milliseconds


@app.task
async def async_fan_out(width: int) -> int:
    """Await many children on the event loop."""
    with witness.present():
        children = [await async_nap.submit_async(number) for number in range(width)]
    return sum([await child for child in children])


@app.task(running_concurrency="task")
def countdown(number: int) -> int:
    """Recursion under TASK: one of them executes at a time, and the token passes down and comes back."""
    with witness.present():
        child = countdown(number - 1) if number else None
    below = child.result if child is not None else 0
    with witness.present():
        return below + number


@app.task(running_concurrency="keys", key_arguments=("key",), max_retries=2)
def exclusive(key: int, milliseconds: int, failures: int) -> int:
    """One at a time for each key, with retries."""
    with witness.present():
        time.sleep(milliseconds / 1000)
        if exclusive.invocation.num_retries < failures:
            raise RetryError
        return key


@app.task(running_concurrency="keys", key_arguments=("key",))
def exclusive_tree(key: int, depth: int) -> int:
    """Recursion under KEYS, with two children each."""
    with witness.present():
        group = exclusive_tree.parallelize([(key, depth - 1), (key, depth - 2)]) if depth > 1 else None
    below = sum(group.results) if group is not None else 0
    with witness.present():
        return below + 1


def expected(task_name: str, arguments: tuple[int, ...]) -> int:
    """What a call returns, computed without Pynenc."""
    match task_name:
        case "fibonacci":
            return _fibonacci(*arguments)
        case "fan_out" | "async_fan_out":
            return sum(range(arguments[0]))
        case "countdown":
            return sum(range(arguments[0] + 1))
        case "exclusive_tree":
            return _tree(arguments[1])
        case _:
            return arguments[0]


def _fibonacci(number: int) -> int:
    return number if number <= 1 else _fibonacci(number - 1) + _fibonacci(number - 2)


def _tree(depth: int) -> int:
    return 1 + (_tree(depth - 1) + _tree(depth - 2) if depth > 1 else 0)
