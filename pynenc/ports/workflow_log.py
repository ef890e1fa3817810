"""The logs of workflows: what each invocation recorded, in order, and who may write to it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from pynenc.workflow.log_entry import Continuation, Fence, LogEntry, OpenedLog


class WorkflowLog(ABC):
    """Recorded operations. A log has the id of the invocation that began it."""

    @abstractmethod
    def open_log(self, invocation_id: str, attempt: int, limit: int) -> OpenedLog | None:
        """The log that an attempt is to write to, and its first entries; None: a later attempt has opened it.

        Effect: the log is that of the invocation, or the one it continues. From now on only this attempt may write.
        Atomicity: one step.
        """

    @abstractmethod
    def read_log(self, log_id: str, after: int, limit: int) -> list[LogEntry]:
        """A page of entries beyond a position. Ordering: by position."""

    @abstractmethod
    def append_log(
        self, log_id: str, fence: Fence, entries: Sequence[LogEntry], dealt_with: Sequence[int] = ()
    ) -> bool:
        """Add entries, and mark those at the positions ``dealt_with``; False: refused, and nothing was written.

        Effect: refused unless ``fence`` is the one that opened the log last, or if a position is taken.
        Atomicity: all or nothing, the check included.
        """

    @abstractmethod
    def forget_entries(self, log_id: str, fence: Fence, positions: Sequence[int]) -> bool:
        """Drop the entries at some positions; False: refused, and nothing was dropped.

        Effect: refused unless ``fence`` is the one that opened the log last.
        Atomicity: all or nothing, the check included.
        """

    @abstractmethod
    def continue_log(self, continuation: Continuation, forget: Sequence[int]) -> bool:
        """Have another invocation go on with a log, without the entries at some positions.

        Effect: False, and nothing is written, if somebody continues it under this generation already.
        Atomicity: one step.
        """

    @abstractmethod
    def continuations(self, log_ids: Sequence[str] | None = None) -> list[Continuation]:
        """Who continues these logs, or any. Ordering: by log and generation."""

    @abstractmethod
    def continued_by(self, invocation_id: str) -> Continuation | None:
        """What this invocation continues; None: it has a log of its own, if any."""

    @abstractmethod
    def drop_logs(self, log_ids: Sequence[str]) -> None:
        """Forget logs, who continues them, and the data of the workflows with these ids."""
