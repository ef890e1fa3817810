"""Steps that a product takes in one trip where nothing has to be decided in between.

The engine composes every step from the components (``pynenc.engine.composed_steps``). Where a component is a trip away,
the steps that happen for every task would be many trips, though most of the time they decide nothing: nobody else holds
the scope, nobody left to come back. A shortcut does such a step as a whole, or does nothing and answers None; then
the engine composes it. So a shortcut knows the plain case, and no rule is written twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from pynenc.invocation.record import Claimed, Finish, InvocationRecord, NewInvocation, Outcome, Transition
from pynenc.ports.steps import ClaimPlan, WaitRequest


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


class ShortWait(NamedTuple):
    """What ``wait`` came to."""

    #: None: enough of the awaited are final already.
    paused: InvocationRecord | None
    #: As they stood.
    awaited: Sequence[InvocationRecord]
    claimed: Sequence[Claimed]
    told_here: Sequence[str]


class Shortcuts(ABC):
    """The plain cases of the steps that happen for every task."""

    @abstractmethod
    def submit(self, new: Sequence[NewInvocation], now: float, *, wake: bool) -> bool:
        """Register calls without a registration scope or large values, queue them, wake workers; False: not done.

        Effect, atomicity, ordering: those of ``Steps.submit``.
        """

    @abstractmethod
    def advance(
        self, finishes: Sequence[Finish], changes: Sequence[Transition], plan: ClaimPlan | None, now: float
    ) -> Shortened | None:
        """Record final outcomes, tell who waits, and claim what has no running scope; None: not done.

        The changes are starts, and paused invocations without a scope that go on. Effect, atomicity, ordering: those of
        ``Steps.advance``. An invocation with a scope at the head of a queue stays there: the engine looks at them.
        """

    @abstractmethod
    def wait(
        self, request: WaitRequest, finishes: Sequence[Finish], plan: ClaimPlan | None, now: float
    ) -> ShortWait | None:
        """Pause an invocation without a scope and claim what its slot may run meanwhile; None: not done.

        Effect: not done, either, where a circle is possible. Otherwise, as in atomicity: that of ``Steps.wait``.
        """

    @abstractmethod
    def resume(self, waiter: InvocationRecord, actor: str, now: float) -> InvocationRecord | None:
        """RESUMED, for an invocation without a scope; None: not done."""

    @abstractmethod
    def read_with_outcome(self, invocation_id: str) -> tuple[InvocationRecord, Outcome | None] | None:
        """A record, and how its last attempt ended if that is recorded; None: there is no such invocation."""
