"""Races: the same thing at the same time from many threads or processes."""

import multiprocessing
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import TypeVar

from pynenc.ports import Backend

Answer = TypeVar("Answer")

THREADS = 8
PROCESSES = 4

#: How long the others wait for one that does not come to the start, before the race fails.
START_TIMEOUT_SECONDS = 60.0

_start: Barrier | None = None


def race(action: Callable[[int], Answer], threads: int = THREADS) -> list[Answer]:
    """Call ``action(0)``, ``action(1)``, ... on threads that start together; the answers in that order."""
    start = threading.Barrier(threads)

    def run(number: int) -> Answer:
        start.wait(START_TIMEOUT_SECONDS)
        return action(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def shuffled(invocation_ids: Sequence[str], seed: int) -> list[str]:
    """The same ids in an order of its own for each seed, so that racers meet everywhere."""
    return random.Random(seed).sample(invocation_ids, len(invocation_ids))  # noqa: S311  # no secret


def claim_race_between_processes(
    open_store: Callable[[], Backend], invocation_ids: Sequence[str], now: float
) -> list[tuple[str, int]]:
    """Let processes claim the same invocations one by one; all (id, attempt) pairs that any of them got."""
    # Fresh interpreters: a fork would copy the locks of this process's threads in whatever state they are.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        PROCESSES, mp_context=context, initializer=_keep_start, initargs=(context.Barrier(PROCESSES),)
    ) as pool:
        racers = [
            pool.submit(_claim_all, open_store, shuffled(invocation_ids, number), f"runner-{number}", now)
            for number in range(PROCESSES)
        ]
        return [claimed for racer in racers for claimed in racer.result()]


def _keep_start(start: Barrier) -> None:
    global _start  # noqa: PLW0603  # A barrier reaches a process of a pool only while it starts.
    _start = start


def _claim_all(
    open_store: Callable[[], Backend], invocation_ids: Sequence[str], owner: str, now: float
) -> list[tuple[str, int]]:
    store = open_store()
    try:
        assert _start is not None
        _start.wait(START_TIMEOUT_SECONDS)
        records = [record for each in invocation_ids for record in store.orchestrator.claim([each], owner, now)]
        return [(record.invocation_id, record.attempt) for record in records]
    finally:
        store.close()
