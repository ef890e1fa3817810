"""Steps that a product takes in one trip where nothing has to be decided in between.

The engine composes every step from the components (``pynenc.engine.composed_steps``). Where a component is a trip away,
the steps that happen for every task would be many trips, though most of the time they decide nothing: nobody else holds
the scope, nobody left to come back. A shortcut does such a step as a whole, or does nothing and answers None; then
the engine composes it. So a shortcut knows the plain case, and no rule is written twice.

The queue may be in another product. Then the shortcuts leave it alone: what is to be queued, woken and taken out is
the engine's business, and a claim chooses from what it is offered.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from pynenc.invocation.record import Claimed, Finish, InvocationRecord, NewInvocation, Outcome, QueueEntry, Transition
from pynenc.ports.steps import ClaimPlan, WaitRequest


class Offered(NamedTuple):
    """What a claim may choose from, in place of the product's own queue."""

    #: As another product's queue gave them up.
    entries: Sequence[QueueEntry]
    #: What somebody waits for goes before them, for that queue cannot move it up.
    awaited_first: bool


class ShortSubmit(NamedTuple):
    """What ``submit`` came to."""

    #: Somebody starts workers when there is work: the wake-ups have to tell of it.
    followed: bool


class Shortened(NamedTuple):
    """What ``advance`` came to."""

    finished: Sequence[InvocationRecord]
    changed: Sequence[InvocationRecord]
    claimed: Sequence[Claimed]
    #: The queues held more than was looked at.
    more: bool
    #: Ids that this process is to be told of; others were told.
    told_here: Sequence[str]
    #: Somebody may have waited for what was finished.
    awaited: bool
    #: Ids that were offered and not looked at, for enough was claimed.
    left: Sequence[str] = ()


class ShortWait(NamedTuple):
    """What ``wait`` came to."""

    #: None: enough of the awaited are final already.
    paused: InvocationRecord | None
    #: As they stood.
    awaited: Sequence[InvocationRecord]
    claimed: Sequence[Claimed]
    told_here: Sequence[str]
    #: Others were told of the calls that nobody was told of, as far as they were not claimed.
    announced: bool = False


class Shortcuts(ABC):
    """The plain cases of the steps that happen for every task."""

    @abstractmethod
    def possible(self) -> bool:
        """Whether a shortcut may be taken now: this thread is in no unit of the product, for it is one itself."""

    @abstractmethod
    def submit(self, new: Sequence[NewInvocation], now: float, *, wake: bool, queue: bool = True) -> ShortSubmit | None:
        """Register calls without a registration scope or large values, queue them, wake workers; None: not done.

        Effect, atomicity, ordering: those of ``Steps.submit``. Without ``queue`` it registers them, no more.
        """

    @abstractmethod
    def advance(
        self,
        finishes: Sequence[Finish],
        changes: Sequence[Transition],
        plan: ClaimPlan | None,
        now: float,
        offered: Offered | None = None,
    ) -> Shortened | None:
        """Record final outcomes, tell who waits, and claim what has no running scope; None: not done.

        The changes are starts, and paused invocations without a scope that go on. Effect, atomicity, ordering: those of
        ``Steps.advance``. An invocation with a scope at the head of a queue stays there: the engine looks at them. One
        that is ``offered`` means that nothing is done. What is offered and cannot be claimed is passed over.
        """

    @abstractmethod
    def wait(
        self,
        request: WaitRequest,
        finishes: Sequence[Finish],
        plan: ClaimPlan | None,
        now: float,
        offered: Offered | None = None,
    ) -> ShortWait | None:
        """Pause an invocation without a scope and claim what its slot may run meanwhile; None: not done.

        Effect: not done, either, where a circle is possible. Otherwise, as in atomicity: that of ``Steps.wait``.
        With a queue of its own it tells others of what is ``unannounced`` and was not claimed.
        """

    @abstractmethod
    def resume(self, waiter: InvocationRecord, actor: str, now: float) -> InvocationRecord | None:
        """RESUMED, for an invocation without a scope; None: not done."""

    @abstractmethod
    def read_with_outcomes(self, ids: Sequence[str]) -> dict[str, tuple[InvocationRecord, Outcome | None]]:
        """Records, and how their last attempts ended if that is recorded. Unknown ids are left out."""
