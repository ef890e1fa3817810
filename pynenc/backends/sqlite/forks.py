"""What happens to open databases when the process forks.

SQLite keeps its knowledge of the locks of a file once for each process, and a fork copies the knowledge but not the
locks. A child that opened the file anew beside an inherited connection, even an unused one, would believe to hold
locks that it does not hold, and lose its writes when the parent closes. So there must be nothing to inherit: every
connection is closed before a fork, and both sides open theirs again at the next use.
"""

import os
import weakref
from abc import ABC, abstractmethod


class ClosedForForks(ABC):
    """Something that must not be open while the process forks."""

    def __init__(self) -> None:
        _of_this_process.add(self)

    @abstractmethod
    def before_fork(self) -> None:
        """Close, and let nobody open until one of the other two is called."""

    @abstractmethod
    def after_fork_in_parent(self) -> None:
        """Allow opening again."""

    @abstractmethod
    def after_fork_in_child(self) -> None:
        """Allow opening again, where no other thread has survived."""


_of_this_process: "weakref.WeakSet[ClosedForForks]" = weakref.WeakSet()


def _before_fork() -> None:
    for each in list(_of_this_process):
        each.before_fork()


def _after_fork_in_parent() -> None:
    for each in list(_of_this_process):
        each.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for each in list(_of_this_process):
        each.after_fork_in_child()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
