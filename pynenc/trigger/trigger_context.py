"""All causes of one firing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pynenc.trigger.conditions.base import ConditionContext, TriggerCondition, ValidCondition


@dataclass
class TriggerContext:
    """What satisfied the conditions of a trigger this time."""

    #: When the last of them was satisfied (UTC).
    timestamp: datetime
    #: By their ids, in the order in which the trigger names the conditions.
    valid_conditions: dict[str, ValidCondition] = field(default_factory=dict[str, ValidCondition])

    @property
    def conditions(self) -> list[TriggerCondition]:
        """The satisfied conditions."""
        return [valid.condition for valid in self.valid_conditions.values()]

    def contexts(self) -> Sequence[ConditionContext]:
        """What satisfied them."""
        return [valid.context for valid in self.valid_conditions.values()]

    def add_valid_condition(self, valid: ValidCondition) -> None:
        """Add a satisfied condition."""
        self.valid_conditions[valid.valid_condition_id] = valid

    def has_condition(self, condition_id: str) -> bool:
        """Whether a condition is among the satisfied ones."""
        return any(condition.condition_id == condition_id for condition in self.conditions)
