"""The client's side of a run: what is measured, and the protocol with the harness.

Runs in the environment of a peer, so it needs the standard library alone. A client module subclasses `Client` and ends
with `main(ItsClient)`. The program prints `READY {}` once it is warm, measures when a line arrives on its standard
input, prints `RESULT {...}`, and ends with the next line. A result counts only when its value was read back and is
right.
"""

import json
import os
import queue
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

WORKERS = int(os.environ["BENCH_WORKERS"])
VARIANT = os.environ["BENCH_VARIANT"]
LIMIT_SECONDS = float(os.environ["BENCH_LIMIT_SECONDS"])

#: Long enough that workers and client have gone back to waiting, short enough for a few hundred samples.
IDLE_GAP_SECONDS = 0.05

#: Tasks that tell how many a second the workers can do.
CAPACITY_TASKS = 2_000

#: Calls in one batch: what a user would hand over at once.
BATCH = 1_000

Pair = tuple[int, int]
Result = dict[str, float | int | str]


class Client:
    """What a peer must be able to do; overridden in its client module."""

    def setup(self) -> None: ...

    def close(self) -> None: ...

    def submit(self, x: int, y: int) -> Any:
        raise NotImplementedError

    def result(self, handle: Any, timeout_seconds: float) -> Any:
        raise NotImplementedError

    def submit_fib(self, n: int) -> Any:
        raise NotImplementedError

    def submit_fanout(self, n: int) -> Any:
        raise NotImplementedError

    def submit_batch(self, pairs: list[Pair]) -> Any:
        raise NotImplementedError

    # A peer with a better way to do many overrides these two.

    def submit_many(self, pairs: list[Pair]) -> list[Any]:
        return [self.submit(x, y) for x, y in pairs]

    def collect(self, handles: list[Any], deadline: float) -> list[Any]:
        return [self.result(handle, max(0.001, deadline - time.monotonic())) for handle in handles]


def warm_up(client: Client) -> None:
    """Let every worker import and run the task, so that what is measured is the steady state."""
    handles = client.submit_many([(i, 1) for i in range(4 * WORKERS)])
    values = client.collect(handles, time.monotonic() + LIMIT_SECONDS)
    expect(values, [i + 1 for i in range(4 * WORKERS)])
    for i in range(10):
        expect(client.result(client.submit(i, 2), LIMIT_SECONDS), i + 2)


def expect(value: object, expected: object) -> None:
    if value != expected:
        raise ValueError(f"expected {expected!r:.200}, got {value!r:.200}")


def throughput(client: Client, n: int) -> Result:
    """Submit n no-op tasks one by one, then read all results."""
    pairs = [(i, 1) for i in range(n)]
    deadline = time.monotonic() + LIMIT_SECONDS
    start = time.perf_counter()
    handles = client.submit_many(pairs)
    values = client.collect(handles, deadline)
    seconds = time.perf_counter() - start
    expect(values, [i + 1 for i in range(n)])
    return {"seconds": seconds, "per_second": n / seconds}


def enqueue(client: Client, n: int) -> Result:
    """Submit n tasks one by one while no worker runs."""
    start = time.perf_counter()
    client.submit_many([(i, 1) for i in range(n)])
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "per_second": n / seconds}


def enqueue_batch(client: Client, n: int) -> Result:
    """Submit n tasks in batches while no worker runs."""
    batches = [[(i, 1) for i in range(first, first + BATCH)] for first in range(0, n, BATCH)]
    start = time.perf_counter()
    for batch in batches:
        client.submit_batch(batch)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "per_second": n / seconds}


def latency(client: Client, n: int, gap_seconds: float = 0.0) -> Result:
    """Submit one task and read its result, n times in a row."""
    samples: list[float] = []
    deadline = time.monotonic() + LIMIT_SECONDS
    for i in range(n):
        if gap_seconds:
            time.sleep(gap_seconds)
        start = time.perf_counter()
        value = client.result(client.submit(i, 1), LIMIT_SECONDS)
        samples.append((time.perf_counter() - start) * 1000)
        expect(value, i + 1)
        if time.monotonic() > deadline:
            break
    percentiles = statistics.quantiles(samples, n=100, method="inclusive")
    return {"samples": len(samples), "p50_ms": percentiles[49], "p99_ms": percentiles[98], "max_ms": max(samples)}


def latency_idle(client: Client, n: int) -> Result:
    """The same with a pause before each task, so that everybody has gone to sleep."""
    return latency(client, n, IDLE_GAP_SECONDS)


def latency_half(client: Client, n: int) -> Result:
    """Submit n tasks at half the pace that the workers can keep, and time every tenth."""
    pairs = [(i, 1) for i in range(CAPACITY_TASKS)]
    start = time.perf_counter()
    client.collect(client.submit_many(pairs), time.monotonic() + LIMIT_SECONDS)
    pause = 2 * (time.perf_counter() - start) / CAPACITY_TASKS
    waiting: queue.SimpleQueue[tuple[int, float, Any] | None] = queue.SimpleQueue()
    samples: list[float] = []

    def read() -> None:
        while (sample := waiting.get()) is not None:
            number, submitted, handle = sample
            value = client.result(handle, LIMIT_SECONDS)
            samples.append((time.perf_counter() - submitted) * 1000)
            expect(value, number + 1)

    reader = threading.Thread(target=read)
    reader.start()
    first = time.perf_counter()
    for number in range(n):
        # The plan decides when a task is due, so that one that is late is not followed by fewer.
        time.sleep(max(0.0, first + number * pause - time.perf_counter()))
        submitted = time.perf_counter()
        handle = client.submit(number, 1)
        if number % 10 == 0:
            waiting.put((number, submitted, handle))
    seconds = time.perf_counter() - first
    waiting.put(None)
    reader.join()
    expect(len(samples), len(range(0, n, 10)))
    percentiles = statistics.quantiles(samples, n=100, method="inclusive")
    return {
        "samples": len(samples),
        "per_second": n / seconds,
        "p50_ms": percentiles[49],
        "p99_ms": percentiles[98],
        "max_ms": max(samples),
    }


def fib(client: Client, n: int) -> Result:
    """Run the doubly recursive Fibonacci function with a task for every call."""
    start = time.perf_counter()
    value = client.result(client.submit_fib(n), LIMIT_SECONDS)
    seconds = time.perf_counter() - start
    expect(value, fib_value(n))
    calls = 2 * fib_value(n + 1) - 1
    return {"seconds": seconds, "calls": calls, "per_second": calls / seconds}


def fib_value(n: int) -> int:
    value, following = 0, 1
    for _ in range(n):
        value, following = following, value + following
    return value


def fanout(client: Client, n: int) -> Result:
    """One task calls n others and adds up what they return."""
    start = time.perf_counter()
    value = client.result(client.submit_fanout(n), LIMIT_SECONDS)
    seconds = time.perf_counter() - start
    expect(value, n * (n + 1) // 2)
    return {"seconds": seconds, "per_second": (n + 1) / seconds}


def idle(_client: Client, n: int) -> Result:
    """Stay connected and do nothing; the harness looks at the processes meanwhile."""
    time.sleep(n)
    return {"seconds": n}


MEASURES: dict[str, Callable[[Client, int], Result]] = {
    each.__name__: each
    for each in (throughput, enqueue, enqueue_batch, latency, latency_idle, latency_half, fib, fanout, idle)
}


def main(make_client: Callable[[], Client]) -> None:
    """Serve one run. The process ends hard: threads and sockets of a peer must not keep it."""
    name, n = sys.argv[1], int(sys.argv[2])
    # The pipe to the harness carries the protocol alone: what a peer prints goes where the errors go.
    harness = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(kind: str, message: Result) -> None:
        print(kind, json.dumps(message), file=harness, flush=True)

    try:
        client = make_client()
        client.setup()
        if WORKERS:
            warm_up(client)
        else:
            client.submit(0, 1)
        say("READY", {})
        sys.stdin.readline()
        say("RESULT", MEASURES[name](client, n))
        sys.stdin.readline()
        client.close()
    except Exception as error:  # noqa: BLE001  Whatever a peer raises is its result.
        traceback.print_exc()
        say("FAILED", {"error": f"{type(error).__name__}: {error}"[:300]})
    sys.stderr.flush()
    os._exit(0)
