"""When tasks start by themselves: conditions, arguments, and the builder that joins them."""

from pynenc.trigger.definition import ConditionId, TriggerDefinition, TriggerDefinitionId
from pynenc.trigger.trigger_builder import TriggerBuilder, on_cron, on_event, on_status
from pynenc.trigger.trigger_context import TriggerContext
from pynenc.workflow.event import Event

__all__ = [
    "ConditionId",
    "Event",
    "TriggerBuilder",
    "TriggerContext",
    "TriggerDefinition",
    "TriggerDefinitionId",
    "on_cron",
    "on_event",
    "on_status",
]
