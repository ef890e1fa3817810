"""Pynenc, with its default settings."""

import asyncio
import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from pynenc import PynencBuilder
from pynenc.invocation import DistributedInvocation
from pynenc.trigger import TriggerBuilder

WORKERS = max(1, int(os.environ["BENCH_WORKERS"]))  # Zero: the client of a run without workers.

builder = PynencBuilder().app_id("bench").logging_level("error")
match os.environ["BENCH_STORE"]:
    case "memory":
        builder = builder.memory()
    case "sqlite":
        builder = builder.sqlite(sqlite_db_path=os.environ["BENCH_FOLDER"] + "/pynenc.sqlite")
    case "redis" | "rabbitmq":
        builder = builder.redis(url=f"redis://127.0.0.1:{os.environ['BENCH_REDIS_PORT']}/0")
if rabbitmq := os.environ.get("BENCH_RABBITMQ_URL"):
    at = urlsplit(rabbitmq)
    builder = builder.rabbitmq_broker(
        host=f"{at.hostname}:{at.port}",
        username=at.username,
        password=at.password,
        virtual_host=at.path.removeprefix("/"),
    )
match os.environ["BENCH_RUNNER"]:
    case "thread":
        builder = builder.thread_runner(min_threads=1, max_threads=1)
    case "persistent_process":
        builder = builder.persistent_process_runner(num_processes=WORKERS)
app = builder.build()


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def fib(n: int) -> int:
    if n < 2:
        return n
    a, b = fib(n - 1), fib(n - 2)
    return a.result + b.result


@app.task
def fanout(n: int) -> int:
    return sum(add.parallelize([(i, 1) for i in range(n)]).results)


#: What lets the gate keeper go on; it runs in the process of the client.
open_gate: list[Callable[[], object]] = []


@app.task
async def keeper() -> int:
    loop = asyncio.get_running_loop()
    opened = loop.create_future()
    open_gate.append(lambda: loop.call_soon_threadsafe(opened.set_result, None))
    await opened
    return 1


@app.task
def waits(gate: DistributedInvocation[int], number: int) -> int:
    return gate.result + number


@app.task
async def waits_async(gate: DistributedInvocation[int], number: int) -> int:
    return await gate + number


@app.task
def length(data: str, number: int) -> int:
    return len(data) + number


# The other runs are those of an application without triggers.
if os.environ.get("BENCH_VARIANT") == "triggers":

    @app.task(triggers=TriggerBuilder().on_status(add))
    def triggered() -> None:
        pass


class AgainError(Exception):
    """Has a workflow run again."""


def nothing(number):
    return number


#: Operations whose mean is compared, at the beginning and at the end.
EDGE = 100


def costs(moments):
    """Microseconds for an operation: of all, of the first hundred and of the last."""

    def mean(part):
        return 1e6 * (part[-1] - part[0]) / (len(part) - 1)

    return [mean(moments), mean(moments[: EDGE + 1]), mean(moments[-EDGE - 1 :])]


@app.workflow(retry_for=(AgainError,), max_retries=1)
def operations(n):
    """What n steps cost when they are recorded, and when they repeat."""
    wf = operations.wf
    moments = [time.perf_counter()]
    for number in range(n):
        wf.step("nothing", nothing, number)
        moments.append(time.perf_counter())
    recorded = wf.step("costs", costs, moments)
    if operations.invocation.num_retries == 0:
        raise AgainError
    return [recorded, costs(moments)]
