"""Shortcuts with the queue in another product: what happens in which order, and what follows from the queue's kind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pynenc.engine.beside_queue import BesideQueue
from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.record import Claimed, Lane, QueueEntry
from pynenc.invocation.status import InvocationStatus
from pynenc.ports.shortcuts import Shortened, ShortSubmit, ShortWait
from pynenc.ports.steps import ClaimPlan, WaitRequest
from pynenc.testing.conformance.kit import NOW, OWNER, PLACE, call, entry

PLAN = ClaimPlan(OWNER, [PLACE], 3)


class Stage:
    """A queue, shortcuts and wake-ups that write down what happens; what they answer is set by the test."""

    def __init__(self, *, tells: bool = False, reorders: bool = True) -> None:
        self.tells, self.reorders = tells, reorders
        self.happened: list[Any] = []
        self.queue: list[QueueEntry] = []
        self.refusal: Exception | None = None
        self.submitted: ShortSubmit | None = ShortSubmit(followed=False)
        self.shortened: Shortened | None = Shortened((), (), (), more=False, told_here=(), awaited=False)
        self.paused: ShortWait | None = None
        self.offered: Any = None
        backend: Any = SimpleNamespace(broker=self, wakeups=self, units=[None, self.unit])
        shortcuts: Any = SimpleNamespace(submit=self._submit, advance=self._advance, wait=self._wait)
        self.beside = BesideQueue(shortcuts, backend)

    @contextmanager
    def unit(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.happened.append("undone")
            raise
        self.happened.append("queue committed")

    def push(self, entries: Sequence[QueueEntry]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.happened.append(("push", [each.invocation_id for each in entries]))

    def pop(self, places: Sequence[tuple[str, str]], limit: int) -> list[QueueEntry]:
        assert list(places) == [PLACE]
        return self.queue[:limit]

    def give_back(self, entries: Sequence[QueueEntry]) -> None:
        self.happened.append(("give back", [each.invocation_id for each in entries]))

    def remove(self, ids: Sequence[str]) -> None:
        self.happened.append(("remove", list(ids)))

    def promote(self, entries: Sequence[QueueEntry]) -> None:
        self.happened.append(("promote", [(e.invocation_id, e.priority, e.dependents) for e in entries]))

    def wake_workers(self, count: int, *, coroutines: bool = False) -> None:
        self.happened.append(("wake", count, coroutines))

    def _submit(self, *_: Any, **how: bool) -> ShortSubmit | None:
        assert how == {"wake": False, "queue": False}
        self.happened.append("ledger committed" if self.submitted else "not done")
        return self.submitted

    def _advance(self, *given: Any) -> Shortened | None:
        self.offered = given[4] if len(given) > 4 else None
        self.happened.append("ledger committed" if self.shortened else "not done")
        return self.shortened

    def _wait(self, *given: Any) -> ShortWait | None:
        self.offered = given[4]
        return self.paused


def claimed(invocation_id: str) -> Claimed:
    return Claimed(record(invocation_id), "", 0)


def record(invocation_id: str, status: InvocationStatus = InvocationStatus.REGISTERED, priority: int = 0) -> Any:
    return SimpleNamespace(invocation_id=invocation_id, queue=PLACE[0], lane=PLACE[1], priority=priority, status=status)


def test_a_call_is_committed_before_its_entry_is_sent_and_then_somebody_is_woken():
    stage = Stage()
    assert stage.beside.submit([call("a"), call("b")], NOW, wake=True)
    assert stage.happened == [("push", ["a", "b"]), "ledger committed", "queue committed", ("wake", 2, False)]


def test_without_wake_nobody_is_woken():
    stage = Stage()
    assert stage.beside.submit([call("a")], NOW, wake=False)
    assert stage.happened[-1] == "queue committed"


def test_what_the_queue_refuses_is_not_kept():
    stage = Stage()
    stage.refusal = StoreUnavailableError("full")
    with pytest.raises(StoreUnavailableError):
        stage.beside.submit([call("a")], NOW, wake=True)
    assert stage.happened == ["undone"]


def test_a_call_that_the_shortcut_does_not_take_is_not_queued():
    stage = Stage()
    stage.submitted = None
    assert not stage.beside.submit([call("a")], NOW, wake=True)
    assert stage.happened == [("push", ["a"]), "not done", "undone"]


def test_a_queue_that_tells_needs_no_wake_up():
    stage = Stage(tells=True)
    assert stage.beside.submit([call("a")], NOW, wake=True)
    assert stage.happened[-1] == "queue committed"


@pytest.mark.parametrize("case", ["event loop", "followed", "delayed"])
def test_those_who_do_not_listen_to_the_queue_are_woken_nevertheless(case):
    stage = Stage(tells=True)
    new = call("a")
    if case == "event loop":
        new = new._replace(lane=Lane.EVENT_LOOP.value)
    elif case == "followed":
        stage.submitted = ShortSubmit(followed=True)
    else:
        new = new._replace(not_before=NOW + 5)
    assert stage.beside.submit([new], NOW, wake=True)
    assert stage.happened[0] == ("push", [] if case == "delayed" else ["a"])
    assert stage.happened[-1] == ("wake", 1, case == "event loop")


def test_a_claim_is_committed_before_its_entries_are_acknowledged():
    stage = Stage()
    stage.queue = [entry("a"), entry("b")]
    stage.shortened = stage.shortened and stage.shortened._replace(claimed=[claimed("a"), claimed("b")])
    short = stage.beside.advance((), (), PLAN, NOW)
    assert short is not None
    assert not short.more
    assert [each.invocation_id for each in stage.offered.entries] == ["a", "b"]
    assert not stage.offered.awaited_first
    assert stage.happened == ["ledger committed", "queue committed"]


def test_entries_of_a_step_that_is_composed_go_back():
    stage = Stage()
    stage.queue, stage.shortened = [entry("a")], None
    assert stage.beside.advance((), (), PLAN, NOW) is None
    assert stage.happened == ["not done", "undone"]


def test_what_was_popped_in_vain_is_given_back_and_what_was_claimed_without_the_queue_is_taken_out():
    stage = Stage(reorders=False)
    stage.queue = [entry("a"), entry("b"), entry("c")]
    stage.shortened = stage.shortened and stage.shortened._replace(claimed=[claimed("z"), claimed("a")], left=["c"])
    short = stage.beside.advance((), (), PLAN, NOW)
    assert short is not None
    assert short.more
    assert stage.offered.awaited_first
    assert stage.happened == ["ledger committed", ("give back", ["c"]), ("remove", ["z"]), "queue committed"]


def test_who_popped_stale_entries_only_is_to_look_again():
    stage = Stage()
    stage.queue = [entry("a")]
    short = stage.beside.advance((), (), PLAN, NOW)
    assert short is not None
    assert short.more
    stage.queue = []
    short = stage.beside.advance((), (), PLAN, NOW)
    assert short is not None
    assert not short.more


def test_without_a_plan_the_queue_is_left_alone():
    stage = Stage()
    assert stage.beside.advance((), (), None, NOW) is not None
    assert (stage.offered, stage.happened) == (None, ["ledger committed"])


@pytest.mark.parametrize("reorders", [True, False])
def test_what_is_waited_for_moves_up_where_the_queue_can(reorders):
    stage = Stage(reorders=reorders)
    awaited = [record("a"), record("b", priority=9), record("c"), record("d", InvocationStatus.RUNNING)]
    waiter: Any = record("w", InvocationStatus.PAUSED)
    stage.paused = ShortWait(waiter, awaited, [claimed("c")], ())
    request = WaitRequest(
        waiter, 5, ["a", "b", "c", "d"], all_of_them=True, address=None, cycle_control=True, prioritise=True
    )
    assert stage.beside.wait(request, (), PLAN, NOW) is stage.paused
    assert (list(stage.offered.entries), stage.offered.awaited_first) == ([], not reorders)
    moved = [("remove", ["c"]), ("promote", [("a", 5, 1), ("b", 9, 1)])]
    assert stage.happened == [*(moved if reorders else []), "queue committed"]
