import os
import statistics
import threading
import time
from pathlib import Path

import pynenc_app
from measures import LIMIT_SECONDS, MEASURES, Client, Result, expect, main

from pynenc.invocation import InvocationStatus

#: How long paused invocations are watched while nothing happens.
WATCH_SECONDS = 5.0


class PynencClient(Client):
    def setup(self):
        if os.environ["BENCH_STORE"] == "memory":  # The runner is a thread of this process.
            threading.Thread(target=pynenc_app.app.runner.run, daemon=True).start()

    def submit(self, x, y):
        return pynenc_app.add(x, y)

    def result(self, handle, timeout_seconds):
        return handle.result

    def submit_fib(self, n):
        return pynenc_app.fib(n)

    def submit_fanout(self, n):
        return pynenc_app.fanout(n)

    def submit_batch(self, pairs):
        return pynenc_app.add.parallelize(pairs)


def paused_threads(_client: Client, n: int) -> Result:
    """Have n sync invocations wait for one, in this process."""
    return _paused(pynenc_app.waits, n)


def paused_coroutines(_client: Client, n: int) -> Result:
    """Have n async invocations wait for one, in this process."""
    return _paused(pynenc_app.waits_async, n)


def _paused(task, n: int) -> Result:
    gate = pynenc_app.keeper()
    _wait_until(lambda: pynenc_app.open_gate)
    before = _proportional_mb()
    group = task.parallelize([(gate, number) for number in range(n)])
    orchestrator = pynenc_app.app.orchestrator
    _wait_until(lambda: orchestrator.count_invocations(statuses=[InvocationStatus.PAUSED]) == n)
    paused = _proportional_mb()
    used = time.process_time()
    time.sleep(WATCH_SECONDS)
    used = time.process_time() - used
    pynenc_app.open_gate[0]()
    expect(sorted(group.results), [1 + number for number in range(n)])
    return {"mb": paused - before, "cpu_percent": 100 * used / WATCH_SECONDS}


def big_argument(_client: Client, n: int) -> Result:
    """Share 10 MB among n calls."""
    data = "x" * 10_000_000
    start = time.perf_counter()
    group = pynenc_app.length.parallelize([{"number": number} for number in range(n)], common_args={"data": data})
    expect(sorted(group.results), [len(data) + number for number in range(n)])
    seconds = time.perf_counter() - start
    stored, _ = pynenc_app.app.client_data_store.usage()
    return {"seconds": seconds, "per_second": n / seconds, "stored": stored}


def workflow(_client: Client, n: int) -> Result:
    """Record n steps in one workflow, then have it repeat them."""
    recorded, replayed = pynenc_app.operations(n).result
    names = ("us", "first_us", "last_us")
    return {
        **{f"recorded_{name}": value for name, value in zip(names, recorded, strict=True)},
        **{f"replayed_{name}": value for name, value in zip(names, replayed, strict=True)},
        "recorded_growth": recorded[2] / recorded[1],
        "replayed_growth": replayed[2] / replayed[1],
    }


def trigger_latency(_client: Client, n: int) -> Result:
    """Have n tasks succeed, one after the other, each of which starts another task."""
    count, triggered = pynenc_app.app.orchestrator.count_invocations, pynenc_app.triggered.key
    for number in range(n):
        expect(pynenc_app.add(number, 1).result, number + 1)
        _wait_until(lambda wanted=number: count(triggered, [InvocationStatus.SUCCESS]) > wanted, 0.005)
    committed = _moments(pynenc_app.add.key, InvocationStatus.SUCCESS)
    started = _moments(triggered, InvocationStatus.RUNNING)
    # Exactly one start for each.
    expect(len(started), len(committed))
    delays = sorted(1000 * (start - end) for end, start in zip(committed, started, strict=True))
    percentiles = statistics.quantiles(delays, n=100, method="inclusive")
    return {"samples": len(delays), "p50_ms": percentiles[49], "p95_ms": percentiles[94], "max_ms": delays[-1]}


def _moments(task: str, status: InvocationStatus) -> list[float]:
    ids = pynenc_app.app.orchestrator.get_task_invocation_ids(task, limit=100_000)
    return sorted(entry.timestamp for entry in pynenc_app.app.engine.ledger.history(ids) if entry.status is status)


def _wait_until(condition, pause_seconds=0.05):
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {LIMIT_SECONDS} s")
        time.sleep(pause_seconds)


def _proportional_mb() -> float:
    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1000
    raise ValueError("no Pss in /proc/self/smaps_rollup")


MEASURES.update(
    {each.__name__: each for each in (paused_threads, paused_coroutines, big_argument, trigger_latency, workflow)}
)
main(PynencClient)
