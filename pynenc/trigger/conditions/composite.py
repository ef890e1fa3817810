"""Conditions joined by AND and OR."""

import math
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

    Args:
        conditions: the parts.
        logic: how they belong together.
        within_seconds: with AND, only what happened within so many seconds comes together; what is older does not wait
            any more. None: it waits as long as events are kept.

    Raises:
        ValueError: there are no parts, or a time that cannot be used.
    """

    def __init__(
        self,
        conditions: Sequence[TriggerCondition],
        logic: CompositeLogic = CompositeLogic.AND,
        *,
        within_seconds: float | None = None,
    ) -> None:
        if not conditions:
            raise ValueError("A composite condition needs parts; without any nothing could ever satisfy it.")
        self.conditions = tuple(conditions)
        self.logic = CompositeLogic(logic)
        # Comparisons with NaN are false.
        if within_seconds is not None and (not 0 <= within_seconds < math.inf or self.logic is CompositeLogic.OR):
            raise ValueError(
                f"within_seconds={within_seconds} cannot be used with {self.logic.name}: it is finite, 0 or more, and "
                "says of an AND how far apart its parts may happen. In an OR nothing waits."
            )
        self.within_seconds = within_seconds

    def sources(self) -> frozenset[str]:
        return frozenset[str]().union(*(part.sources() for part in self.conditions))

    def accepts(self, context: ConditionContext) -> bool:
        """Whether one occurrence alone satisfies it; parts satisfied by different ones come together in matching."""
        decide = all if self.logic is CompositeLogic.AND else any
        return decide(part.accepts(context) for part in self.conditions)

    def to_json(self, codec: Codec) -> JsonObject:
        within = {} if self.within_seconds is None else {"within": self.within_seconds}
        return {"kind": self.logic.value, "parts": [part.to_json(codec) for part in self.conditions], **within}

    def __str__(self) -> str:
        if len(self.conditions) == 1:
            return str(self.conditions[0])
        within = "" if self.within_seconds is None else f" within {self.within_seconds:g} s"
        return "(" + f" {self.logic.name} ".join(str(part) for part in self.conditions) + f"{within})"
