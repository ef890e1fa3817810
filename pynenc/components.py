"""The components of an application as users see them: what may be asked of each, by name.

The engine works on the ports; these are for people and their programs: histories, counts, results, runners.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pynenc.assembly import Assembled
from pynenc.conf.config_broker import ConfigBroker
from pynenc.conf.config_client_data_store import ConfigClientDataStore
from pynenc.conf.config_orchestrator import ConfigOrchestrator
from pynenc.conf.config_pynenc import ConfigPynenc
from pynenc.conf.config_state_backend import ConfigStateBackend
from pynenc.conf.config_trigger import ConfigTrigger
from pynenc.conf.settings import Settings
from pynenc.engine.emit import emit_event, emit_in_sync_mode, read_events
from pynenc.engine.handles import Handles
from pynenc.exceptions import InvocationNotFoundError
from pynenc.identifiers import TaskId
from pynenc.invocation.dist_invocation import DistributedInvocation
from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, Outcome
from pynenc.invocation.runner_record import RunnerRecord
from pynenc.invocation.status import InvocationStatus, InvocationStatusRecord
from pynenc.ports.trigger import Firing, StoredDefinition
from pynenc.serializer.signing import RESULT
from pynenc.workflow.event import Event


class InvocationHistory(NamedTuple):
    """One recorded status of an invocation."""

    invocation_id: str
    status_record: InvocationStatusRecord
    #: The runner, or client, that made the change.
    runner_context_id: str | None
    attempt: int
    sequence: int

    @property
    def status(self) -> InvocationStatus:
        """The status."""
        return self.status_record.status

    @property
    def timestamp(self) -> datetime:
        """When it was reached (UTC)."""
        return self.status_record.timestamp


def _history(entry: HistoryEntry) -> InvocationHistory:
    record = InvocationStatusRecord(entry.status, entry.owner, _time(entry.timestamp))
    return InvocationHistory(entry.invocation_id, record, entry.actor, entry.attempt, entry.sequence)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _task_key(task_id: TaskId | str | None) -> str | None:
    return task_id.key if isinstance(task_id, TaskId) else task_id


class OrchestratorView:
    """Statuses, counts and runners."""

    def __init__(self, assembled: Assembled, settings: Settings) -> None:
        self._engine = assembled.engine
        self._ledger = assembled.backend.orchestrator
        self.conf = settings.build(ConfigOrchestrator)

    def get_invocation_status(self, invocation_id: str) -> InvocationStatus:
        """The status of an invocation.

        Raises:
            KeyError: there is no such invocation.
        """
        return self._ledger.read([invocation_id])[invocation_id].status

    def get_invocation_status_record(self, invocation_id: str) -> InvocationStatusRecord:
        """Status, owner and time of an invocation.

        Raises:
            KeyError: there is no such invocation.
        """
        record = self._ledger.read([invocation_id])[invocation_id]
        return InvocationStatusRecord(record.status, record.owner, _time(record.changed_at))

    def count_invocations(
        self, task_id: TaskId | str | None = None, statuses: Iterable[InvocationStatus] | None = None
    ) -> int:
        """How many invocations, of a task and in certain statuses."""
        query = InvocationQuery(task_id=_task_key(task_id), statuses=frozenset(statuses) if statuses else None)
        return sum(self._ledger.count_by((), query).values())

    def get_invocation_ids_paginated(
        self,
        task_id: TaskId | str | None = None,
        statuses: Iterable[InvocationStatus] | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> list[str]:
        """Ids, newest first; ``after`` is the last id of the page before."""
        query = InvocationQuery(
            task_id=_task_key(task_id), statuses=frozenset(statuses) if statuses else None, limit=limit, after=after
        )
        return [record.invocation_id for record in self._ledger.find(query)]

    def get_task_invocation_ids(self, task_id: TaskId | str, limit: int = 1000) -> list[str]:
        """Ids of a task's invocations, newest first."""
        return self.get_invocation_ids_paginated(task_id, limit=limit)

    def filter_final(self, invocation_ids: Sequence[str]) -> list[str]:
        """Those that are final."""
        records = self._ledger.read(invocation_ids)
        return [i for i in invocation_ids if i in records and records[i].status.is_final()]

    def get_active_runners(self) -> list[RunnerRecord]:
        """Runners whose lease is valid."""
        now = self._engine.clock.now()
        return self._ledger.runners(alive_since=now - self._engine.settings.lease_seconds)

    def purge(self) -> None:
        """Remove all statuses, histories and runners of this application."""
        self._ledger.purge()


class BrokerView:
    """The queues."""

    def __init__(self, assembled: Assembled, settings: Settings) -> None:
        self._broker = assembled.backend.broker
        self.conf = settings.build(ConfigBroker)

    def count_invocations(self, queue: str | None = None) -> int:
        """How many entries are queued."""
        return sum(count for (name, _), count in self._broker.sizes().items() if queue in (None, name))

    def purge(self, queue: str | None = None) -> None:
        """Empty a queue, or all of them. What was queued is queued again by the sweep, for the ledger knows it."""
        self._broker.purge(queue)


class StateBackendView:
    """Histories, results and exceptions."""

    def __init__(self, assembled: Assembled, settings: Settings, handles: Handles) -> None:
        self._assembled = assembled
        self._ledger = assembled.backend.orchestrator
        self._state = assembled.backend.state
        self._handles = handles
        self.conf = settings.build(ConfigStateBackend)

    def get_history(self, invocation_id: str) -> list[InvocationHistory]:
        """All statuses the invocation went through, in order."""
        return [_history(entry) for entry in self._ledger.history([invocation_id])]

    def get_attempts(self, invocation_id: str) -> list[Outcome]:
        """How each of its attempts ended, with the traceback of those that failed."""
        return self._state.attempts(invocation_id)

    def get_invocation(self, invocation_id: str) -> DistributedInvocation[Any]:
        """A handle on it.

        Raises:
            InvocationNotFoundError: there is no such invocation.
        """
        record = self._handles.record(invocation_id)
        return DistributedInvocation(self._handles, invocation_id, record.task_id)

    def get_child_invocations(self, invocation_id: str, limit: int = 1000) -> list[str]:
        """Ids of the invocations called in its code, oldest first."""
        query = InvocationQuery(parent_id=invocation_id, newest_first=False, limit=limit)
        return [record.invocation_id for record in self._ledger.find(query)]

    def get_result(self, invocation_id: str) -> Any:
        """The stored result.

        Raises:
            KeyError: it did not succeed, or there is no such invocation.
        """
        outcome = self._outcome(invocation_id)
        if outcome.result is None:
            raise KeyError(invocation_id)
        return self._assembled.engine.payloads.unpack(outcome.result, RESULT, invocation_id)

    def get_exception(self, invocation_id: str) -> BaseException:
        """The stored exception.

        Raises:
            KeyError: it did not fail, or there is no such invocation.
        """
        if self._outcome(invocation_id).result is not None:
            raise KeyError(invocation_id)
        try:
            self._handles.final_result(invocation_id)
        except Exception as error:  # noqa: BLE001 - the stored exception is the answer
            return error
        raise KeyError(invocation_id)

    def _outcome(self, invocation_id: str) -> Outcome:
        try:
            record = self._handles.record(invocation_id)
        except InvocationNotFoundError as error:
            raise KeyError(invocation_id) from error
        return self._state.outcomes([(invocation_id, record.attempt)])[invocation_id, record.attempt]

    def purge(self) -> None:
        """Remove all arguments, outcomes and workflow data of this application."""
        self._state.purge()


class TriggerView:
    """Events, triggers and what they led to."""

    def __init__(self, assembled: Assembled, settings: Settings, app_conf: ConfigPynenc) -> None:
        self._engine = assembled.engine
        self._trigger = assembled.backend.trigger
        self.conf = settings.build(ConfigTrigger)
        self._app_conf = app_conf

    def emit_event(
        self, event_code: str, payload: Mapping[str, Any] | None = None, *, transactional: bool = False
    ) -> str:
        """Emit an event, from anywhere; its id.

        With ``transactional``, inside a task, it is recorded together with the task's success, and not at all if the
        attempt ends otherwise. In sync mode (``dev_mode_force_sync_tasks``) nothing is stored and nothing fires; only
        what runs in this process may wait for it.

        Raises:
            TypeError: the code is no text, or the payload no mapping.
            ValueError: the code is empty.
            SerializationError: the payload cannot be stored.
            RuntimeError: ``transactional`` outside of a task.
            WorkflowAccessError: ``transactional`` in a step of a workflow, which is not run again when its task is.
        """
        if self._app_conf.dev_mode_force_sync_tasks:
            return emit_in_sync_mode(self._engine, event_code, payload)
        return emit_event(self._engine, event_code, payload, transactional=transactional)

    def get_events(self, after: int = 0, event_code: str | None = None, limit: int = 100) -> list[Event]:
        """Events recorded after a position, oldest first; of one code, or of all."""
        return read_events(self._engine, after, event_code, limit)

    def get_triggers(self) -> list[StoredDefinition]:
        """The stored triggers."""
        return self._engine.definitions.definitions()

    def get_firings(self, definition_id: str | None = None, limit: int = 100) -> list[Firing]:
        """What triggers led to, newest first: causes, and the invocation or the error."""
        return self._trigger.firings(limit, definition_id)

    def purge(self) -> None:
        """Remove all definitions and occurrences of this application."""
        self._trigger.purge()


class ClientDataStoreView:
    """Large values."""

    def __init__(self, assembled: Assembled, settings: Settings) -> None:
        self._store = assembled.backend.client_data
        self._engine = assembled.engine
        self.conf = settings.build(ConfigClientDataStore)

    def usage(self) -> tuple[int, int]:
        """How many values are kept, and how many bytes of them."""
        return self._store.usage()

    def purge(self) -> None:
        """Remove all values of this application; invocations that use them cannot be run or read any more."""
        self._store.purge()
        self._engine.payloads.purge_cache()


class Components:
    """The five components of one application."""

    def __init__(self, assembled: Assembled, settings: Settings, handles: Handles, app_conf: ConfigPynenc) -> None:
        self.orchestrator = OrchestratorView(assembled, settings)
        self.broker = BrokerView(assembled, settings)
        self.state_backend = StateBackendView(assembled, settings, handles)
        self.trigger = TriggerView(assembled, settings, app_conf)
        self.client_data_store = ClientDataStoreView(assembled, settings)
