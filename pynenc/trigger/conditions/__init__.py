"""What tasks can be triggered by."""

from pynenc.trigger.conditions.base import ConditionContext, TriggerCondition, ValidCondition
from pynenc.trigger.conditions.composite import CompositeCondition, CompositeLogic
from pynenc.trigger.conditions.cron import CronCondition, CronContext, MisfirePolicy
from pynenc.trigger.conditions.event import EventCondition, EventContext
from pynenc.trigger.conditions.exception import ExceptionCondition, ExceptionContext
from pynenc.trigger.conditions.result import ResultCondition, ResultContext
from pynenc.trigger.conditions.status import StatusCondition, StatusContext

__all__ = [
    "CompositeCondition",
    "CompositeLogic",
    "ConditionContext",
    "CronCondition",
    "CronContext",
    "EventCondition",
    "EventContext",
    "ExceptionCondition",
    "ExceptionContext",
    "MisfirePolicy",
    "ResultCondition",
    "ResultContext",
    "StatusCondition",
    "StatusContext",
    "TriggerCondition",
    "ValidCondition",
]
