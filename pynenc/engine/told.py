"""Who is to be told what once a step is committed."""

from collections.abc import Callable, Sequence

from pynenc.engine.departures import RETURNS_AFTER_ALL, RETURNS_AFTER_ANY
from pynenc.invocation.record import InvocationRecord, Wait
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.orchestrator import Orchestrator
from pynenc.ports.trigger import EventWaiters
from pynenc.ports.wakeups import ATTENTION, Wakeups

_NOWHERE = (RETURNS_AFTER_ALL, RETURNS_AFTER_ANY)


class Told:
    """Collects the wake-ups of one step; they are sent after it, and losing them costs only time."""

    def __init__(self, ledger: Orchestrator, trigger: EventWaiters) -> None:
        self._ledger = ledger
        self._trigger = trigger
        self._messages: dict[str, list[str]] = {}
        #: Released edges of invocations that left their worker: nobody can be told, somebody has to run them.
        self.returning: list[Wait] = []

    def finals(self, records: Sequence[InvocationRecord]) -> None:
        """These are final: release who waits for them, and tell them and the callers."""
        if not records:
            return
        for record in records:
            if record.reply_to is not None:
                self._add(record.reply_to, record.invocation_id)
        for edge in self._ledger.release([record.invocation_id for record in records]):
            if edge.address in _NOWHERE:
                self.returning.append(edge)
            elif edge.address is not None:
                self._add(edge.address, edge.awaited_id)
        # Who never left a worker waits for no event: the first attempt of nearly all.
        left = [r for r in records if r.attempt > (0 if r.status is InvocationStatus.CANCELLED else 1)]
        if left:
            self._trigger.drop_waiters([record.invocation_id for record in left])

    def owner_of(self, record: InvocationRecord) -> None:
        """The owner of this invocation is to look at it."""
        if record.owner is None:
            return
        for runner in self._ledger.runners(runner_ids=[record.owner]):
            if runner.address is not None:
                self._add(runner.address, ATTENTION + record.invocation_id)

    def _add(self, address: str, message: str) -> None:
        messages = self._messages.setdefault(address, [])
        # The waits on one invocation come one after the other, and most are in one process.
        if not messages or messages[-1] != message:
            messages.append(message)

    def send(self, wakeups: Wakeups, here: Callable[[Sequence[str]], None]) -> bool:
        """Tell them, and answer whether anybody may have waited for it.

        What is for this process goes to ``here`` directly, without a trip through its inbox.
        """
        if not self._messages:
            return False
        own = self._messages.pop(wakeups.address() or "", None)
        told = wakeups.notify(self._messages) if self._messages else 0
        if own:
            here(own)
        return bool(told or own)
