"""Workflows: identity, the operations of ``task.wf``, and their errors."""

from pynenc.workflow.workflow_context import WorkflowContext
from pynenc.workflow.workflow_deterministic import DeterministicExecutor
from pynenc.workflow.workflow_exceptions import (
    WorkflowAccessError,
    WorkflowError,
    WorkflowMismatchError,
    WorkflowPauseError,
    WorkflowTimeoutError,
)
from pynenc.workflow.workflow_identity import WorkflowIdentity

__all__ = [
    "DeterministicExecutor",
    "WorkflowAccessError",
    "WorkflowContext",
    "WorkflowError",
    "WorkflowIdentity",
    "WorkflowMismatchError",
    "WorkflowPauseError",
    "WorkflowTimeoutError",
]
