"""Errors of workflows."""

from typing import ClassVar

from pynenc.exceptions import PynencError


class WorkflowError(PynencError):
    """Something is wrong with a workflow, or with how its code uses ``wf``."""


class WorkflowAccessError(WorkflowError):
    """``wf`` is used where it cannot be: outside of a running task, in a step, or ``wf.root`` below the root."""


class WorkflowPauseError(WorkflowError):
    """A workflow is asked to pause where it cannot."""


class WorkflowTimeoutError(WorkflowError, TimeoutError):
    """The event that a workflow waited for did not come in time. Part of its record, like an event that came."""

    _fields: ClassVar[tuple[str, ...]] = ("log_id", "event_code", "position")

    def __init__(self, log_id: str, event_code: str, position: int) -> None:
        super().__init__(log_id, event_code, position)
        self.log_id = log_id
        self.event_code = event_code
        #: Of the wait, in the record.
        self.position = position

    def __str__(self) -> str:
        return (
            f"invocation:{self.log_id} waited for an event {self.event_code!r} (operation {self.position}), and none "
            "that it wanted was emitted in time. Catch the error to go on without it; if it ends the workflow, "
            "resuming that waits again."
        )


class WorkflowMismatchError(WorkflowError):
    """The code does something else than what is recorded at this place.

    Raised at the first operation that differs, and again at each one after it; the invocation ends FAILED, whatever
    the code makes of the error. The record stays as it is: with the right code the workflow can be resumed.
    """

    _fields: ClassVar[tuple[str, ...]] = ("log_id", "position", "recorded", "found")

    def __init__(self, log_id: str, position: int, recorded: str, found: str) -> None:
        super().__init__(log_id, position, recorded, found)
        self.log_id = log_id
        self.position = position
        #: What the record has at this position.
        self.recorded = recorded
        #: What the code asks for.
        self.found = found

    def __str__(self) -> str:
        return (
            f"invocation:{self.log_id} does not repeat what it recorded: operation {self.position} is "
            f"{self.recorded} in its record, and {self.found} in the code. "
            "The code was changed under a workflow that had begun, or decides by something that is not recorded "
            "(time, randomness, a file). Guard changes with wf.patched(name), take "
            "outside values through wf.step(), or bring the old code back; then resume the workflow."
        )
