"""What a condition cannot do without. Pure."""

from pynenc.invocation.status import FINAL, InvocationStatus
from pynenc.trigger.conditions.base import TriggerCondition, task_source
from pynenc.trigger.conditions.composite import CompositeCondition, CompositeLogic
from pynenc.trigger.conditions.status import StatusCondition


def required_tasks(condition: TriggerCondition) -> frozenset[str]:
    """The tasks of which an invocation must reach a status each time this is satisfied."""
    if isinstance(condition, StatusCondition):
        return frozenset({condition.task_id})
    if not isinstance(condition, CompositeCondition):
        return frozenset()
    parts = [required_tasks(part) for part in condition.conditions]
    if condition.logic is CompositeLogic.AND:
        return frozenset[str]().union(*parts)
    return parts[0].intersection(*parts[1:])


def shared_tasks(condition: TriggerCondition) -> frozenset[str]:
    """The tasks that an AND in it demands and another of its parts is about: their ends decide what still waits."""
    if not isinstance(condition, CompositeCondition):
        return frozenset()
    below = frozenset[str]().union(*(shared_tasks(part) for part in condition.conditions))
    if condition.logic is not CompositeLogic.AND:
        return below
    parts = list(condition.conditions)
    return below.union(
        *(required_tasks(part) & watched_tasks(other) for part in parts for other in parts if other is not part)
    )


def ends_to_watch(condition: TriggerCondition) -> frozenset[str]:
    """Sources that satisfy nothing in it, and still matter: they tell that an invocation will satisfy no more.

    Only of tasks of which something may wait before the end; what comes with the end is looked at when it comes.
    """
    early = {task for task in shared_tasks(condition) if _statuses(condition, task) - FINAL}
    return frozenset(task_source(task, status.value) for task in early for status in FINAL)


def watched_tasks(condition: TriggerCondition) -> frozenset[str]:
    """The tasks of which a status may satisfy something in it."""
    if isinstance(condition, StatusCondition):
        return frozenset({condition.task_id})
    if isinstance(condition, CompositeCondition):
        return frozenset[str]().union(*(watched_tasks(part) for part in condition.conditions))
    return frozenset()


def _statuses(condition: TriggerCondition, task: str) -> frozenset[InvocationStatus]:
    if isinstance(condition, StatusCondition):
        return condition.statuses if condition.task_id == task else frozenset()
    if isinstance(condition, CompositeCondition):
        return frozenset[InvocationStatus]().union(*(_statuses(part, task) for part in condition.conditions))
    return frozenset()
