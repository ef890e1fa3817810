"""The attempts that are executed in this process: begun, recorded, given back."""

import threading
from collections.abc import Iterable, Sequence

from pynenc.engine.context import Running, Suspender
from pynenc.engine.engine import Engine, RunnableTask
from pynenc.engine.execution import stale
from pynenc.exceptions import PayloadSignatureError
from pynenc.invocation.record import Claimed, Finish, InvocationRecord, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.runner.missing_task import MissingTask
from pynenc.serializer.signing import ARGUMENTS


class Attempts:
    """What this process is executing, and the steps that end it."""

    def __init__(self, engine: Engine, runner_id: str, lock: threading.Lock) -> None:
        self._engine = engine
        self._runner_id = runner_id
        self._lock = lock
        self._none_left = threading.Condition(lock)
        #: Tasks that were found: each at the first call.
        self._found: set[str] = set()
        #: By invocation id, until the outcome is written; paused ones included.
        self.live: dict[str, Running] = {}
        #: How many ended here.
        self.completed = 0

    def begin(self, claimed: Claimed, suspender: Suspender) -> Running:
        """An attempt starts here."""
        try:
            task = self._find(claimed)
        except Exception as error:  # noqa: BLE001 - importing user code may raise anything
            task = MissingTask(self._engine, claimed, error)
        running = Running(self._engine, claimed, task, suspender)
        running.started_at = self._engine.clock.now()
        running.cancelled = claimed.record.cancel_requested
        with self._lock:
            self.live[claimed.record.invocation_id] = running
        return running

    def _find(self, claimed: Claimed) -> RunnableTask:
        """The task of a call; what no signature stands for names no module that is imported."""
        task_id, engine = claimed.record.task_id, self._engine
        if task_id not in self._found:
            if not engine.signer.genuine(ARGUMENTS, task_id, claimed.arguments):
                raise PayloadSignatureError(f"the call of {task_id} is not signed")
            self._found.add(task_id)
        return engine.find_task(task_id)

    def forget(self, ended: Iterable[InvocationRecord]) -> None:
        """These attempts are not executed here any more; a later one of the same invocation may be."""
        with self._lock:
            for record in ended:
                running = self.live.get(record.invocation_id)
                if running is not None and running.record.attempt == record.attempt:
                    del self.live[record.invocation_id]
            if not self.live:
                self._none_left.notify_all()

    def drained(self, timeout_seconds: float) -> bool:
        """Wait until nothing is executed here any more, paused invocations included."""
        with self._lock:
            return self._none_left.wait_for(lambda: not self.live, timeout_seconds)

    def record(self, finishes: Sequence[Finish]) -> None:
        """Write outcomes, and nothing else."""
        if finishes:
            self.recorded(finishes, self._engine.steps.advance(finishes, (), None).finished)

    def recorded(self, finishes: Sequence[Finish], records: Sequence[InvocationRecord | None]) -> None:
        """These outcomes were written, or refused where there is no record."""
        if not finishes:
            return
        self.forget(finish.record for finish in finishes)
        events = self._engine.events
        debugging = events.debugging()
        here = self._engine.wakeups.address()
        for finish, record in zip(finishes, records, strict=True):
            if record is None:
                events.stale_outcome(finish.record, stale(finish).reason)
                continue
            if record.reply_to == here and finish.outcome is not None and record.status.is_final():
                self._engine.recent.add(record, finish.outcome)
            if debugging:
                events.changed(record)

    def give_back(self, records: Sequence[InvocationRecord]) -> None:
        """What is ours is available to others again: KILLED if it was started, then REROUTED."""
        changes: list[Transition] = []
        for record in records:
            if record.status is not InvocationStatus.PENDING:
                changes.append(self._change(record, InvocationStatus.KILLED))
            changes.append(self._change(record, InvocationStatus.REROUTED))
        if changes:
            self._engine.steps.reroute(changes)

    def _change(self, record: InvocationRecord, to: InvocationStatus) -> Transition:
        return Transition(record.invocation_id, to, self._runner_id, record.attempt)
