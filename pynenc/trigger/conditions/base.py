"""What all conditions, and all that may satisfy one, have in common."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from pynenc.trigger.codec import Codec, JsonObject


@dataclass(frozen=True, kw_only=True)
class ConditionContext(ABC):
    """Something that happened, as conditions, filters and argument providers see it."""

    #: When (UTC).
    timestamp: datetime

    @property
    @abstractmethod
    def context_id(self) -> str:
        """A name that no other occurrence has."""


class _NameOnly:
    """Values by their representation: enough to tell two conditions of one program apart."""

    def serialize(self, obj: object, /) -> str:
        return repr(obj)

    def deserialize(self, serialized_obj: str, /) -> object:
        raise NotImplementedError


class TriggerCondition(ABC):
    """A demand on what happens, one thing at a time."""

    @property
    def condition_id(self) -> str:
        """A name that equal conditions share: a digest of what they demand."""
        text = json.dumps(self.to_json(_NameOnly()), sort_keys=True)
        return f"{type(self).__name__}#{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def asks_functions(self) -> bool:
        """Whether functions of the user's decide, which may change what they are given."""
        return False

    @abstractmethod
    def sources(self) -> frozenset[str]:
        """The sources (``task:key:status``, ``event:code``) whose occurrences it looks at; none for cron."""

    @abstractmethod
    def accepts(self, context: ConditionContext) -> bool:
        """Whether this occurrence satisfies it.

        Raises:
            Exception: whatever a function of the user's raises.
        """

    @abstractmethod
    def to_json(self, codec: Codec) -> JsonObject:
        """Its stored form, with its name under ``kind``."""

    @abstractmethod
    def __str__(self) -> str:
        """In a few words, for people."""


@dataclass(frozen=True)
class ValidCondition:
    """A condition, and what satisfied it."""

    condition: TriggerCondition
    context: ConditionContext

    @property
    def valid_condition_id(self) -> str:
        """A name for the pair."""
        return f"valid_condition_{self.condition.condition_id}_context_{self.context.context_id}"


def task_source(task_key: str, status: str) -> str:
    """The source of a status of a task."""
    return f"task:{task_key}:{status}"


def event_source(event_code: str) -> str:
    """The source of events of a code."""
    return f"event:{event_code}"
