"""Which results are read together with the one that is asked for."""

import threading
from collections.abc import Sequence
from itertools import takewhile
from types import SimpleNamespace
from typing import Any

from pynenc.engine.read_ahead import FRESH_SECONDS, KEPT, LONGEST, ReadAhead

CALLS = [f"call-{number:05}" for number in range(300)]


def ended(invocation_id: str) -> Any:
    """A final record and its outcome; only its id is looked at."""
    return SimpleNamespace(invocation_id=invocation_id), object()


def read_all(ahead: ReadAhead, ids: Sequence[str], finals: Sequence[str]) -> list[list[str]]:
    """Ask for each in turn; the trips."""
    trips = []
    for each in ids:
        if ahead.take(each, 0.0) is None:
            wanted = ahead.with_next(each)
            ahead.found(wanted, [ended(w) for w in takewhile(lambda w: w in finals, wanted)], 0.0)
            trips.append(wanted)
    return trips


def submitted(ids: Sequence[str] = CALLS) -> ReadAhead:
    ahead = ReadAhead()
    for each in ids:
        ahead.submitted([each])
    return ahead


def test_who_reads_in_order_reads_more_and_more_at_once() -> None:
    trips = read_all(submitted(), CALLS, CALLS)
    assert [each for trip in trips for each in trip] == CALLS
    assert [len(trip) for trip in trips[:8]] == [1, 2, 4, 8, 16, 32, LONGEST, LONGEST]


def test_one_result_is_read_alone() -> None:
    ahead = submitted()
    assert ahead.with_next(CALLS[7]) == [CALLS[7]]


def test_another_order_is_read_one_by_one() -> None:
    trips = read_all(submitted(), CALLS[::-1], CALLS)
    assert {len(trip) for trip in trips} == {1}


def test_calls_that_go_on_are_not_asked_for_again_and_again() -> None:
    """The first of them is waited for; what is read beside it stays little."""
    ahead = submitted()
    read_all(ahead, CALLS[:40], CALLS[:40])
    assert ahead.with_next(CALLS[63])[0] == CALLS[63]
    ahead.found([CALLS[63], CALLS[64]], [], 0.0)
    assert len(ahead.with_next(CALLS[63])) <= 2


def test_what_was_read_ahead_is_good_for_once_and_for_a_moment() -> None:
    ahead = submitted()
    ahead.found(CALLS[:4], [ended(each) for each in CALLS[:4]], 10.0)
    taken = ahead.take(CALLS[1], 10.0)
    assert taken is not None
    assert taken[0].invocation_id == CALLS[1]
    assert ahead.take(CALLS[1], 10.0) is None
    assert ahead.take(CALLS[2], 10.0 + FRESH_SECONDS) is None


def test_calls_of_other_threads_are_not_in_between() -> None:
    ahead = ReadAhead()
    ahead.submitted(CALLS[:2])
    other = threading.Thread(target=ahead.submitted, args=(["foreign-1", "foreign-2"],))
    other.start()
    other.join()
    ahead.submitted(CALLS[2:4])
    assert [each for trip in read_all(ahead, CALLS[:4], CALLS) for each in trip] == CALLS[:4]


def test_who_never_asks_does_not_fill_the_memory() -> None:
    ids = [str(number) for number in range(3 * KEPT)]
    ahead = submitted(ids)
    assert len(ahead._after) + len(ahead._older) <= KEPT + 2
    assert ahead._following(ids[-KEPT // 2]) == ids[-KEPT // 2 + 1]
    assert ahead._following(ids[0]) is None
