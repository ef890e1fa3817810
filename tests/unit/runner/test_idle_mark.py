"""The mark says the truth whatever the order in which slots write it."""

import threading
from collections.abc import Callable
from contextlib import closing

from pynenc import PynencBuilder
from pynenc.backends.memory.wakeups import MemoryWakeups
from pynenc.runner.idle_mark import IdleMark, Room
from pynenc.runner.pool import Pool
from pynenc.runner.pool_limits import PoolLimits


class Board(MemoryWakeups):
    """Remembers the mark; a test can stand in the middle of a write."""

    def __init__(self) -> None:
        super().__init__()
        self.mark: tuple[bool, bool, bool] | None = None
        self.before_write: Callable[[], None] = lambda: None

    def set_idle(self, idle: bool, *, picky: bool = False, coroutines_only: bool = False) -> None:
        self.before_write()
        self.mark = (idle, picky, coroutines_only) if idle else None


def test_who_asks_is_marked_for_everything():
    board = Board()
    mark = IdleMark(board, picky=False, room=lambda: Room(slots=False, coroutines=False))
    assert not mark.asks()
    mark.ask()
    assert mark.asks()
    assert board.mark == (True, False, False)


def test_a_mark_goes_ahead_of_a_look_into_another_product():
    class Lazy(Board):
        def ask_ahead(self, *, picky: bool = False) -> None:  # noqa: ARG002 - the interface
            raise AssertionError("it would come after the look")

    board = Lazy()
    IdleMark(board, picky=True, room=lambda: Room(slots=False, coroutines=False), queue_elsewhere=True).ask()
    assert board.mark == (True, True, False)


def test_a_correction_says_what_there_is_room_for():
    board = Board()
    rooms = [Room(slots=True, coroutines=True), Room(slots=False, coroutines=True), Room(slots=False, coroutines=False)]
    mark = IdleMark(board, picky=True, room=lambda: rooms.pop(0))
    assert mark.correct()
    assert board.mark == (True, True, False)
    assert not mark.correct()
    assert board.mark == (True, True, True)
    assert not mark.correct()
    assert board.mark is None
    mark.ask()
    mark.withdraw()
    assert not mark.asks()
    assert board.mark is None


def test_who_rests_while_another_finds_all_busy_learns_of_it():
    """One slot has decided that none is free, and has not written it; the other rests and asks whether it may."""
    board = Board()
    decided, go_on = threading.Event(), threading.Event()
    free: list[str] = []

    def slow_write():
        decided.set()
        assert go_on.wait(10)

    mark = IdleMark(board, picky=False, room=lambda: Room(slots=bool(free), coroutines=False))
    mark.ask()
    board.before_write = slow_write
    busy = threading.Thread(target=mark.correct)
    busy.start()
    assert decided.wait(10)
    free.append("the one that rests")
    answers: list[bool] = []
    resting = threading.Thread(target=lambda: answers.append(mark.asks()))
    resting.start()
    go_on.set()
    for thread in (busy, resting):
        thread.join(10)
    assert answers == [False], "so it corrects the mark, and looks again"
    assert mark.correct()
    assert board.mark is not None


def test_who_tells_what_is_left_of_its_room_learns_whether_to_look_for_coroutines():
    board = Board()
    mark = IdleMark(board, picky=False, room=lambda: Room(slots=False, coroutines=True))
    assert mark.lower(), "nobody was told of those that came before the mark"
    assert not mark.lower()
    mark.taken()
    assert mark.lower()
    mark.withdraw()
    mark.ask()
    assert not mark.lower(), "the mark stood before the look"


def test_a_mark_that_a_sender_took_asks_no_more():
    """The slot that looks for its sake may not ask again, for others find a crowd; then it corrects the mark."""
    board = Board()
    mark = IdleMark(board, picky=False, room=lambda: Room(slots=True, coroutines=True))
    mark.ask()
    board.mark = None
    mark.taken()
    assert not mark.asks()
    assert mark.correct()
    assert board.mark is not None


def test_only_a_slot_that_rests_begins_to_ask_for_every_kind_of_work():
    board = Board()
    mark = IdleMark(board, picky=False, room=lambda: Room(slots=True, coroutines=True))
    mark.lower()
    assert board.mark == (True, False, True)
    assert not mark.asks(), "so the slot corrects the mark, and looks again"
    assert mark.correct()
    mark.lower()
    assert board.mark == (True, False, False)


def test_a_process_without_a_free_slot_that_is_told_of_work_is_told_of_the_next_coroutine():
    with closing(PynencBuilder().app_id("marks").memory().build()) as app:
        pool = Pool(app.engine, "runner", PoolLimits(slots=0))
        wakeups = app.engine.wakeups
        wakeups.listen(lambda _ids: None, pool.look)
        pool.idle_mark.correct()
        pool.look()
        assert wakeups.wake_workers(1, coroutines=True) == 1
        assert wakeups.wake_workers(1, coroutines=True) == 1
        assert wakeups.wake_workers(1) == 0, "there is no slot for it"
        pool.close()
