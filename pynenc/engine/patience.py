"""Whether this process may judge others by their silence.

A lease that has run out says that its owner is dead only if everything else went on meanwhile. After a suspended
machine wakes up, a locked store is free again or the clock was put forward, all leases seem to have run out, and all
owners are about to renew them.
"""

#: A gap in what this process does counts as a standstill from this part of a lease on.
STANDSTILL_LEASES = 0.5


class Patience:
    """Lost for one lease by a standstill: long enough for everybody who lives to renew theirs."""

    def __init__(self, lease_seconds: float, longest_pause_seconds: float) -> None:
        """A process that goes on does something at least every ``longest_pause_seconds``."""
        self._lease = lease_seconds
        self._standstill = longest_pause_seconds + STANDSTILL_LEASES * lease_seconds
        self._seen_at: float | None = None
        self._judge_from = float("-inf")

    def may_judge(self, now: float) -> bool:
        """To be asked regularly, and right before judging; ``now`` in seconds of the wall clock, as leases are."""
        if self._seen_at is not None and now - self._seen_at > self._standstill:
            self._judge_from = now + self._lease
        self._seen_at = now
        return now >= self._judge_from
