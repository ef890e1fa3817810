"""The small tools of ``pynenc.testing``."""

import threading

import pytest

from pynenc.testing import FakeClock, wait_until


def test_a_fake_clock_stands_still_until_it_is_moved():
    clock = FakeClock(100.0)
    assert (clock.now(), clock.monotonic()) == (100.0, 0.0)
    assert clock.advance(5) == clock.now() == 105.0
    assert clock.monotonic() == 5.0


def test_only_the_time_of_day_goes_back():
    clock = FakeClock(100.0)
    clock.advance(5)
    assert clock.set_back(60) == clock.now() == 45.0
    assert clock.monotonic() == 5.0
    with pytest.raises(ValueError, match="set_back"):
        clock.advance(-1)


def test_what_is_true_is_not_waited_for():
    wait_until(lambda: True, 0, "nothing")


def test_waiting_ends_when_the_condition_comes_true():
    asked = iter((0, "", None, "yes"))
    wait_until(lambda: next(asked), 10, "the fourth answer")


def test_waiting_ends_when_another_thread_makes_it_true():
    done = threading.Event()
    thread = threading.Thread(target=done.set)
    thread.start()
    wait_until(done.is_set, 10, "the other thread")
    thread.join()


def test_waiting_in_vain_says_for_what():
    with pytest.raises(AssertionError, match=r"Waited 0\.01 s in vain for: the impossible"):
        wait_until(lambda: False, 0.01, "the impossible")
