"""The app and the tasks of the fault tests, as runners and clients in other processes load them."""

import asyncio
import os
import signal
import time
from pathlib import Path

from pynenc import Pynenc
from pynenc.engine import crash_points
from pynenc.exceptions import InvocationError, RetryError
from pynenc.runner import watch
from pynenc.testing.witness import Witness

app = Pynenc(app_id="faults")

#: Where the witness writes, and where tests and tasks meet. Every process of a test has it in its environment.
FOLDER = Path(os.environ.get("FAULTS_FOLDER", "."))
witness = Witness(FOLDER / "witness")

#: A test that fails must not leave a process that waits for ever.
HOLD_LIMIT_SECONDS = 60.0


def release(name: str) -> None:
    """Let those go on that are held at ``name``; in the test."""
    (FOLDER / f"release-{name}").touch()


def held(name: str) -> int:
    """How many attempts have come to the hold ``name``; in the test."""
    return len(list(FOLDER.glob(f"held-{name}-*")))


def _hold(name: str) -> None:
    (FOLDER / f"held-{name}-{os.getpid()}-{time.monotonic_ns()}").touch()
    deadline = time.monotonic() + HOLD_LIMIT_SECONDS
    while not (FOLDER / f"release-{name}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# --- crash points -----------------------------------------------------------------------------------------------------


def _arm_first_worker() -> None:
    """The first worker that is forked dies at a crash point, and no later one."""
    text = os.environ.get("FAULTS_CRASH_WORKER")
    if text:
        try:
            os.close(os.open(FOLDER / "armed", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        crash_points.arm(text)


os.register_at_fork(after_in_child=_arm_first_worker)
if _text := os.environ.pop("FAULTS_CRASH_SUPERVISOR", None):
    # Taken out of the environment: the fork server and the workers are not to die there.
    crash_points.arm(_text)

if _text := os.environ.get("FAULTS_AUDIT_SECONDS"):
    watch.AUDIT_SECONDS = watch.SAFETY_LOOK_SECONDS = float(_text)


# --- plain tasks ------------------------------------------------------------------------------------------------------


@app.task
def noop(number: int) -> int:
    with witness.present():
        return number


@app.task
def hold(name: str) -> str:
    """Executes until the test releases it, in each of its attempts."""
    with witness.present():
        _hold(name)
    return name


@app.task
def hold_each(name: str) -> int:
    """Executes until the test releases this very attempt, and says which it was."""
    with witness.present():
        attempt = noop.invocation.record.attempt
        _hold(f"{name}{attempt}")
    return attempt


@app.task
def hold_and_wait(name: str) -> int:
    """Executes until the test releases it, then waits for another task."""
    with witness.present():
        _hold(name)
        child = noop(1)
    return child.result


@app.task
def ask(name: str) -> str:
    """Waits, paused, for a task that executes until the test releases it."""
    with witness.present():
        child = hold(name)
    return child.result


@app.task
def fibonacci(number: int) -> int:
    with witness.present():
        if number < 2:
            return number
        group = fibonacci.parallelize([(number - 1,), (number - 2,)])
    return sum(group.results)


@app.task(max_retries=3)
def flaky(failures: int) -> int:
    with witness.present():
        if flaky.invocation.num_retries < failures:
            raise RetryError
        return failures


@app.task
async def aecho(number: int) -> int:
    with witness.present():
        await asyncio.sleep(0.001)
        return number


@app.task
async def asum(numbers: list[int]) -> int:
    with witness.present():
        group = await asyncio.to_thread(aecho.parallelize, [(number,) for number in numbers])
    return sum([value async for value in group.async_results()])


# --- running concurrency ----------------------------------------------------------------------------------------------


@app.task(running_concurrency="task")
def countdown(number: int) -> int:
    """Recursive under TASK: the token passes down and comes back."""
    with witness.present():
        child = countdown(number - 1) if number else None
    below = child.result if child is not None else 0
    with witness.present():
        return below + number


@app.task(running_concurrency="keys", key_arguments=("key",), max_retries=2)
def exclusive(key: str, milliseconds: float, failures: int) -> str:
    with witness.present():
        time.sleep(milliseconds / 1000)
        if exclusive.invocation.num_retries < failures:
            raise RetryError
        return key


@app.task(running_concurrency="keys", key_arguments=("key",))
def exclusive_hold(key: str, number: int) -> int:
    """Holds its scope until the test releases it."""
    with witness.present():
        _hold(str(number))
        return number


@app.task(running_concurrency="keys", key_arguments=("key",))
def exclusive_tree(key: str, depth: int) -> int:
    """Recursive under KEYS, with more than one child."""
    with witness.present():
        group = exclusive_tree.parallelize([(key, depth - 1), (key, depth - 2)]) if depth > 1 else None
    below = sum(group.results) if group is not None else 0
    with witness.present():
        return below + 1


# --- tasks that do harm -----------------------------------------------------------------------------------------------


@app.task
def poison(status: int = -signal.SIGKILL) -> None:
    """Ends its worker each time, with this exit code or by this signal."""
    with witness.present():
        if status < 0:
            os.kill(os.getpid(), -status)
        os._exit(status)


@app.task
def maybe_poison(number: int, deadly: int) -> int:
    """Short, and so started in groups; one of them kills its worker each time."""
    with witness.present():
        if number == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return number


@app.task
async def async_poison() -> None:
    """Kills its worker each time, and whatever else runs on the event loop with it."""
    with witness.present():
        os.kill(os.getpid(), signal.SIGKILL)


@app.task
def ask_poison() -> str:
    """Waits for the poison, paused in the worker that it kills; survives that if it is let."""
    with witness.present():
        child = poison()
    try:
        return str(child.result)
    except InvocationError as error:
        return type(error).__name__


@app.task
def nap(number: int) -> int:
    with witness.present():
        time.sleep(0.05)
        return number


@app.task
def blink(number: int) -> int:
    """Too long to start together with others, and short enough to be claimed ahead."""
    with witness.present():
        time.sleep(0.005)
        return number


@app.task
async def async_nap(number: int) -> int:
    with witness.present():
        await asyncio.sleep(0.05)
        return number


@app.task
def large(text: str) -> int:
    with witness.present():
        return len(text)
