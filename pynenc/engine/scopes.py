"""Running concurrency: who holds a scope, who may join, who is next in line.

A scope is one token. Its holders are derived from live invocations, not from counters that can leak. The
holder that is not paused, else the one claimed last, is the *deepest*: while it runs nobody else may; while it is
paused the token may pass to one of those it waits for, directly or through others, and comes back when that
one's attempt ends. So a recursive task under TASK works, and at any instant at most one invocation of a scope is
RUNNING or RESUMED.
"""

from collections.abc import Iterable, Sequence

from pynenc.engine.told import Told
from pynenc.invocation.record import InvocationRecord, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.orchestrator import Orchestrator

#: Members of a scope that are looked at; the rest of the line waits for its turn further back.
SCOPE_PAGE = 200
#: Length of the chain of waiters that is followed upward.
CHAIN_LIMIT = 10_000
#: Parents that are followed to find out whether an invocation descends from the holder of its scope.
ANCESTRY_LIMIT = 1_000


class Scope:
    """The members of one running scope as they stand inside the present unit."""

    def __init__(self, ledger: Orchestrator, running_key: str) -> None:
        self._ledger = ledger
        members = ledger.scope(running_key, SCOPE_PAGE)
        self.holders = [member for member in members if member.status.is_owned()]
        self.line = [member for member in members if member.status is InvocationStatus.CONCURRENCY_CONTROLLED]

    @property
    def deepest(self) -> InvocationRecord | None:
        """The holder with the token."""
        # The one that is not paused, whatever the times of the claims say: each is read before its process waits for
        # its turn to write, so a child may seem to have been claimed before its parent.
        executing = [holder for holder in self.holders if holder.status is not InvocationStatus.PAUSED]
        if executing:
            return executing[-1]
        return self.holders[-1] if self.holders else None

    def admits(self, invocation_id: str) -> bool:
        """Whether the invocation may take the token now."""
        deepest = self.deepest
        if deepest is None:
            return True
        if deepest.status is not InvocationStatus.PAUSED:
            return False
        return deepest.invocation_id in self._ledger.waiters_above(invocation_id, CHAIN_LIMIT)

    def next_in_line(self) -> InvocationRecord | None:
        """The first in line that may take the token now."""
        if not self.line:
            return None
        deepest = self.deepest
        if deepest is None:
            return self.line[0]
        if deepest.status is not InvocationStatus.PAUSED:
            return None
        return next((member for member in self.line if self.admits(member.invocation_id)), None)

    def may_drop(self, record: InvocationRecord) -> bool:
        """Whether a blocked invocation may end here: never one that ran before, never a descendant of a holder."""
        if not record.drop_when_blocked or record.status is not InvocationStatus.REGISTERED:
            return False
        holders = {holder.invocation_id for holder in self.holders}
        return not holders.intersection(self._ancestors(record))

    def _ancestors(self, record: InvocationRecord) -> Sequence[str]:
        found: list[str] = []
        parent_id = record.parent_id
        while parent_id is not None and len(found) < ANCESTRY_LIMIT:
            found.append(parent_id)
            parent = self._ledger.read([parent_id]).get(parent_id)
            parent_id = parent.parent_id if parent else None
        return found


def free_scopes(ledger: Orchestrator, keys: Iterable[str], now: float, told: Told) -> list[InvocationRecord]:
    """A holder of these scopes ended or paused: the heads of lines that may go on now (REROUTED).

    A holder to whom the token came back is told, should it wait for that.
    """
    heads: list[InvocationRecord] = []
    for key in keys:
        scope = Scope(ledger, key)
        head = scope.next_in_line()
        if head is not None:
            change = Transition(head.invocation_id, InvocationStatus.REROUTED, head.registered_by, None)
            heads += [record for record in ledger.transition([change], now) if record is not None]
        deepest = scope.deepest
        if deepest is not None and deepest.status is InvocationStatus.PAUSED:
            told.owner_of(deepest)
    return heads


def lines_of(levels: Iterable[Iterable[InvocationRecord]]) -> set[str]:
    """Scopes in whose line stands what somebody waits for: if its holder is among those who wait, it may go in now."""
    return {
        record.running_key
        for level in levels
        for record in level
        if record.status is InvocationStatus.CONCURRENCY_CONTROLLED and record.running_key is not None
    }
