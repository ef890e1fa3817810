"""How often the store is written to: what a task costs on SQLite, counted and not timed."""

import os

import pytest
import tasks_load
from measuring import report
from stage import wait_until_ended

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TASKS = 10_000
#: Of the client and the worker together, for each task.
MOST_SINGLY = 2.0
MOST_IN_GROUPS = 1.0


def write_transactions_of_worker() -> tuple[int, int]:
    return tasks_load.write_transactions().result


@pytest.mark.parametrize("in_groups", [False, True], ids=["singly", "in groups"])
def test_write_transactions_for_each_task(stage, in_groups):
    app = stage.run("sqlite-persistent-process", slots=1)
    worker, by_worker = write_transactions_of_worker()
    by_client = own_write_transactions(app)
    if in_groups:
        tasks_load.nothing.parallelize([(x,) for x in range(TASKS)])
    else:
        for x in range(TASKS):
            tasks_load.nothing(x)
    wait_until_ended(app, 100)
    same_worker, by_worker_afterwards = write_transactions_of_worker()
    assert worker == same_worker != os.getpid()
    of_worker = by_worker_afterwards - by_worker
    of_client = own_write_transactions(app) - by_client
    each = (of_worker + of_client) / TASKS
    report(
        f"write transactions {'in groups' if in_groups else 'singly'}", worker=of_worker, client=of_client, each=each
    )
    assert each <= (MOST_IN_GROUPS if in_groups else MOST_SINGLY)
    assert of_client <= (TASKS / 100 if in_groups else TASKS) + 10


def own_write_transactions(app) -> int:
    return sum(unit.connection.write_transactions for unit in app.assembled.backend.units)
