"""Pynenc, with its default settings."""

import os

from pynenc import PynencBuilder

WORKERS = max(1, int(os.environ["BENCH_WORKERS"]))  # Zero: the client of a run without workers.

builder = PynencBuilder().app_id("bench").logging_level("error")
match os.environ["BENCH_STORE"]:
    case "memory":
        builder = builder.memory()
    case "sqlite":
        builder = builder.sqlite(sqlite_db_path=os.environ["BENCH_FOLDER"] + "/pynenc.sqlite")
    case "redis":
        builder = builder.redis(url=f"redis://127.0.0.1:{os.environ['BENCH_REDIS_PORT']}/0")
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
