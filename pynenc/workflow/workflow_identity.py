"""Which workflow an invocation belongs to."""

from dataclasses import dataclass
from typing import Self

from pynenc.identifiers import TaskId


@dataclass(frozen=True, slots=True)
class WorkflowIdentity:
    """A workflow: named after the invocation that started it."""

    workflow_id: str
    workflow_type: TaskId
    parent_workflow_id: str | None = None

    @property
    def is_subworkflow(self) -> bool:
        """Whether another workflow started it."""
        return self.parent_workflow_id is not None

    @classmethod
    def new_workflow(cls, invocation_id: str, task_id: TaskId) -> Self:
        """The workflow of a call that nobody's invocation made."""
        return cls(invocation_id, task_id)

    @classmethod
    def new_subworkflow(cls, invocation_id: str, task_id: TaskId, parent_workflow_id: str) -> Self:
        """The workflow of a call with ``force_new_workflow`` made inside another workflow."""
        return cls(invocation_id, task_id, parent_workflow_id)
