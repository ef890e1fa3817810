"""Tasks of the tests of this folder."""

import time

from pynenc import Pynenc

app = Pynenc({"app_id": "tests"})


@app.task
def add(x: int, y: int) -> int:
    """Do next to nothing."""
    return x + y


@app.task
def fibonacci(n: int) -> int:
    """Wait for two others."""
    if n < 2:
        return n
    one, two = fibonacci(n - 1), fibonacci(n - 2)
    return one.result + two.result


@app.task
def nap(milliseconds: int) -> int:
    """Take some time."""
    time.sleep(milliseconds / 1000)
    return milliseconds


@app.task
def length(text: str) -> int:
    """Take a large argument."""
    return len(text)
