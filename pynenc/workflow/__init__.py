"""Workflows."""

from pynenc.workflow.workflow_identity import WorkflowIdentity

__all__ = ["WorkflowIdentity"]
