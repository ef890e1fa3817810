"""What belongs to invocations besides their status: arguments, outcomes, workflows, the registry."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from pynenc.invocation.record import NewInvocation, Outcome
from pynenc.ports.workflow_log import WorkflowLog


class CallStore(ABC):
    """Arguments and outcomes."""

    @abstractmethod
    def save_calls(self, new: Sequence[NewInvocation]) -> None:
        """Keep the arguments. Idempotence: the same id again is ignored."""

    @abstractmethod
    def load_calls(self, invocation_ids: Sequence[str]) -> dict[str, str]:
        """The serialized arguments of those that are known."""

    @abstractmethod
    def put_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Keep how attempts ended, each under (invocation, attempt). Idempotence: the same attempt again replaces."""

    @abstractmethod
    def outcomes(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Outcome]:
        """The outcomes of these (invocation, attempt) pairs."""

    @abstractmethod
    def attempts(self, invocation_id: str) -> list[Outcome]:
        """All recorded attempts of an invocation, in order."""

    @abstractmethod
    def drop_calls(self, invocation_ids: Sequence[str]) -> None:
        """Forget arguments and outcomes."""

    @abstractmethod
    def cached_result(self, task_id: str, args_id: str) -> str | None:
        """The invocation that last succeeded for an equal call of a task with ``call_result_cache``."""

    @abstractmethod
    def cache_result(self, task_id: str, args_id: str, invocation_id: str) -> None:
        """Remember that an invocation succeeded, for equal calls of a task with ``call_result_cache``."""


class WorkflowStore(ABC):
    """Key and value pairs of workflows."""

    @abstractmethod
    def set_workflow_data(self, workflow_id: str, values: Mapping[str, str]) -> None:
        """Store serialized values under their keys."""

    @abstractmethod
    def get_workflow_data(self, workflow_id: str, keys: Sequence[str] | None = None) -> dict[str, str]:
        """The serialized values under these keys, or all; missing keys are left out."""


class Registry(ABC):
    """What processes publish of their code, so that readers never import it."""

    @abstractmethod
    def publish(self, kind: str, entries: Mapping[str, str]) -> None:
        """Store or replace JSON texts of a kind (``app``, ``task``) under their names."""

    @abstractmethod
    def published(self, kind: str) -> dict[str, str]:
        """All JSON texts of a kind."""


class StateBackend(CallStore, WorkflowStore, WorkflowLog, Registry):
    """The component called state backend: the four contracts on one product."""

    @abstractmethod
    def purge(self) -> None:
        """Remove everything of this application."""
