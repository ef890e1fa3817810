"""Tasks of the tests."""

import os
import threading
from pathlib import Path

from pynenc import ConcurrencyControlType, Pynenc

app = Pynenc({"app_id": "tests"})

#: For a task in the process of its test.
gate = threading.Event()


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def fibonacci(n: int) -> int:
    if n < 2:
        return n
    one, two = fibonacci(n - 1), fibonacci(n - 2)
    return one.result + two.result


@app.task
async def fibonacci_async(n: int) -> int:
    if n < 2:
        return n
    one, two = await fibonacci_async.submit_async(n - 1), await fibonacci_async.submit_async(n - 2)
    return await one + await two


@app.task
def waits_at_gate() -> None:
    if not gate.wait(30):
        raise TimeoutError


@app.task
def note(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@app.task(queue="mail")
def send_mail(number: int) -> int:
    return number


@app.task
def pid() -> int:
    return os.getpid()


@app.task(running_concurrency=ConcurrencyControlType.TASK, reroute_on_concurrency_control=True)
def one_at_a_time(number: int) -> int:
    return number
