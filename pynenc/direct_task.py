"""Direct tasks: functions that run elsewhere and still return their value to the caller."""

import functools
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, ParamSpec, cast

from pynenc.task import Task

P = ParamSpec("P")

ParallelFunc = Callable[[dict[str, Any]], Any]
AggregateFunc = Callable[[Any], Any]

AGGREGATE_MISSING = "Aggregation function required for parallel execution"


def make_direct(
    task: Task[P, Any], parallel_func: ParallelFunc | None, aggregate_func: AggregateFunc | None
) -> Callable[P, Any]:
    """The plain function that calls a task and returns its value.

    Raises:
        ValueError: ``parallel_func`` without ``aggregate_func``.
    """
    if parallel_func is not None and aggregate_func is None:
        raise ValueError(AGGREGATE_MISSING)

    def group(args: Any, kwargs: Any) -> Any:
        assert parallel_func is not None  # noqa: S101 - only called then
        return task.parallelize(*_parameter_sets(parallel_func(task.parameters.bind(args, kwargs))))

    if task.is_async:

        async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            import asyncio  # noqa: PLC0415 - 22 ms and 2 MB, which processes without coroutines can do without

            if parallel_func is None:
                return await (await task.submit_async(*args, **kwargs)).async_result()
            results = (await asyncio.to_thread(group, args, kwargs)).async_results()
            return cast("AggregateFunc", aggregate_func)([value async for value in cast("AsyncIterator[Any]", results)])

        wrapper: Any = functools.wraps(task.func)(call_async)
    else:

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            if parallel_func is None:
                return task(*args, **kwargs).result
            return cast("AggregateFunc", aggregate_func)(group(args, kwargs).results)

        wrapper = functools.wraps(task.func)(call)
    wrapper.__pynenc_task__ = task
    wrapper.__inner_function__ = task.func
    return cast("Callable[P, Any]", wrapper)


def _parameter_sets(made: object) -> tuple[Any, Mapping[str, Any] | None]:
    """What ``parallel_func`` returned as elements and common arguments."""
    if isinstance(made, Mapping) and "param_iter" in made:
        parts = cast("Mapping[str, Any]", made)
        return parts["param_iter"], parts.get("common_args")
    pair = 2
    if isinstance(made, tuple) and len(cast("tuple[object, ...]", made)) == pair:
        first, second = cast("tuple[object, object]", made)
        if isinstance(first, Mapping) and not isinstance(second, Mapping):
            return second, cast("Mapping[str, Any]", first)
    return cast("Any", made), None
