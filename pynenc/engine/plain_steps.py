"""The plain cases of steps, where the product can do them in one trip (``pynenc.ports.shortcuts``)."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pynenc.engine.beside_queue import BesideQueue
from pynenc.engine.crash_points import crash_point
from pynenc.invocation.record import Finish, InvocationRecord, NewInvocation, Transition
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.backend import Backend
from pynenc.ports.steps import Advanced, ClaimPlan, WaitAnswer, WaitRequest

#: Whether a trigger watches one of these statuses.
Watches = Callable[[Iterable[InvocationStatus]], bool]

_GOES_ON = frozenset({InvocationStatus.RUNNING, InvocationStatus.RESUMED})
_CLAIMED = frozenset({InvocationStatus.PENDING, InvocationStatus.RUNNING})


class PlainSteps:
    """Takes a step by its shortcut if there is nothing to decide in it; otherwise leaves it to be composed."""

    def __init__(self, backend: Backend, told_here: Callable[[Sequence[str]], None], watches: Watches) -> None:
        shortcuts = self._shortcuts = backend.shortcuts
        elsewhere = shortcuts is not None and not backend.capabilities.one_product
        #: The same steps together with the queue of another product.
        self._beside = BesideQueue(shortcuts, backend) if shortcuts is not None and elsewhere else None
        self._told_here = told_here
        self._watches = watches

    def submit(
        self, new: Sequence[NewInvocation], uses: Mapping[str, Sequence[str]], now: float, *, wake: bool
    ) -> bool:
        """Whether it was done."""
        shortcuts = self._shortcuts
        # Large values are to be looked after in the same unit.
        if shortcuts is None or uses or any(each.registration_key is not None for each in new):
            return False
        if self._watches((InvocationStatus.REGISTERED,)) or not shortcuts.possible():
            return False
        if not (self._beside or shortcuts).submit(new, now, wake=wake):
            return False
        crash_point("submit.after_commit")
        return True

    def advance(
        self, finishes: Sequence[Finish], changes: Sequence[Transition], plan: ClaimPlan | None, now: float
    ) -> Advanced | None:
        """What it came to, if it was done."""
        shortcuts = self._shortcuts
        if shortcuts is None or not _is_plain(finishes, changes, plan) or not shortcuts.possible():
            return None
        written = {each.to for each in (*(finish.transition for finish in finishes), *changes)}
        if self._watches(written | _CLAIMED if plan is not None else written):
            return None
        short = (self._beside or shortcuts).advance(finishes, changes, plan, now)
        if short is None:
            return None
        crash_point("finish.after_commit" if finishes else "claim.after_commit")
        if short.told_here:
            self._told_here(short.told_here)
        return Advanced(short.finished, short.changed, short.claimed, short.more, short.awaited)

    def wait(
        self, request: WaitRequest, finishes: Sequence[Finish], plan: ClaimPlan | None, now: float
    ) -> WaitAnswer | None:
        """The answer, if it was done."""
        shortcuts = self._shortcuts
        if shortcuts is None or request.waiter.running_key is not None or not _is_plain(finishes, (), plan):
            return None
        written = {finish.transition.to for finish in finishes} | {InvocationStatus.PAUSED} | _CLAIMED
        if self._watches(written) or not shortcuts.possible():
            return None
        short = (self._beside or shortcuts).wait(request, finishes, plan, now)
        if short is None:
            return None
        crash_point("wait.after_commit")
        if short.told_here:
            self._told_here(short.told_here)
        return WaitAnswer(
            ready=short.paused is None,
            refused=False,
            unknown=(),
            cycle=(),
            awaited=short.awaited,
            paused=short.paused,
            claimed=short.claimed,
            announced=short.announced and self._beside is None,
        )

    def resume(self, waiter: InvocationRecord, actor: str, now: float) -> InvocationRecord | None:
        """The record, if it was done."""
        shortcuts = self._shortcuts
        if shortcuts is None or waiter.running_key is not None or self._watches((InvocationStatus.RESUMED,)):
            return None
        resumed = shortcuts.resume(waiter, actor, now)
        if resumed is not None:
            crash_point("resume.after_commit")
        return resumed


def _is_plain(finishes: Sequence[Finish], changes: Sequence[Transition], plan: ClaimPlan | None) -> bool:
    """Whether there is nothing to decide, as far as can be seen before."""
    if plan is not None and (plan.prefer or plan.only_awaited):
        return False
    for finish in finishes:
        if not finish.transition.to.is_final() or finish.record.running_key is not None:
            return False
        if finish.events or finish.cache_result:
            return False
        # Who has been back may have waited for an event.
        if finish.record.attempt > 1 or finish.transition.to is InvocationStatus.CANCELLED:
            return False
    return all(change.to in _GOES_ON for change in changes)
