"""The definitions in the store as this process knows them, reloaded when their version changes."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pynenc.engine.user_code import contained, words
from pynenc.ports.trigger import StoredDefinition, Trigger
from pynenc.trigger.codec import Codec
from pynenc.trigger.conditions.base import TriggerCondition
from pynenc.trigger.conditions.cron import CronCondition
from pynenc.trigger.definition import TriggerDefinition, definition_from_json, schedules_in, watched_sources
from pynenc.trigger.requirements import shared_tasks


class Loaded(NamedTuple):
    """A definition, or why it cannot be used here."""

    stored: StoredDefinition
    definition: TriggerDefinition | None
    leaves: list[TriggerCondition]
    error: BaseException | None
    #: Of their invocations something may wait in vain (``pynenc.trigger.requirements``).
    shared_tasks: frozenset[str] = frozenset()


class Schedule(NamedTuple):
    """A cron condition of a definition."""

    name: str
    definition_id: str
    condition: CronCondition


@dataclass
class Definitions:
    """All definitions of a version."""

    version: int
    by_id: dict[str, Loaded] = field(default_factory=dict[str, Loaded])
    by_source: defaultdict[str, list[Loaded]] = field(default_factory=lambda: defaultdict(list))
    schedules: list[Schedule] = field(default_factory=list[Schedule])

    def watching(self, source: str) -> list[Loaded]:
        """The definitions that an occurrence of this source may concern."""
        return self.by_source.get(source, [])

    def schedules_of(self, definition_id: str) -> Iterator[Schedule]:
        """The cron conditions of a definition."""
        return (each for each in self.schedules if each.definition_id == definition_id)


class KnownDefinitions:
    """A cache of the store's definitions."""

    def __init__(self, trigger: Trigger, codec: Codec, warn: Callable[[str], None]) -> None:
        self._trigger = trigger
        self._codec = codec
        self._warn = warn
        self._present = Definitions(-1)

    def __call__(self) -> Definitions:
        """The definitions as they stand."""
        version = self._trigger.version()
        if version != self._present.version:
            self._present = self._load(version)
        return self._present

    def _load(self, version: int) -> Definitions:
        found = Definitions(version)
        for stored in self._trigger.definitions():
            loaded = self._read(stored)
            found.by_id[stored.definition_id] = loaded
            for source in watched_sources(stored.text):
                found.by_source[source].append(loaded)
            # Also of those whose functions only others have.
            for number, leaf in schedules_in(stored.text).items():
                name = f"{stored.definition_id}/{number}"
                found.by_source[f"cron:{name}"].append(loaded)
                found.schedules.append(Schedule(name, stored.definition_id, leaf))
        return found

    def _read(self, stored: StoredDefinition) -> Loaded:
        # Imports users' modules.
        definition, error = contained(lambda: definition_from_json(stored.text, self._codec))
        if definition is not None:
            return Loaded(stored, definition, definition.leaves(), None, shared_tasks(definition.condition))
        if error is not None:
            self._warn(
                f"Trigger {stored.definition_id} of {stored.task_id} cannot be read here ({words(error)}); "
                "what concerns it is left to other runners, and recorded as failed firings if none takes it."
            )
        return Loaded(stored, None, [], error)
