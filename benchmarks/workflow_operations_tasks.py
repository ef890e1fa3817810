"""The workflow that ``workflow_operations.py`` measures."""

import time

from pynenc import Pynenc
from pynenc.testing.apps import APP_ID

app = Pynenc(app_id=APP_ID)

#: When each operation had ended, by the clock that counts.
MOMENTS: list[float] = []


def nothing(number: int) -> int:
    """A step without a side effect."""
    return number


@app.workflow
def many(kind: str, operations: int) -> None:
    """So many operations of a kind."""
    wf = many.wf
    MOMENTS.append(time.perf_counter())
    for number in range(operations):
        if kind == "random":
            wf.random()
        else:
            wf.step("nothing", nothing, number)
        MOMENTS.append(time.perf_counter())
