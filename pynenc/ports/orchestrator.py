"""The ledger of invocations, the graph of who waits for whom, and the board of runners."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pynenc.invocation.query import InvocationQuery
from pynenc.invocation.record import HistoryEntry, InvocationRecord, NewInvocation, Transition, Wait
from pynenc.invocation.runner_record import RunnerRecord


class Existing(NamedTuple):
    """The invocation that registration concurrency found in the place of a new one."""

    invocation_id: str
    args_id: str


class StatusLedger(ABC):
    """Identity and status of every invocation. Every write of a status also writes history."""

    @abstractmethod
    def register(self, new: Sequence[NewInvocation], now: float) -> list[Existing | None]:
        """Store new invocations as REGISTERED.

        Effect: one whose ``registration_key`` is held by an invocation that has not started (status in
        ``UNSTARTED``) is not stored; the answer at its place names that invocation, otherwise None.
        Atomicity: look-up and storing are one step, also for keys that repeat inside ``new``.
        Idempotence: an id that is stored already is left as it is.
        """

    @abstractmethod
    def claim(self, invocation_ids: Sequence[str], owner: str, now: float) -> list[InvocationRecord]:
        """Take invocations without a running scope into PENDING for ``owner``, each with a new attempt number.

        Effect: those that are not available, not due yet, or have a running scope are left alone.
        Atomicity: of two callers one gets an invocation. Ordering: as given.
        """

    @abstractmethod
    def transition(self, changes: Sequence[Transition], now: float) -> list[InvocationRecord | None]:
        """Compare-and-set: write each change if the table, the owner and the attempt still allow it.

        Effect: the record after the change, or None at the place of a refused one. PENDING adds one to
        the attempt and sets the owner; statuses that release ownership clear it.
        Atomicity: each change for itself. Ordering: as given; an invocation may occur several times.
        Idempotence: none; a repeated change is refused, and ``read`` tells that it had happened.
        """

    @abstractmethod
    def read(self, invocation_ids: Sequence[str]) -> dict[str, InvocationRecord]:
        """The records of those that exist."""

    @abstractmethod
    def scope(self, running_key: str, limit: int) -> list[InvocationRecord]:
        """Who holds or waits for a running scope: its owned and its CONCURRENCY_CONTROLLED invocations.

        Ordering: holders first, by attempt time, then those in line: priority, then age.
        """

    @abstractmethod
    def due(self, now: float, limit: int) -> list[InvocationRecord]:
        """Delayed invocations whose time has come; their ``not_before`` is cleared in the same step."""

    @abstractmethod
    def hasten(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        """Clear the ``not_before`` of delayed invocations, to be started at once; the records of those that had one.

        Effect: only available ones; others are left as they are.
        """

    @abstractmethod
    def next_due(self) -> float | None:
        """The earliest ``not_before`` of an available invocation."""

    @abstractmethod
    def request_cancel(self, invocation_ids: Sequence[str]) -> list[InvocationRecord]:
        """Mark owned invocations to be cancelled by their owner; the records of those that were marked."""

    @abstractmethod
    def drop(self, invocation_ids: Sequence[str]) -> None:
        """Forget invocations with their history and waits.

        Ordering: their sequence numbers are not used again. When the newest change is dropped the product remembers
        its number, and the next change has a higher one, so that nobody who follows the changes misses it.
        """

    @abstractmethod
    def expired(self, changed_before: float, limit: int, keep_workflows: Collection[str] = ()) -> list[str]:
        """Final invocations that changed last before a time, oldest first.

        Effect: without those whose caller or whose workflow's start is unfinished, for it may ask for their results
        when it runs again; and without the members of these workflows.
        """


class LedgerReader(ABC):
    """Listings: for the command line, the monitor and the periodic duties. Never decodes arguments."""

    @abstractmethod
    def find(self, query: InvocationQuery) -> list[InvocationRecord]:
        """One page of invocations, in the order of their ids, which is the order of registration."""

    @abstractmethod
    def count_by(self, dimensions: Sequence[str], query: InvocationQuery) -> dict[tuple[str, ...], int]:
        """How many for each combination of ``status``, ``task_id`` and ``queue``; limit and cursor do not count."""

    @abstractmethod
    def history(self, invocation_ids: Sequence[str]) -> list[HistoryEntry]:
        """All recorded statuses of these invocations, in the order in which they were written."""

    @abstractmethod
    def changes(self, after: int, limit: int) -> list[HistoryEntry]:
        """What was written after a sequence number, in order."""

    @abstractmethod
    def last_change(self) -> int:
        """The sequence number of the newest change that was not dropped; 0 if there is none."""


class WaitGraph(ABC):
    """Who waits for whom, and where to tell them."""

    @abstractmethod
    def add_waits(self, waits: Sequence[Wait]) -> None:
        """Add edges. Idempotence: an edge that is there stays."""

    @abstractmethod
    def release(self, awaited_ids: Sequence[str]) -> list[Wait]:
        """Remove all edges to these invocations and return them."""

    @abstractmethod
    def forget_waiters(self, waiter_ids: Sequence[str]) -> None:
        """Remove all edges from these invocations: they wait no longer."""

    @abstractmethod
    def waiting_for(self, awaited_ids: Sequence[str]) -> list[Wait]:
        """The edges to these invocations."""

    @abstractmethod
    def awaited_by(self, waiter_ids: Sequence[str]) -> list[Wait]:
        """The edges from these invocations."""

    @abstractmethod
    def paused_calls(self, args_ids: Sequence[str]) -> list[InvocationRecord]:
        """The PAUSED invocations whose arguments have one of these digests."""

    @abstractmethod
    def waiters_above(self, invocation_id: str, limit: int) -> list[str]:
        """Who waits for it, directly or through others, nearest first."""

    @abstractmethod
    def awaited_available(self, places: Sequence[tuple[str, str]], limit: int) -> list[str]:
        """Available invocations somebody waits for: highest priority, most dependents, oldest first.

        Effect: places as in ``Broker.pop``. Edges without a waiter (``waiter_id`` None: somebody waits outside of
        any invocation) do not count: they make nothing awaited, and are no dependents.
        """


class RunnerBoard(ABC):
    """Which runners live, and which of them performs a duty."""

    @abstractmethod
    def save_runners(self, runners: Sequence[RunnerRecord]) -> None:
        """Store or replace what runners say of themselves."""

    @abstractmethod
    def beat(self, runner_ids: Sequence[str], now: float) -> list[str]:
        """Renew the leases of these runners in one statement; the answer names those that are unknown."""

    @abstractmethod
    def retire(self, runner_ids: Sequence[str], now: float) -> None:
        """Mark runners as stopped. Their invocations must have been given back before."""

    @abstractmethod
    def runners(
        self, *, alive_since: float | None = None, runner_ids: Sequence[str] | None = None
    ) -> list[RunnerRecord]:
        """Runners in the order of their start, those that stopped included; or only these ids.

        Effect: with ``alive_since`` (seconds since the epoch) only runners that beat at or after it and have not
        stopped. Both conditions may be given.
        """

    @abstractmethod
    def orphans(self, silent_since: float, limit: int) -> list[InvocationRecord]:
        """Owned invocations whose owner is retired, or silent since before a time.

        An owner that is not on the board was silent since the invocation's last change: the board may have been purged,
        and the owner be about to enter it again.
        """

    @abstractmethod
    def hold_duty(self, duty: str, holder: str, now: float, until: float) -> bool:
        """Take or renew the right to perform a duty: True if nobody else holds it at ``now``."""

    @abstractmethod
    def duties(self) -> Mapping[str, tuple[str, float]]:
        """Who holds which duty, and until when."""

    @abstractmethod
    def forget_runners(self, silent_since: float) -> int:
        """Remove runners that are silent since before a time and own nothing; how many they were."""


class Orchestrator(StatusLedger, LedgerReader, WaitGraph, RunnerBoard):
    """The component called orchestrator: the four contracts on one product, so that one unit covers them."""

    @abstractmethod
    def purge(self) -> None:
        """Remove everything of this application."""
