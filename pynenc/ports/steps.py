"""The steps of the life of a call, as data: what the engine asks of a store in one go (design law 6).

The engine composes each step from the five components inside one unit of work
(``pynenc.engine.composed_steps``); that serves products with transactions, and every mixture. A product in
which a unit cannot be left open while the client thinks (one script, one round trip) brings its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pynenc.invocation.record import Claimed, Finish, InvocationRecord, NewInvocation, Transition
from pynenc.ports.orchestrator import Existing


class ClaimPlan(NamedTuple):
    """What a runner may take."""

    owner: str
    #: (queue, lane) pairs it serves; none: every queue and lane.
    places: Sequence[tuple[str, str]]
    limit: int
    #: Invocations to take before looking into queues: awaited children, heads of lines.
    prefer: Sequence[str] = ()
    #: Take only what somebody waits for: the process has no room for new work of its own.
    only_awaited: bool = False
    #: How many of the claimed go on to RUNNING in the same step.
    start: int = 0
    #: Tasks known to be short: only their invocations start together with others. None: all do.
    short_tasks: Collection[str] | None = None


class WaitRequest(NamedTuple):
    """An invocation that wants to wait for others."""

    waiter: InvocationRecord
    #: Effective priority of the waiter.
    priority: int
    awaited: Sequence[str]
    #: Go on when all are final; otherwise when one is.
    all_of_them: bool
    #: Wake-up address of its process.
    address: str | None
    #: Look for waits that would never end.
    cycle_control: bool
    #: What is waited for goes before other work.
    prioritise: bool
    #: Calls it made that nobody was told of; the step may tell others of those that it does not claim.
    unannounced: int = 0


class WaitAnswer(NamedTuple):
    """What came of it; exactly one of the first four says why there is no pause, or none does."""

    #: Enough are final already: no pause.
    ready: bool
    #: The ledger refused: the attempt is not ours any more.
    refused: bool
    #: Ids that do not exist.
    unknown: Sequence[str]
    #: The call ids around which the wait would go in a circle.
    cycle: Sequence[str]
    #: The awaited invocations as they stand.
    awaited: Sequence[InvocationRecord]
    #: The waiter, PAUSED.
    paused: InvocationRecord | None
    #: What the freed slot may run at once.
    claimed: Sequence[Claimed]
    #: It told others of what was ``unannounced``; otherwise that is still to be done.
    announced: bool = False


class Advanced(NamedTuple):
    """The answer to ``advance``."""

    #: For each finish the record after it, or None: refused, for the attempt was not the current one.
    finished: Sequence[InvocationRecord | None]
    #: The same for each further change.
    changed: Sequence[InvocationRecord | None]
    claimed: Sequence[Claimed]
    #: The queues held more than could be looked at.
    more: bool
    #: Somebody may wait for what was finished: what follows should come soon.
    awaited: bool = True


class Steps(ABC):
    """What happens to invocations, one call each.

    Steps write statuses, and whoever writes one that a trigger watches must record the occurrence with it. The engine
    does so around the ledger. A product whose own steps do not go through the ledger that the engine knows says with
    ``records_occurrences`` that they see to it, under the keys that ``NewOccurrence`` names; the engine refuses it
    otherwise, for its triggers would never fire.
    """

    #: Whether the statuses that stored triggers watch, and the events of a ``Finish``, are recorded in the same step.
    records_occurrences: bool = False

    @abstractmethod
    def submit(
        self, new: Sequence[NewInvocation], uses: Mapping[str, Sequence[str]], *, wake: bool
    ) -> list[Existing | None]:
        """Register calls and queue them; at the place of one that was not registered, the invocation in its stead.

        ``uses`` names the large values that the text of some arguments refers to. Without ``wake`` nobody is told of
        the work: the caller sees to it.
        """

    @abstractmethod
    def advance(self, finishes: Sequence[Finish], changes: Sequence[Transition], plan: ClaimPlan | None) -> Advanced:
        """Record how attempts ended, then further changes (RUNNING, RESUMED, give-backs), then claim."""

    @abstractmethod
    def wait(self, request: WaitRequest, finishes: Sequence[Finish], plan: ClaimPlan | None) -> WaitAnswer:
        """Pause an invocation until others are final, and claim what its slot may run meanwhile."""

    @abstractmethod
    def resume(self, waiter: InvocationRecord, actor: str) -> InvocationRecord | None:
        """RESUMED, unless the attempt is stale or the scope's token is still with a descendant (then None)."""

    @abstractmethod
    def watch(self, awaited: Sequence[str], address: str | None) -> list[InvocationRecord]:
        """Have a process told when these become final; their records as they stand."""

    @abstractmethod
    def reroute(self, changes: Sequence[Transition]) -> list[InvocationRecord | None]:
        """Write changes that may end in an available status, and queue what is available afterwards."""

    @abstractmethod
    def cancel(self, invocation_ids: Sequence[str], actor: str) -> list[InvocationRecord]:
        """CANCELLED for what nobody owns; a request to the owner for the rest. The records afterwards."""

    @abstractmethod
    def queue_due(self, limit: int) -> float | None:
        """Queue delayed invocations whose time has come; when the next one is due."""

    @abstractmethod
    def requeue(self, records: Sequence[InvocationRecord]) -> None:
        """Queue available invocations again."""
