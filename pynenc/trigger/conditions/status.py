"""Statuses that invocations reach."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pynenc.arguments import Arguments
from pynenc.invocation.status import InvocationStatus
from pynenc.trigger.arguments.filters import ArgumentFilter, FilterLike, create_argument_filter
from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import ConditionContext, TriggerCondition, task_source

#: What users may name statuses with.
StatusLike = InvocationStatus | str


@dataclass(frozen=True, kw_only=True)
class StatusContext(ConditionContext):
    """An invocation reached a status."""

    task_id: str
    call_id: str
    invocation_id: str
    #: Of the call; ``arguments.kwargs`` has them by name.
    arguments: Arguments
    status: InvocationStatus
    disable_cache_args: tuple[str, ...] = field(default=())

    @property
    def context_id(self) -> str:
        return f"status_{self.invocation_id}_{self.status.value}"


class StatusCondition(TriggerCondition):
    """Satisfied when an invocation of a task reaches one of the statuses and the filter accepts its arguments."""

    def __init__(
        self,
        task_id: object,
        statuses: StatusLike | Iterable[StatusLike] = InvocationStatus.SUCCESS,
        arguments_filter: FilterLike = None,
    ) -> None:
        self.task_id = task_key(task_id)
        self.statuses = parse_statuses(statuses)
        self.arguments_filter: ArgumentFilter = create_argument_filter(arguments_filter)

    @property
    def asks_functions(self) -> bool:
        return self.arguments_filter.asks_function

    def sources(self) -> frozenset[str]:
        return frozenset(task_source(self.task_id, status.value) for status in self.statuses)

    def accepts(self, context: ConditionContext) -> bool:
        return (
            isinstance(context, StatusContext)
            and context.task_id == self.task_id
            and context.status in self.statuses
            and self.arguments_filter.accepts(context.arguments.kwargs)
        )

    def to_json(self, codec: Codec) -> JsonObject:
        return {
            "kind": "status",
            "task": self.task_id,
            "statuses": sorted(status.value for status in self.statuses),
            "arguments": self.arguments_filter.to_json(codec),
        }

    def __str__(self) -> str:
        return f"{self.task_id} becomes {' or '.join(sorted(status.name for status in self.statuses))}"


def task_key(task: object) -> str:
    """``module.function`` of a task, a task id, or such a text.

    Raises:
        TypeError: it is none of these.
    """
    key: Any = task if isinstance(task, str) else getattr(task, "key", None)
    if not isinstance(key, str):
        raise TypeError(f"{task!r} is no task: a condition watches a function decorated with @app.task, or its id.")
    return key


def parse_statuses(statuses: StatusLike | Iterable[StatusLike]) -> frozenset[InvocationStatus]:
    """Statuses by name, in any case.

    Raises:
        ValueError: one is unknown, or there is none.
    """
    given = [statuses] if isinstance(statuses, str) else list(statuses)
    if not given:
        raise ValueError("A condition on statuses needs one at least, such as statuses=['SUCCESS'].")
    names = {status.name: status for status in InvocationStatus}
    found: set[InvocationStatus] = set()
    for each in given:
        name = each.name if isinstance(each, InvocationStatus) else each.upper()
        if name not in names:
            raise ValueError(f"{each!r} is no status of an invocation; there are {', '.join(names)}.")
        found.add(names[name])
    return frozenset(found)
