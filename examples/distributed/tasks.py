"""The tasks of the example. ``pyproject.toml`` beside this file says where everything is kept."""

import time

from pynenc import Pynenc

app = Pynenc()


@app.task
def add(x: int, y: int) -> int:
    """Say so, and do it."""
    add.logger.info(f"{add.task_id=} Adding {x} + {y}")
    return x + y


@app.task
def sleep(x: float) -> float:
    """Take some time."""
    sleep.logger.info(f"{sleep.task_id=} Sleeping for {x} seconds")
    time.sleep(x)
    sleep.logger.info(f"{sleep.task_id=} Done sleeping for {x} seconds")
    return x
