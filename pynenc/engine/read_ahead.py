"""Results that will be asked for next.

Who makes many calls one by one asks for their results one by one, as a rule in the same order. A trip to the store
costs much more than what it brings, so each brings the next results too, as long as that turns out to be right.
"""

import threading
from collections.abc import Sequence

from pynenc.invocation.record import InvocationRecord, Outcome

#: Calls of this process whose successor is known, at most; the newer half of them always.
KEPT = 16_384
#: Invocations read in one trip.
LONGEST = 64
#: What was read longer ago is read again: the store may have been purged.
FRESH_SECONDS = 1.0

#: A final invocation, and what it came to.
Ended = tuple[InvocationRecord, Outcome]


class ReadAhead:
    """The order of the calls that this process made."""

    def __init__(self) -> None:
        self._after: dict[str, str] = {}
        #: Those from before: who takes old ones out one by one looks through the places of all that went.
        self._older: dict[str, str] = {}
        self._made = threading.local()
        #: The one to be asked for next if somebody reads in order, and how many are read then.
        self._expected: str | None = None
        self._window = 1
        #: What was read ahead in the last trip.
        self._read: dict[str, Ended] = {}
        self._read_at = 0.0

    def submitted(self, ids: Sequence[str]) -> None:
        """This thread made calls."""
        last: str | None = getattr(self._made, "last", None)
        for invocation_id in ids:
            if last is not None:
                self._after[last] = invocation_id
            last = invocation_id
        self._made.last = last
        if len(self._after) > KEPT // 2:
            self._older, self._after = self._after, {}

    def _following(self, invocation_id: str) -> str | None:
        return self._after.get(invocation_id) or self._older.get(invocation_id)

    def with_next(self, invocation_id: str) -> list[str]:
        """What to read together with this one; it goes first."""
        wanted = [invocation_id]
        if invocation_id == self._expected:
            following = self._following(invocation_id)
            while following is not None and len(wanted) < self._window:
                wanted.append(following)
                following = self._following(following)
        else:
            self._window = 1
        return wanted

    def found(self, wanted: Sequence[str], ended: Sequence[Ended], now: float) -> None:
        """These of them, the first ones, have ended; the very first was asked for (monotonic seconds)."""
        self._expected = self._following(wanted[len(ended) - 1]) if ended else wanted[0]
        self._window = min(2 * max(len(ended), 1), LONGEST)
        if len(ended) > 1:
            self._read = {each[0].invocation_id: each for each in ended[1:]}
            self._read_at = now

    def take(self, invocation_id: str, now: float) -> Ended | None:
        """What was read of it ahead, once: who asks again wants to know how things stand then."""
        ended = self._read.pop(invocation_id, None)
        return ended if now - self._read_at < FRESH_SECONDS else None
