"""Celery on Redis, or on RabbitMQ with results in Redis, with its default settings."""

import os

from celery import Celery, group
from celery.result import allow_join_result

REDIS = f"redis://127.0.0.1:{os.environ['BENCH_REDIS_PORT']}/0"

app = Celery("celery_app", broker=os.environ.get("BENCH_RABBITMQ_URL", REDIS), backend=REDIS)
app.conf.update(broker_connection_retry_on_startup=True)


@app.task
def add(x, y):
    return x + y


@app.task
def fib(n):
    if n < 2:
        return n
    with allow_join_result():  # Celery refuses to wait inside a task unless asked twice.
        a, b = fib.delay(n - 1), fib.delay(n - 2)
        return a.get() + b.get()


@app.task
def fanout(n):
    with allow_join_result():
        return sum(group(add.s(i, 1) for i in range(n))().get())
