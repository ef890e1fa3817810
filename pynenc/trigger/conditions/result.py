"""Results that invocations return."""

from dataclasses import dataclass
from typing import Any

from pynenc.invocation.status import InvocationStatus
from pynenc.trigger.arguments.filters import FilterLike, NoResultFilter, ResultFilter, create_result_filter
from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import ConditionContext
from pynenc.trigger.conditions.status import StatusCondition, StatusContext

_ANY = NoResultFilter()


@dataclass(frozen=True, kw_only=True)
class ResultContext(StatusContext):
    """An invocation succeeded."""

    result: Any

    def __post_init__(self) -> None:
        if self.status is not InvocationStatus.SUCCESS:
            raise ValueError(f"Invocation {self.invocation_id} is {self.status.name}: only SUCCESS has a result.")

    @property
    def context_id(self) -> str:
        return f"result_{self.invocation_id}"


class ResultCondition(StatusCondition):
    """Satisfied when an invocation of a task succeeds and the filters accept its arguments and its result."""

    def __init__(self, task_id: object, arguments_filter: FilterLike = None, result_filter: object = _ANY) -> None:
        super().__init__(task_id, InvocationStatus.SUCCESS, arguments_filter)
        self.result_filter: ResultFilter = create_result_filter(result_filter)

    @property
    def asks_functions(self) -> bool:
        return super().asks_functions or self.result_filter.asks_function

    def accepts(self, context: ConditionContext) -> bool:
        return (
            isinstance(context, ResultContext)
            and super().accepts(context)
            and self.result_filter.accepts(context.result)
        )

    def to_json(self, codec: Codec) -> JsonObject:
        return {**super().to_json(codec), "kind": "result", "result": self.result_filter.to_json(codec)}

    def __str__(self) -> str:
        return f"{self.task_id} returns"
