"""Code of a user, as type checkers see it. It is checked, not run.

Each mistake that must be found stands on a line that ignores it, and an ignore that nothing needs is an error.
"""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any, assert_type

from pynenc import ConcurrencyControlType, Pynenc, PynencBuilder, Task
from pynenc.invocation import DistributedInvocation
from pynenc.invocation.status import InvocationStatus
from pynenc.trigger import Event

app = Pynenc()
built = PynencBuilder().app_id("shop").sqlite("shop.db").thread_runner(max_threads=4).build()
assert_type(built, Pynenc)


# --- tasks ---


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task(max_retries=2, retry_for=(ConnectionError,), running_concurrency=ConcurrencyControlType.TASK)
def fetch(url: str, *, timeout_seconds: float = 1) -> str | None:
    return url if timeout_seconds else None


@app.task
async def measure(host: str) -> float:
    return float(len(host))


@app.task(priority=10)
async def measure_first(host: str) -> float:
    return float(len(host))


@app.workflow
def order(order_id: str) -> dict[str, int]:
    return {order_id: add(1, 2).result}


@app.workflow(max_retries=1)
def retried_order(order_id: str) -> dict[str, int]:
    return {order_id: add(1, 2).result}


def calls() -> None:
    of_ints: Task[[int, int], int] = add
    assert_type(of_ints(1, 2), DistributedInvocation[int])

    assert_type(add(1, 2), DistributedInvocation[int])
    assert_type(add(1, 2).result, int)
    assert_type(add(x=1, y=2).result_within(5), int)
    assert_type(add(1, 2).status, InvocationStatus)

    assert_type(fetch("a", timeout_seconds=2), DistributedInvocation[str | None])
    assert_type(fetch("a").result, str | None)

    assert_type(measure("a"), DistributedInvocation[float])
    assert_type(measure("a").result, float)
    assert_type(measure_first("a"), DistributedInvocation[float])

    assert_type(order("a"), DistributedInvocation[dict[str, int]])
    assert_type(retried_order("a").result, dict[str, int])

    assert_type(add.with_options(queue="slow", priority=5, delay_seconds=60)(1, 2), DistributedInvocation[int])


def is_mine(payload: Mapping[str, Any]) -> bool:
    return bool(payload["mine"])


async def async_effect(host: str) -> float:
    return float(len(host))


async def operations() -> None:
    wf = order.wf
    assert_type(wf.random(), float)
    assert_type(wf.uuid(), str)
    assert_type(wf.execute_task(add, 1, 2), DistributedInvocation[int])
    assert_type(wf.execute_task(measure, host="a").result, float)
    assert_type(wf.execute_task(add.with_options(priority=5), 1, y=2).result, int)
    assert_type(wf.step("round", round, 1.5), int)
    assert_type(await wf.step("measure", async_effect, "a"), float)
    assert_type(wf.root.patched("new"), bool)

    assert_type(wf.wait_event("paid"), Event)
    assert_type(wf.wait_event("paid", {"order": 7}, timeout=3_600).payload["order"], Any)
    assert_type(wf.root.wait_event("paid", is_mine, timedelta(days=30)).event_id, str)
    wf.wait_event("paid", lambda payload: payload["order"] == 7)
    wf.wait_event("paid", 7)  # type: ignore[arg-type]
    wf.wait_event("paid", timeout="1 hour")  # type: ignore[arg-type]
    wf.execute_task(add, 1, "x")  # type: ignore[arg-type]
    wf.execute_task(fetch)  # type: ignore[call-arg]
    wf.step("measure", async_effect, 1)  # type: ignore[call-overload]


def mistakes() -> None:
    add(1, "x")  # type: ignore[arg-type]
    add(1)  # type: ignore[call-arg]
    add(1, z=2)  # type: ignore[call-arg]
    fetch(url=1)  # type: ignore[arg-type]
    measure(1)  # type: ignore[arg-type]
    order()  # type: ignore[call-arg]
    add.with_options(priority=1)("x", 2)  # type: ignore[arg-type]
    add.args(1, "x")  # type: ignore[arg-type]


# --- several calls ---


def groups() -> None:
    group = add.parallelize([(1, 2), {"x": 3, "y": 4}, add.args(5, y=6)])
    assert_type(group.results, Iterator[int])
    assert_type(group.ordered_results, list[int])
    assert_type(group.iter_results(ordered=True), Iterator[int])
    assert_type(group.iter_results(return_exceptions=True), Iterator[int | Exception])
    for invocation in group:
        assert_type(invocation, DistributedInvocation[int])
    assert_type(group.invocations, list[DistributedInvocation[int]])
    assert_type(group.invocation_map, dict[str, DistributedInvocation[int]])
    shared = fetch.parallelize([{"url": "a"}], common_args={"timeout_seconds": 2.0})
    assert_type(list(shared.results), list[str | None])
    assert_type(measure.parallelize([("a",)]).results, Iterator[float])


# --- coroutines ---


@app.task
async def sum_of_measures(hosts: list[str]) -> float:
    first = await measure(hosts[0])
    assert_type(first, float)
    second = await (await measure.submit_async(hosts[1]))
    assert_type(second, float)
    assert_type(await add(1, 2).async_result(), int)
    results = measure.parallelize([(host,) for host in hosts]).async_results()
    assert_type(results, AsyncIterator[float])
    return first + second + sum([result async for result in results])


assert_type(sum_of_measures(["a"]), DistributedInvocation[float])


# --- direct tasks: the signature stays what it was ---


@app.direct_task
def direct_add(x: int, y: int) -> int:
    return x + y


@app.direct_task(max_retries=1)
def direct_fetch(url: str, timeout_seconds: float = 1) -> str:
    return url * int(timeout_seconds)


@app.direct_task
async def direct_measure(host: str) -> float:
    return float(len(host))


def direct_calls() -> None:
    assert_type(direct_add(1, 2), int)
    assert_type(direct_add(x=1, y=2), int)
    assert_type(direct_fetch("a"), str)
    direct_add(1, "x")  # type: ignore[arg-type]
    direct_fetch(1)  # type: ignore[arg-type]


async def awaited_direct_calls() -> None:
    assert_type(await direct_measure("a"), float)


# --- a handle is read-only, so one of a narrower result is one of a wider ---


def describe(invocation: DistributedInvocation[object]) -> str:
    return str(invocation.result)


assert_type(describe(add(1, 2)), str)
