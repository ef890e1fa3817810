"""Tasks of one call each: how arguments arrive, what comes back, what is raised, what user code can ask."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from behaviour_app import app
from gates_and_notes import pass_gate

from pynenc.exceptions import RetryError
from pynenc.invocation import DistributedInvocation


@app.task
def add(x: int, y: int = 10) -> int:
    return x + y


@app.task
def variadic(*args: int, **kwargs: int) -> tuple[tuple[int, ...], dict[str, int]]:
    return args, kwargs


@app.task
def every_kind(a: int, b: int = 2, /, c: int = 3, *rest: int, d: int, e: int = 5, **more: int) -> str:
    return f"{a} {b} {c} {rest} {d} {e} {more}"


class Point(NamedTuple):
    x: int
    y: int


@app.task
def mirrored(point: Point) -> Point:
    return Point(point.y, point.x)


class OrderError(Exception):
    def __init__(self, order: str, *, parcels: int) -> None:
        super().__init__(order)
        self.order = order
        self.parcels = parcels


@app.task
def fails(kind: str) -> None:
    if kind == "value":
        raise ValueError("no such value", 42)
    if kind == "noted":
        error = LookupError("where is it")
        error.add_note("look under the table")
        raise error
    raise OrderError("books", parcels=3)


@app.task
def returns(value: Any) -> Any:
    return value


@app.task
def who_am_i() -> Mapping[str, str]:
    invocation = who_am_i.invocation
    who_am_i.logger.info("asked who I am")
    return {
        "invocation": invocation.invocation_id,
        "status": invocation.status.name,
        "task": str(invocation.task.task_id),
        "workflow": who_am_i.workflow.workflow_id,
        "workflow_type": who_am_i.workflow.workflow_type.key,
    }


@app.task
def asks_child_who_it_is() -> tuple[str, Mapping[str, str], str]:
    child = who_am_i()
    return asks_child_who_it_is.invocation.invocation_id, child.result, child.parent_invocation_id or ""


@app.workflow
def opens_a_workflow() -> tuple[str, str | None]:
    identity = opens_a_workflow.workflow
    return identity.workflow_id, identity.parent_workflow_id


@app.task
def calls_a_workflow() -> tuple[str, tuple[str, str | None]]:
    return calls_a_workflow.workflow.workflow_id, opens_a_workflow().result


@app.task
def result_of(other: DistributedInvocation[int]) -> int:
    return other.result


@app.task
def results_of(others: list[DistributedInvocation[int]]) -> list[int]:
    return [other.result for other in others]


@app.task
async def add_async(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y


@app.task
async def fails_async() -> None:
    await asyncio.sleep(0)
    raise LookupError("not on the loop either")


@app.task(max_retries=2)
def asks_for_a_retry_for_ever() -> None:
    raise RetryError("again, please")


@app.task
def waits_at(gate: str) -> str:
    pass_gate(gate)
    return "through"
