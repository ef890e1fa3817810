"""Hints between processes: there is work, these invocations changed (design law 5)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

#: Before an id in a message: it is not final, but its owner is to look at it (a scope's token, a cancellation).
ATTENTION = "!"


class Wakeups(ABC):
    """Hints between processes. Losing one costs latency, never correctness."""

    #: False: hints cannot reach other processes, so waiters fall back to checks that back off.
    can_wake: bool

    @abstractmethod
    def address(self) -> str | None:
        """Where this process can be told things. Opens its inbox on first use, without a thread."""

    @abstractmethod
    def listen(self, on_message: Callable[[Sequence[str]], None], on_work: Callable[[], None]) -> None:
        """Start to receive, on one thread: ids that changed (empty: look at everything), and that there is work.

        Idempotence: a second call replaces the two callbacks.
        """

    @abstractmethod
    def set_waiting(self, waiting: bool) -> None:
        """Whether anybody in this process waits for invocations to change; senders skip it otherwise."""

    @abstractmethod
    def set_idle(self, idle: bool, *, picky: bool = False, coroutines_only: bool = False) -> None:
        """Whether this process has a free slot and found no work; picky: it serves some queues only.

        ``coroutines_only``: all its slots are taken, but its event loop has room.

        Effect: one that is picky is told of work besides those that are not, for it may not be for it.
        Ordering: a worker says it is idle, then looks for work once more, then sleeps.
        """

    def ask_ahead(self, *, picky: bool = False) -> None:
        """``set_idle(True)`` ahead of a look by this thread: the mark may travel with the next use of the product.

        A look that is a step of the product's own need not make the mark if it finds something; see ``asks``.
        """
        self.set_idle(True, picky=picky)

    def asks(self) -> bool:
        """Whether this process, which asked for every kind of work, is marked so; False in doubt."""
        return True

    @abstractmethod
    def set_standby(self, standby: bool) -> None:
        """Whether this process, which runs nothing itself, is to be told of work when nobody is idle."""

    @abstractmethod
    def wake_workers(self, count: int, *, coroutines: bool = False) -> int:
        """Tell up to ``count`` idle processes, else ones on standby, that there is work; how many were told.

        Effect: they are un-marked. Picky ones are all told, and do not count. With ``coroutines`` those with
        room for coroutines only are told as well.

        Ordering: to be called after the work was committed.
        """

    @abstractmethod
    def notify(self, messages: Mapping[str, Sequence[str]]) -> int:
        """Tell addresses which invocations changed; how many were told.

        Unknown, full and dead addresses are passed over, and those where nobody waits.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop receiving and give the address up. Idempotence: may be repeated."""
