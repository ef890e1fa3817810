"""The queue of writers: two locks over one file stand for two processes, as the kernel sees no difference."""

import errno
import fcntl
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pynenc.backends.sqlite import write_lock
from pynenc.backends.sqlite.write_lock import WriteLock

DEADLINE_SECONDS = 20.0


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "pynenc.db"


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def somebody_holds(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_for_a_waiter(db_path: Path) -> None:
    """Who waits for the lock holds the gate."""
    gate = db_path.with_name(f"{db_path.name}-gate")
    pause = threading.Event()
    for _ in range(int(DEADLINE_SECONDS * 1000)):
        if somebody_holds(gate):
            return
        pause.wait(0.001)
    pytest.fail("nobody came to wait for the write lock")


def test_a_second_process_writes_when_the_first_has_finished(db_path):
    first, second = WriteLock(db_path), WriteLock(db_path)
    order: list[str] = []

    def write_second():
        with second:
            order.append("second")

    with first:
        waiter = in_thread(write_second)
        wait_for_a_waiter(db_path)
        order.append("first")
    waiter.join(DEADLINE_SECONDS)
    assert order == ["first", "second"]


def test_a_busy_process_lets_a_waiting_one_pass(db_path, monkeypatch):
    monkeypatch.setattr(write_lock, "GATE_INTERVAL_SECONDS", 0.0)
    busy, patient = WriteLock(db_path), WriteLock(db_path)
    order: list[str] = []

    def write_once():
        with patient:
            order.append("patient")

    busy.acquire()
    waiter = in_thread(write_once)
    wait_for_a_waiter(db_path)
    busy.release()
    with busy:
        order.append("busy")
    waiter.join(DEADLINE_SECONDS)
    assert order == ["patient", "busy"]


def test_a_burst_of_writes_does_not_pass_the_gate_each_time(db_path, monkeypatch):
    monkeypatch.setattr(write_lock, "GATE_INTERVAL_SECONDS", 3600.0)
    lock = WriteLock(db_path)
    with lock:
        pass
    with db_path.with_name(f"{db_path.name}-gate").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        with lock:
            assert somebody_holds(db_path.with_name(f"{db_path.name}-lock"))


def test_threads_of_one_process_write_one_after_the_other(db_path):
    lock = WriteLock(db_path)
    inside = 0
    most_inside = 0
    written = 0

    def write_often():
        nonlocal inside, most_inside, written
        for _ in range(200):
            with lock:
                inside += 1
                most_inside = max(most_inside, inside)
                written += 1
                inside -= 1

    threads = [in_thread(write_often) for _ in range(8)]
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert (written, most_inside) == (1600, 1)


def test_an_error_inside_gives_the_lock_back(db_path):
    lock = WriteLock(db_path)
    with pytest.raises(ValueError, match="mine"), lock:
        raise ValueError("mine")
    assert not somebody_holds(db_path.with_name(f"{db_path.name}-lock"))
    with lock:
        pass


@pytest.mark.parametrize("interrupted_call", [0, 1], ids=["at the gate", "at the lock"])
def test_an_interrupt_while_waiting_leaves_nothing_locked(db_path, monkeypatch, interrupted_call):
    lock = WriteLock(db_path)
    real_flock = fcntl.flock
    calls = 0

    def interrupted(file, operation):
        nonlocal calls
        if operation != fcntl.LOCK_UN:
            calls += 1
            if calls - 1 == interrupted_call:
                raise KeyboardInterrupt
        real_flock(file, operation)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", interrupted)
        with pytest.raises(KeyboardInterrupt):
            lock.acquire()
    with WriteLock(db_path):
        pass
    with lock:
        pass


def test_without_such_locks_threads_still_queue_and_it_is_said_once(db_path, monkeypatch, caplog):
    def unsupported(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    lock = WriteLock(db_path)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with lock:
                assert lock._turn_of_threads.locked()
    assert len(caplog.records) == 1
    assert "No locks available" in caplog.text
    assert str(db_path) in caplog.text


def test_a_folder_in_which_no_file_can_be_made_is_no_failure(tmp_path, caplog):
    lock = WriteLock(tmp_path / "missing" / "pynenc.db")
    with caplog.at_level(logging.WARNING), lock:
        pass
    assert "cannot queue" in caplog.text


def test_two_names_of_one_file_share_one_line(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with WriteLock(tmp_path / "link" / "pynenc.db"):
        assert somebody_holds(tmp_path / "real" / "pynenc.db-lock")


def test_a_closed_lock_opens_again(db_path):
    lock = WriteLock(db_path)
    with lock:
        pass
    lock.close()
    lock.close()
    with lock:
        assert somebody_holds(db_path.with_name(f"{db_path.name}-lock"))
