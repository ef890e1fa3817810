"""Values that a workflow, as a whole, generates once: counted by operation."""

import hashlib
import random
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pynenc.workflow.workflow_identity import WorkflowIdentity


class DeterministicExecutor:
    """Generates values under ``<operation>:<number>`` in the data of a workflow, or gives those that are there.

    A new executor of the same workflow begins to count at one again, so it repeats the values. Unlike the operations
    of ``task.wf`` these have no place in the record of an invocation: nothing notices when code changes their order.
    """

    def __init__(self, workflow_identity: WorkflowIdentity, app: Any) -> None:
        self.workflow_identity = workflow_identity
        self.app = app
        self._counts: Counter[str] = Counter()

    def random(self) -> float:
        """A random number in [0, 1)."""
        value: float = self._deterministic_operation("random", lambda: random.Random(self._seed("random")).random())  # noqa: S311 - repeats
        return value

    def uuid(self) -> str:
        """A UUID."""
        value: str = self._deterministic_operation("uuid", lambda: str(uuid.UUID(int=self._seed("uuid"), version=4)))
        return value

    def utc_now(self) -> datetime:
        """The time of the first call ever, and a second more with each further one."""
        value: str = self._deterministic_operation("time", self._next_time)
        return datetime.fromisoformat(value)

    def get_base_time(self) -> datetime:
        """The time of the first call ever."""
        values = self.app.workflows
        stored = values.get_data(self.workflow_identity.workflow_id, "workflow:base_time")
        if stored is None:
            stored = values.now().isoformat()
            values.set_data(self.workflow_identity.workflow_id, "workflow:base_time", stored)
        return datetime.fromisoformat(stored)

    def get_operation_count(self, operation: str) -> int:
        """How often this executor has performed an operation."""
        return self._counts[operation]

    def _next_time(self) -> str:
        return (self.get_base_time() + timedelta(seconds=self._counts["time"] - 1)).isoformat()

    def _seed(self, operation: str) -> int:
        return seed(self.workflow_identity.workflow_id, operation, self._counts[operation])

    def _deterministic_operation(self, operation: str, generator: Callable[[], Any]) -> Any:
        self._counts[operation] += 1
        key = f"{operation}:{self._counts[operation]}"
        workflow_id = self.workflow_identity.workflow_id
        stored = self.app.workflows.find_data(workflow_id, [key])
        if key in stored:
            return stored[key]
        value = generator()
        self.app.workflows.set_data(workflow_id, key, value)
        return value


def seed(log_id: str, operation: str, number: int) -> int:
    """128 bits that follow from where they are asked for."""
    return int.from_bytes(hashlib.sha256(f"{log_id}:{operation}:{number}".encode()).digest()[:16], "big")
