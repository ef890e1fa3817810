"""Tasks for groups: many calls of one task, and functions that distribute themselves."""

import asyncio
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from behaviour_app import app
from gates_and_notes import pass_gate

from pynenc import ConcurrencyControlType


@app.task
def square(x: int) -> int:
    return x * x


@app.task(parallel_batch_size=0)
def square_one_by_one(x: int) -> int:
    return x * x


@app.task
def scaled(x: int, factor: int = 1, shift: int = 0) -> int:
    return x * factor + shift


@app.task
def odd_fails(x: int) -> int:
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


@app.task
def through(gate: str) -> str:
    """Goes through the gate of this name once it is open."""
    pass_gate(gate)
    return gate


@app.task(registration_concurrency=ConcurrencyControlType.ARGUMENTS)
def once_for_equal_arguments(x: int) -> int:
    return x * 10


@app.task
def sum_of_squares(n: int) -> int:
    return sum(square.parallelize([(x,) for x in range(n)]).results)


@app.task
def ordered_squares(n: int) -> list[int]:
    return square.parallelize([(x,) for x in range(n)]).ordered_results


@app.task
async def sum_of_squares_async(n: int) -> int:
    group = await asyncio.to_thread(square.parallelize, [(x,) for x in range(n)])
    return sum([value async for value in group.async_results()])


@app.direct_task
def where(x: int) -> tuple[int, int, int]:
    """Which process and thread runs this, and what for."""
    return x, os.getpid(), threading.get_ident()


@app.direct_task(max_retries=1)
def fails_directly() -> None:
    raise LookupError("directly")


@app.direct_task
async def add_directly(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y


def _halves(arguments: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    numbers = arguments["numbers"]
    middle = len(numbers) // 2
    return [(numbers[:middle], arguments["factor"]), (numbers[middle:], arguments["factor"])]


@app.direct_task(parallel_func=_halves, aggregate_func=sum)
def scaled_sum(numbers: list[int], factor: int = 2) -> int:
    return sum(number * factor for number in numbers)


def _with_common(arguments: dict[str, Any]) -> tuple[dict[str, Any], Iterable[dict[str, Any]]]:
    return {"factor": arguments["factor"]}, [{"numbers": [number]} for number in arguments["numbers"]]


@app.direct_task(parallel_func=_with_common, aggregate_func=sorted)
def scaled_each(numbers: list[int], factor: int) -> list[int]:
    return [number * factor for number in numbers]


def _as_mapping(arguments: dict[str, Any]) -> Mapping[str, Any]:
    return {"param_iter": [{"x": x} for x in range(arguments["x"])], "common_args": {"y": arguments["y"]}}


@app.direct_task(parallel_func=_as_mapping, aggregate_func=list)
async def sums_up_to(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y
