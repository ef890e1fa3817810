"""The failures that the code of a workflow was given: which of them ended it, and what that takes out of its record."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

#: Failures that are remembered: the one that ends the code is among the last.
REMEMBERED = 64


class Failure(NamedTuple):
    """One that the code was given."""

    error: BaseException
    position: int
    #: The place of the operation that the code began next.
    next_position: int
    #: It is performed again when the code runs again; a sub-task, or a wait whose time is over, has ended for good.
    again: bool


class Undone(NamedTuple):
    """What is not to be part of the record."""

    forget: Sequence[int]
    #: Recorded failures that the code has not dealt with after all.
    not_dealt_with: Sequence[int]


class SeenFailures:
    """Those of one attempt, in their order."""

    def __init__(self) -> None:
        self._seen: deque[Failure] = deque(maxlen=REMEMBERED)

    def add(self, failure: Failure) -> None:
        """The code is given one."""
        self._seen.append(failure)

    def undone_by(self, error: BaseException, end: int, *, final: bool) -> Undone | None:
        """What the end of the code with this exception undoes; ``end`` is the place that comes after all others.

        A failure that ended the code is none that it has dealt with, whatever it did on its way out. So that is undone,
        and so are failures that came of it, such as the end of the steps beside it. What ends for good does so again
        at each retry, with all that follows; only who resumes the workflow begins there.
        """
        causes = list(_causes(error))
        for place, failure in enumerate(self._seen):
            if any(failure.error is each for each in causes) and (failure.again or final):
                later = [each.position for each in list(self._seen)[place + 1 :] if each.again]
                forget = {*later, *range(failure.next_position, end)}
                if failure.again:
                    return Undone(sorted({*forget, failure.position}), ())
                return Undone(sorted(forget), (failure.position,))
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """It, what it was raised from, and the members of groups."""
    pending, seen = [error], set[int]()
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if each.__cause__ is not None:
            pending.append(each.__cause__)
        if isinstance(each, BaseExceptionGroup):
            pending += cast("BaseExceptionGroup[BaseException]", each).exceptions
