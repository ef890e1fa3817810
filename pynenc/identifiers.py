"""Identifiers: tasks, calls and invocations."""

import os
import threading
import time
from dataclasses import dataclass
from typing import NewType, Self

#: One execution request of a call: an opaque string, ordered by time.
InvocationId = NewType("InvocationId", str)

#: One incarnation of one process that runs or submits work; never a host or pod name (design law 3).
RunnerId = NewType("RunnerId", str)

#: What a call without arguments has in place of a digest of its arguments.
NO_ARGUMENTS_ID = "no_args"


@dataclass(frozen=True, slots=True)
class TaskId:
    """The address of a task: the module and the name of its function."""

    module: str
    func_name: str

    @property
    def key(self) -> str:
        """``module.function``, the form in which a task is stored and shown."""
        return f"{self.module}.{self.func_name}"

    @property
    def config_key(self) -> str:
        """The name of the task's own section in configuration files."""
        return self.key

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Split ``module.function`` at the last dot.

        Raises:
            ValueError: one of the two halves is missing.
        """
        module, _, func_name = key.rpartition(".")
        if not module or not func_name:
            raise ValueError(f"{key!r} is not a task id: expected 'module.function'")
        return cls(module, func_name)

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True)
class CallId:
    """A task together with a digest of its arguments: equal calls have equal ids."""

    task_id: TaskId
    args_id: str

    @property
    def key(self) -> str:
        """``module.function:digest``."""
        return f"{self.task_id.key}:{self.args_id}"

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Split ``module.function:digest`` at the last colon.

        Raises:
            ValueError: one of the parts is missing.
        """
        task_key, _, args_id = key.rpartition(":")
        if not task_key or not args_id:
            raise ValueError(f"{key!r} is not a call id: expected 'module.function:arguments'")
        return cls(TaskId.from_key(task_key), args_id)

    def __str__(self) -> str:
        return self.key


class TimeOrderedIds:
    """Source of unique ids that sort by the time of their making: UUID version 7 (RFC 9562, method 1).

    Random keys triple the cost of an insert into a store of a million rows; ids made here arrive in key
    order. The 12 bits after the millisecond are a counter, so ids of one process never go backwards, also
    when the wall clock does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        """A new id in the usual 36 characters."""
        moment = time.time_ns() // 1_000_000 << 12
        with self._lock:
            if moment <= self._last:
                moment = self._last + 1
            self._last = moment
        # 60 bits of it are used: the digit before them says that the id is of this kind.
        time_text, noise = f"{moment:015x}", os.urandom(8).hex()
        return f"{time_text[:8]}-{time_text[8:12]}-7{time_text[12:]}-8{noise[:3]}-{noise[4:]}"


new_id = TimeOrderedIds()
os.register_at_fork(after_in_child=new_id.__init__)  # type: ignore[misc]  # a lock held at the fork stays held in the child


def id_from_digest(digest: str, at: float) -> str:
    """An id in the same form that anybody can make again, of a hexadecimal digest and a time.

    ``at`` is in seconds since the epoch. The digest must be 19 characters or longer.
    """
    tail = int(digest[3:19], 16) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    text = f"{int(at * 1000):012x}7{digest[:3]}{tail:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
