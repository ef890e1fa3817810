"""arq on Redis. By default its workers and its readers look every 500 ms; "tuned" makes both look every 5 ms."""

import os

from arq.connections import RedisSettings

TUNED = os.environ["BENCH_VARIANT"] == "tuned"
POLL_SECONDS = 0.005 if TUNED else 0.5


async def add(ctx, x, y):
    return x + y


async def fib(ctx, n):
    if n < 2:
        return n
    jobs = [await ctx["redis"].enqueue_job("fib", m) for m in (n - 1, n - 2)]
    return sum([await job.result(timeout=100, poll_delay=POLL_SECONDS) for job in jobs])


async def fanout(ctx, n):
    jobs = [await ctx["redis"].enqueue_job("add", i, 1) for i in range(n)]
    return sum([await job.result(timeout=100, poll_delay=POLL_SECONDS) for job in jobs])


class WorkerSettings:
    functions = (add, fib, fanout)
    redis_settings = RedisSettings(host="127.0.0.1", port=int(os.environ["BENCH_REDIS_PORT"]))
    if TUNED:
        poll_delay = POLL_SECONDS
        max_jobs = 3_000
