"""The fluent way to say when a task is to run."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from pynenc.invocation.status import InvocationStatus
from pynenc.trigger.arguments.filters import FilterLike
from pynenc.trigger.arguments.providers import (
    ArgumentProvider,
    CompositeArgumentProvider,
    ContextTypeArgumentProvider,
    DirectArgumentProvider,
    StaticArgumentProvider,
)
from pynenc.trigger.conditions.base import TriggerCondition
from pynenc.trigger.conditions.composite import CompositeCondition, CompositeLogic
from pynenc.trigger.conditions.cron import CronCondition, CronContext
from pynenc.trigger.conditions.event import EventCondition, EventContext
from pynenc.trigger.conditions.exception import ExceptionCondition, ExceptionContext
from pynenc.trigger.conditions.result import ResultCondition, ResultContext
from pynenc.trigger.conditions.status import StatusCondition, StatusContext, StatusLike, task_key
from pynenc.trigger.definition import TriggerDefinition
from pynenc.trigger.trigger_context import TriggerContext


class _Arguments:
    """The half of the builder that says with which arguments."""

    def __init__(self) -> None:
        self._providers: list[ArgumentProvider] = []

    def with_args_static(self, arguments: Mapping[str, Any]) -> Self:
        """The same arguments each time."""
        return self.with_args_provider(StaticArgumentProvider(arguments))

    def with_arguments(self, arguments: Mapping[str, Any]) -> Self:
        """The older name of ``with_args_static``."""
        return self.with_args_static(arguments)

    def with_args_from_event(self, callback: Callable[[EventContext], dict[str, Any]]) -> Self:
        """Arguments from the event; a function at the module level."""
        return self.with_args_provider(ContextTypeArgumentProvider(EventContext, callback))

    def with_args_from_status(self, callback: Callable[[StatusContext], dict[str, Any]]) -> Self:
        """Arguments from the invocation that reached a status; a function at the module level."""
        return self.with_args_provider(ContextTypeArgumentProvider(StatusContext, callback))

    def with_args_from_result(self, callback: Callable[[ResultContext], dict[str, Any]]) -> Self:
        """Arguments from the invocation that succeeded, with its result; a function at the module level."""
        return self.with_args_provider(ContextTypeArgumentProvider(ResultContext, callback))

    def with_args_from_exception(self, callback: Callable[[ExceptionContext], dict[str, Any]]) -> Self:
        """Arguments from the invocation that failed; a function at the module level."""
        return self.with_args_provider(ContextTypeArgumentProvider(ExceptionContext, callback))

    def with_args_from_cron(self, callback: Callable[[CronContext], dict[str, Any]]) -> Self:
        """Arguments from the time of the schedule; a function at the module level."""
        return self.with_args_provider(ContextTypeArgumentProvider(CronContext, callback))

    def with_args_from_trigger_context(self, callback: Callable[[TriggerContext], dict[str, Any]]) -> Self:
        """Arguments from all causes together; a function at the module level."""
        return self.with_args_provider(DirectArgumentProvider(callback))

    def with_args_provider(self, provider: ArgumentProvider) -> Self:
        """Ask one more provider; the first that has an answer gives the arguments."""
        self._providers.append(provider)
        return self


class TriggerBuilder(_Arguments):
    """Says when a task is to run, and with which arguments; for ``@app.task(triggers=...)``.

    Several conditions are joined by AND unless ``with_logic`` says OR. Functions that are passed must be importable:
    defined with ``def`` at the level of a module other than ``__main__``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conditions: list[TriggerCondition] = []
        self._logic = CompositeLogic.AND
        self._within_seconds: float | None = None

    def on_cron(self, cron_expression: str, **options: Any) -> Self:
        """At the times of a schedule; ``options`` are those of ``CronCondition``.

        Raises:
            ValueError: the expression or an option cannot be used.
        """
        return self.add_condition(CronCondition(cron_expression, **options))

    def on_event(self, event_code: str, payload_filter: FilterLike = None) -> Self:
        """When an event of this code is emitted whose payload the filter accepts."""
        return self.add_condition(EventCondition(event_code, payload_filter))

    def on_status(
        self,
        task: object,
        statuses: StatusLike | Iterable[StatusLike] = InvocationStatus.SUCCESS,
        call_arguments: FilterLike = None,
    ) -> Self:
        """When an invocation of a task reaches one of the statuses.

        Raises:
            ValueError: a status is unknown.
        """
        return self.add_condition(StatusCondition(task, statuses, call_arguments))

    def on_success(self, task: object, call_arguments: FilterLike = None) -> Self:
        """When an invocation of a task succeeds."""
        return self.on_status(task, InvocationStatus.SUCCESS, call_arguments)

    def on_failure(self, task: object, call_arguments: FilterLike = None) -> Self:
        """When an invocation of a task fails for good."""
        return self.on_status(task, InvocationStatus.FAILED, call_arguments)

    def on_any_result(self, task: object, call_arguments: FilterLike = None) -> Self:
        """When an invocation of a task returns, whatever it returns."""
        return self.add_condition(ResultCondition(task, call_arguments))

    def on_result(self, task: object, filter_result: object, call_arguments: FilterLike = None) -> Self:
        """When an invocation of a task returns this value, or one that a function accepts."""
        return self.add_condition(ResultCondition(task, call_arguments, filter_result))

    def on_exception(
        self,
        task: object,
        exception_types: str | type[BaseException] | Iterable[str | type[BaseException]] | None = None,
        call_arguments: FilterLike = None,
    ) -> Self:
        """When an invocation of a task fails for good, with an exception of one of these classes; None: of any."""
        return self.add_condition(ExceptionCondition(task, call_arguments, exception_types))

    def with_logic(self, logic: CompositeLogic | str, *, within_seconds: float | None = None) -> Self:
        """Join the conditions by AND (each used once, all needed) or by OR (one run for each that is satisfied).

        With ``within_seconds`` an AND takes together only what happened within that time.

        Raises:
            ValueError: it is neither.
        """
        self._logic = CompositeLogic(logic.lower())
        self._within_seconds = within_seconds
        return self

    def add_condition(self, condition: TriggerCondition) -> Self:
        """Demand one more condition, such as a ``CompositeCondition``."""
        self._conditions.append(condition)
        return self

    def build(self, task_id: object) -> TriggerDefinition:
        """The definition for a task.

        Raises:
            ValueError: there are no conditions, or a time for an OR.
        """
        if not self._conditions:
            raise ValueError("Cannot create a trigger definition with no conditions")
        providers = self._providers
        provider = (
            None if not providers else providers[0] if len(providers) == 1 else CompositeArgumentProvider(providers)
        )
        condition = CompositeCondition(self._conditions, self._logic, within_seconds=self._within_seconds)
        return TriggerDefinition(task_key(task_id), condition, provider)


def on_cron(cron_expression: str, **options: Any) -> TriggerBuilder:
    """A builder with a cron condition."""
    return TriggerBuilder().on_cron(cron_expression, **options)


def on_event(event_code: str, required_params: FilterLike = None) -> TriggerBuilder:
    """A builder with a condition on events."""
    return TriggerBuilder().on_event(event_code, required_params)


def on_status(
    task: object,
    statuses: StatusLike | Iterable[StatusLike] = InvocationStatus.SUCCESS,
    call_arguments: FilterLike = None,
) -> TriggerBuilder:
    """A builder with a condition on statuses."""
    return TriggerBuilder().on_status(task, statuses, call_arguments)
