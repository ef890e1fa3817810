"""Huey on SQLite or Redis, with its default settings."""

import os

from huey import RedisHuey, SqliteHuey

if os.environ["BENCH_STORE"] == "redis":
    huey = RedisHuey("bench", host="127.0.0.1", port=int(os.environ["BENCH_REDIS_PORT"]))
else:
    huey = SqliteHuey("bench", filename=os.environ["BENCH_FOLDER"] + "/huey.sqlite")


@huey.task()
def add(x, y):
    return x + y


@huey.task()
def fib(n):
    if n < 2:
        return n
    a, b = fib(n - 1), fib(n - 2)
    return a.get(blocking=True, timeout=100) + b.get(blocking=True, timeout=100)


@huey.task()
def fanout(n):
    results = [add(i, 1) for i in range(n)]
    return sum(result.get(blocking=True, timeout=100) for result in results)
