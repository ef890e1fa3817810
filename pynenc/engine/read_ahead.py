"""Results that will be asked for next.

Who makes many calls one by one asks for their results one by one, as a rule in the same order. A trip to the store
costs much more than what it brings, so each brings the next results too, as long as that turns out to be right.
"""

import threading
from collections.abc import Sequence

#: Calls of this process whose successor is known, the newest ones.
KEPT = 16_384
#: Invocations read in one trip; fewer than are kept of those that ended (recent.py).
LONGEST = 64


class ReadAhead:
    """The order of the calls that this process made."""

    def __init__(self) -> None:
        self._after: dict[str, str] = {}
        self._made = threading.local()
        #: The one to be asked for next if somebody reads in order, and how many are read then.
        self._expected: str | None = None
        self._window = 1

    def submitted(self, ids: Sequence[str]) -> None:
        """This thread made calls."""
        last: str | None = getattr(self._made, "last", None)
        after = self._after
        for invocation_id in ids:
            if last is not None:
                after[last] = invocation_id
            last = invocation_id
        self._made.last = last
        while len(after) > KEPT:
            # Another thread may have taken the same one.
            after.pop(next(iter(after)), None)

    def with_next(self, invocation_id: str) -> list[str]:
        """What to read together with this one; it goes first."""
        wanted = [invocation_id]
        if invocation_id == self._expected:
            following = self._after.get(invocation_id)
            while following is not None and len(wanted) < self._window:
                wanted.append(following)
                following = self._after.get(following)
        else:
            self._window = 1
        return wanted

    def found(self, wanted: Sequence[str], finals: int) -> None:
        """So many of them, from the first on, are final: they will not be asked for again."""
        self._expected = self._after.get(wanted[finals - 1]) if finals else wanted[0]
        self._window = min(2 * max(finals, 1), LONGEST)
