"""Conditions joined by AND and OR."""

from collections.abc import Sequence
from enum import StrEnum

from pynenc.trigger.codec import Codec, JsonObject
from pynenc.trigger.conditions.base import ConditionContext, TriggerCondition


class CompositeLogic(StrEnum):
    """How the parts of a composite belong together."""

    #: Once for each set of occurrences that satisfies all parts.
    AND = "and"
    #: Once for each occurrence that satisfies a part.
    OR = "or"


class CompositeCondition(TriggerCondition):
    """Parts joined by AND or OR; a part may be a composite itself.

    Raises:
        ValueError: there are no parts.
    """

    def __init__(self, conditions: Sequence[TriggerCondition], logic: CompositeLogic = CompositeLogic.AND) -> None:
        if not conditions:
            raise ValueError("A composite condition needs parts; without any nothing could ever satisfy it.")
        self.conditions = tuple(conditions)
        self.logic = CompositeLogic(logic)

    def sources(self) -> frozenset[str]:
        return frozenset[str]().union(*(part.sources() for part in self.conditions))

    def accepts(self, context: ConditionContext) -> bool:
        """Whether one occurrence alone satisfies it; parts satisfied by different ones come together in matching."""
        decide = all if self.logic is CompositeLogic.AND else any
        return decide(part.accepts(context) for part in self.conditions)

    def to_json(self, codec: Codec) -> JsonObject:
        return {"kind": self.logic.value, "parts": [part.to_json(codec) for part in self.conditions]}

    def __str__(self) -> str:
        if len(self.conditions) == 1:
            return str(self.conditions[0])
        return "(" + f" {self.logic.name} ".join(str(part) for part in self.conditions) + ")"
