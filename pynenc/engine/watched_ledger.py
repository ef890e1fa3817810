"""The ledger as the engine uses it: a status that a trigger watches is recorded as an occurrence in the same unit.

Here, at the one door through which all statuses are written, so that no step can forget it.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from pynenc.engine.occurrence_keys import Reached, keys_of
from pynenc.invocation.record import InvocationRecord, NewInvocation, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.orchestrator import Existing, Orchestrator
from pynenc.ports.trigger import NewOccurrence, Trigger
from pynenc.trigger.conditions.base import task_source
from pynenc.trigger.definition import watched_sources


class WatchedLedger:
    """An orchestrator that also keeps the log of occurrences. Everything but three methods is the ledger's own.

    Without triggers it costs a comparison of two numbers for a write of statuses.
    """

    def __init__(
        self, ledger: Orchestrator, trigger: Trigger, unit: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self._ledger = ledger
        self._trigger = trigger
        self._unit = unit
        self._known = (-1, frozenset[str]())
        self._noted = threading.local()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        # The next time it is found without this detour.
        self.__dict__[name] = found
        return found

    def register(self, new: Sequence[NewInvocation], now: float) -> list[Existing | None]:
        """Store new invocations (see the port), and note those whose registration is watched."""
        existing = self._ledger.register(new, now)
        if self._sources():
            fresh = [each for each, found in zip(new, existing, strict=True) if found is None]
            self._note(((f.task_id, Reached(f.invocation_id, 0, InvocationStatus.REGISTERED)) for f in fresh), now)
        return existing

    def claim(self, invocation_ids: Sequence[str], owner: str, now: float) -> list[InvocationRecord]:
        """Take invocations (see the port), and note those whose claim is watched."""
        records = self._ledger.claim(invocation_ids, owner, now)
        self._note_records(records, now)
        return records

    def transition(self, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        """Write changes (see the port), and note the watched ones that were not refused."""
        records = self._ledger.transition(changes, now)
        self._note_records(records, now)
        return records

    def watches(self, statuses: Iterable[InvocationStatus], task_id: str | None = None) -> bool:
        """Whether a trigger watches one of these statuses, of a task or of any."""
        watched = self._sources()
        if not watched:
            return False
        endings = tuple(f":{status.value}" for status in statuses)
        if task_id is None:
            return any(source.endswith(endings) for source in watched)
        return any(task_source(task_id, ending[1:]) in watched for ending in endings)

    def record_events(self, events: Sequence[NewOccurrence]) -> None:
        """Record the events that belong to an outcome; to be called in its unit."""
        self._trigger.record(events)
        self._noted.any = True

    def noted(self) -> bool:
        """Whether this thread recorded occurrences since it was asked last."""
        noted: bool = getattr(self._noted, "any", False)
        self._noted.any = False
        return noted

    def _sources(self) -> frozenset[str]:
        version = self._trigger.version()
        if version != self._known[0]:
            sources = (watched_sources(each.text) for each in self._trigger.definitions())
            self._known = version, frozenset(s for of_one in sources for s in of_one if s.startswith("task:"))
        return self._known[1]

    def _note_records(self, records: Sequence[InvocationRecord | None], now: float) -> None:
        if records and self._sources():
            written = ((r.task_id, Reached(r.invocation_id, r.attempt, r.status)) for r in records if r is not None)
            self._note(written, now)

    def _note(self, changes: Iterable[tuple[str, Reached]], now: float) -> None:
        watched = self._known[1]
        noted = [
            (source, reached)
            for task_id, reached in changes
            if (source := task_source(task_id, reached.status.value)) in watched
        ]
        if noted:
            keys = keys_of(self._ledger, [reached for _, reached in noted])
            new = [
                NewOccurrence(
                    key,
                    source,
                    now,
                    invocation_id=reached.invocation_id,
                    attempt=reached.attempt,
                    status=reached.status.value,
                )
                for key, (source, reached) in zip(keys, noted, strict=True)
            ]
            with self._unit():
                self._trigger.record(new)
            self._noted.any = True
