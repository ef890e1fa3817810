"""The tasks of the demonstration, as anybody would write them."""

import os
import time
from pathlib import Path

from pynenc import Pynenc

app = Pynenc()

#: Longer than anybody watches: the worker is killed long before.
A_LONG_TIME_SECONDS = 120


@app.task
def add(x: int, y: int) -> int:
    """Add two numbers."""
    return x + y


@app.task
def square(x: int) -> int:
    """Square a number."""
    return x * x


@app.task
def fibonacci(n: int) -> int:
    """Compute a Fibonacci number by calling itself, and waiting for itself."""
    if n <= 1:
        return n
    return fibonacci(n - 1).result + fibonacci(n - 2).result


@app.task(max_retries=3, retry_for=(ConnectionError,))
def fetch(page: str) -> str:
    """Fail twice, as networks do, then succeed."""
    failures = fetch.invocation.num_retries
    if failures < 2:
        raise ConnectionError(f"no answer, attempt {failures + 1}")
    return f"{page}, at attempt {failures + 1}"


@app.task
def report(notes: str) -> int:
    """Note in a file which process this is; the first one then takes its time."""
    file = Path(notes)
    pids = [*file.read_text().split(), str(os.getpid())] if file.exists() else [str(os.getpid())]
    file.write_text("\n".join(pids))
    if len(pids) == 1:
        time.sleep(A_LONG_TIME_SECONDS)
    return os.getpid()
