"""Exceptions with which invocations fail."""

from collections.abc import Iterable
from dataclasses import dataclass

from pynenc.invocation.status import InvocationStatus
from pynenc.trigger.arguments.filters import FilterLike
from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import ConditionContext
from pynenc.trigger.conditions.status import StatusCondition, StatusContext


@dataclass(frozen=True, kw_only=True)
class ExceptionContext(StatusContext):
    """An invocation failed for good."""

    #: The name of the exception's class, without its module.
    exception_type: str
    exception_message: str

    @property
    def context_id(self) -> str:
        return f"exception_{self.invocation_id}_{self.exception_type}"


class ExceptionCondition(StatusCondition):
    """Satisfied when an invocation of a task fails with an exception of one of these class names; none: of any."""

    def __init__(
        self,
        task_id: object,
        arguments_filter: FilterLike = None,
        exception_types: str | type[BaseException] | Iterable[str | type[BaseException]] | None = None,
    ) -> None:
        super().__init__(task_id, InvocationStatus.FAILED, arguments_filter)
        given = [exception_types] if isinstance(exception_types, str | type) else list(exception_types or ())
        self.exception_types = frozenset(each if isinstance(each, str) else each.__name__ for each in given)

    def accepts(self, context: ConditionContext) -> bool:
        return (
            isinstance(context, ExceptionContext)
            and (not self.exception_types or context.exception_type in self.exception_types)
            and super().accepts(context)
        )

    def to_json(self, codec: Codec) -> JsonObject:
        return {**super().to_json(codec), "kind": "exception", "types": sorted(self.exception_types)}

    def __str__(self) -> str:
        return f"{self.task_id} fails with {' or '.join(sorted(self.exception_types)) or 'anything'}"
