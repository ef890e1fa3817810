"""Arguments, outcomes, workflow data and the registry in memory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pynenc.backends.memory.storage import MemoryUnit, discard
from pynenc.backends.memory.workflow_log import MemWorkflowLog
from pynenc.invocation.record import NewInvocation, Outcome
from pynenc.ports.state_backend import StateBackend


class MemStateBackend(MemWorkflowLog, StateBackend):
    """Dictionaries, by invocation, workflow and kind."""

    def __init__(self, unit: MemoryUnit) -> None:
        super().__init__(unit)
        self._forget_everything()

    def _forget_everything(self) -> None:
        self._forget_logs()
        self._arguments: dict[str, str] = {}
        self._outcomes: defaultdict[str, dict[int, Outcome]] = defaultdict(dict)
        self._cached: dict[tuple[str, str], str] = {}
        #: ``_cached`` the other way round, so that an invocation takes its place there with it.
        self._cached_for: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._published: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def save_calls(self, new: Sequence[NewInvocation]) -> None:
        with self._lock:
            for each in new:
                self._arguments.setdefault(each.invocation_id, each.arguments)

    def load_calls(self, invocation_ids: Sequence[str]) -> dict[str, str]:
        with self._lock:
            arguments = self._arguments
            return {each: arguments[each] for each in invocation_ids if each in arguments}

    def put_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        with self._lock:
            for outcome in outcomes:
                self._outcomes[outcome.invocation_id][outcome.attempt] = outcome

    def outcomes(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Outcome]:
        with self._lock:
            kept = self._outcomes
            return {key: kept[key[0]][key[1]] for key in keys if key[0] in kept and key[1] in kept[key[0]]}

    def attempts(self, invocation_id: str) -> list[Outcome]:
        with self._lock:
            outcomes = self._outcomes.get(invocation_id, {})
            return [outcomes[attempt] for attempt in sorted(outcomes)]

    def drop_calls(self, invocation_ids: Sequence[str]) -> None:
        with self._lock:
            for invocation_id in invocation_ids:
                self._arguments.pop(invocation_id, None)
                self._outcomes.pop(invocation_id, None)
                for call in self._cached_for.pop(invocation_id, ()):
                    del self._cached[call]

    def cached_result(self, task_id: str, args_id: str) -> str | None:
        with self._lock:
            return self._cached.get((task_id, args_id))

    def cache_result(self, task_id: str, args_id: str, invocation_id: str) -> None:
        call = (task_id, args_id)
        with self._lock:
            if call in self._cached:
                discard(self._cached_for, self._cached[call], call)
            self._cached[call] = invocation_id
            self._cached_for[invocation_id].add(call)

    def set_workflow_data(self, workflow_id: str, values: Mapping[str, str]) -> None:
        with self._lock:
            self._workflow_data[workflow_id].update(values)

    def get_workflow_data(self, workflow_id: str, keys: Sequence[str] | None = None) -> dict[str, str]:
        with self._lock:
            data = self._workflow_data.get(workflow_id, {})
            return dict(data) if keys is None else {key: data[key] for key in keys if key in data}

    def publish(self, kind: str, entries: Mapping[str, str]) -> None:
        with self._lock:
            self._published[kind].update(entries)

    def published(self, kind: str) -> dict[str, str]:
        with self._lock:
            return dict(self._published.get(kind, {}))

    def purge(self) -> None:
        with self._lock:
            self._forget_everything()
