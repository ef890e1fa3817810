"""``wf.wait_event``: two places in the record, one where the wait begins and one for what came of it."""

import json
from collections import defaultdict
from typing import Any

from pynenc.engine.crash_points import crash_point
from pynenc.engine.event_wanted import Wanted, wanted
from pynenc.engine.journal import Journal, Packed, SyncJournal
from pynenc.engine.replay import Replay
from pynenc.workflow.event import Event, checked_code
from pynenc.workflow.log_entry import LogEntry, OperationKind
from pynenc.workflow.operations import EventFilter
from pynenc.workflow.workflow_exceptions import WorkflowError, WorkflowTimeoutError


class EventWaits:
    """The waits of one attempt.

    Each takes the first event it wants that none before it was given. Where two filters have the same stored form, what
    the first has refused the second refuses too: it goes on where the first has ended.
    """

    def __init__(self, journal: Journal, replay: Replay) -> None:
        self._journal = journal
        self._replay = replay
        self._taken: defaultdict[str, set[int]] = defaultdict(set)
        #: By code: where the events of this invocation begin.
        self._starts: dict[str, int] = {}
        #: By code and filter: up to where everything is decided.
        self._decided: dict[tuple[str, str | None], int] = {}

    def wait(self, event_code: str, given: EventFilter, seconds: float | None) -> Event:
        """The next event that is wanted.

        Raises:
            TypeError, ValueError: the code or the filter cannot be used.
            WorkflowTimeoutError: it did not come in time.
            Departed: it has not come yet.
        """
        event_code = checked_code(event_code)
        filtered = wanted(given, self._journal.inbox.codec)
        position = self._replay.claim("wait_event", places=2)
        recorded = self._replay.look(position, OperationKind.WAIT_EVENT, event_code, "")
        begun = recorded or self._begin(position, event_code, filtered, seconds)
        until, start = json.loads(str(begun.value))
        self._decide(event_code, filtered, start)
        ended = self._replay.look(position + 1, OperationKind.EVENT, event_code, "") if recorded else None
        if ended is None:
            ended = self._perform(begun, filtered, until, start, new=recorded is None)
        return self._outcome(ended)

    def _begin(self, position: int, event_code: str, filtered: Wanted, seconds: float | None) -> LogEntry:
        until = None if seconds is None else self._journal.now() + max(0.0, seconds)
        start = self._decided.get((event_code, filtered.text)) if filtered.text is not None else None
        if start is None:
            if event_code not in self._starts:
                self._starts[event_code] = self._journal.inbox.start(self._journal.log_id, event_code)
            start = self._starts[event_code]
        return self._replay.entry(position, OperationKind.WAIT_EVENT, event_code, value=json.dumps([until, start]))

    def _perform(self, begun: LogEntry, filtered: Wanted, until: float | None, start: int, *, new: bool) -> LogEntry:
        inbox = self._journal.inbox
        code, place = begun.name, begun.position + 1
        after = start if new else inbox.came_back(begun.position, start)
        unwritten = [begun] if new else []
        # Before the look: what is recorded after it was emitted too late.
        in_time = until is None or self._journal.now() < until
        try:
            found = inbox.look(code, after, until, filtered, self._taken[code])
        except Exception as error:
            # The filter's. Like the failure of a step: it is part of the record if the code goes on after it.
            self._replay.write(*unwritten)
            failure = self._replay.entry(place, OperationKind.EVENT, code, value=self._journal.pack_error(error))
            self._replay.hold_back(failure, error)
            raise
        if found.event is None and in_time:
            self._leave(begun, filtered, found.looked_to, until, new=new)
        self._decide(code, filtered, found.decided_to)
        if found.event is None:
            late = self._journal.pack_error(WorkflowTimeoutError(self._journal.log_id, code, begun.position))
            ended = self._replay.entry(place, OperationKind.EVENT, code, value=late)._replace(failed=True)
            packed = Packed(late)
        else:
            event = found.event
            fields = [event.position, event.event_id, event.at, dict(event.payload)]
            packed = self._journal.pack(f"event {code!r}", fields)
            ended = self._replay.entry(place, OperationKind.EVENT, code, value=packed.value)
        crash_point("event.before_record")
        self._replay.write(*unwritten, ended, uses=packed.uses, waited=not new)
        crash_point("event.after_record")
        return ended

    def _leave(self, begun: LogEntry, filtered: Wanted, looked_to: int, until: float | None, *, new: bool) -> None:
        departure = self._journal.inbox.departure(begun.position, begun.name, filtered, looked_to, until)
        if departure is not None:
            if new:
                self._replay.write(begun)
            self._replay.leave(departure)
        elif until is None:
            raise WorkflowError(
                f"wf.wait_event({begun.name!r}) would wait for ever: in sync mode (dev_mode_force_sync_tasks) nobody "
                "emits an event while the call runs. Emit it before this line, in a step or a sub-task, or give a "
                "timeout."
            )
        elif isinstance(self._journal, SyncJournal):
            self._journal.skip_to(until)

    def _decide(self, event_code: str, filtered: Wanted, position: int) -> None:
        key = event_code, filtered.text
        self._decided[key] = max(position, self._decided.get(key, 0))

    def _outcome(self, ended: LogEntry) -> Event:
        if ended.failed:
            error = self._journal.unpack_error(ended.value)
            self._replay.saw_failure(ended.position, error)
            raise error
        event = event_of(ended.name, self._journal.unpack(ended.value))
        self._taken[ended.name].add(event.position)
        return event


def event_of(event_code: str, recorded: Any) -> Event:
    """An event as it was recorded."""
    position, event_id, at, payload = recorded
    return Event(position, event_id, event_code, payload, at)
