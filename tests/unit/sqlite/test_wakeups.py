"""Wake-ups over a database file: two of them in one process stand for two processes, each with a slot of its own."""

import errno
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pynenc.backends.sqlite import wake_board, wakeups
from pynenc.backends.sqlite.wakeups import SQLiteWakeups

DEADLINE_SECONDS = 20.0
WORK = "work"

Heard = list[str] | str


class Process:
    """What one process would have: its wake-ups, and what they were told."""

    def __init__(self, db_path: Path, app_id: str) -> None:
        self.wakeups = SQLiteWakeups(db_path, app_id)
        self.heard: queue.Queue[Heard] = queue.Queue()

    def listen(self) -> "Process":
        self.wakeups.listen(self.hear_ids, self.hear_work)
        return self

    def wait_for_changes(self) -> "Process":
        self.listen().wakeups.set_waiting(True)
        return self

    def be_idle(self) -> "Process":
        self.listen().wakeups.set_idle(True)
        return self

    def hear_ids(self, ids: Sequence[str]) -> None:
        self.heard.put(list(ids))

    def hear_work(self) -> None:
        self.heard.put(WORK)

    def next_heard(self) -> Heard:
        return self.heard.get(timeout=DEADLINE_SECONDS)

    def ids_heard_until(self, last_id: str) -> list[str]:
        ids: list[str] = []
        while last_id not in ids:
            ids += self.next_heard()
        return ids

    def address(self) -> str:
        address = self.wakeups.address()
        assert address is not None
        return address

    def slot(self) -> str:
        return self.address().partition(".")[0]


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "pynenc.db"


@pytest.fixture
def new_process(db_path: Path) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def new(path: Path = db_path, app_id: str = "app") -> Process:
        made.append(Process(path, app_id))
        return made[-1]

    yield new
    for process in made:
        process.wakeups.close()


# --- news for those that wait ----------------------------------------------------------------------------------------


def test_the_one_that_waits_hears_which_invocations_changed(new_process):
    client, worker = new_process().wait_for_changes(), new_process()
    worker.wakeups.notify({client.address(): ["a", "b"]})
    assert client.next_heard() == ["a", "b"]


def test_the_one_that_does_not_wait_is_left_alone(new_process):
    client, worker = new_process().listen(), new_process()
    worker.wakeups.notify({client.address(): ["before"]})
    client.wakeups.set_waiting(True)
    worker.wakeups.notify({client.address(): ["while"]})
    assert client.next_heard() == ["while"]
    client.wakeups.set_waiting(False)
    worker.wakeups.notify({client.address(): ["after"]})
    client.wakeups.set_waiting(True)
    worker.wakeups.notify({client.address(): ["again"]})
    assert client.next_heard() == ["again"]


def test_each_address_gets_its_own_ids(new_process):
    one, other, worker = new_process().wait_for_changes(), new_process().wait_for_changes(), new_process()
    worker.wakeups.notify({one.address(): ["1"], other.address(): ["2"]})
    assert (one.next_heard(), other.next_heard()) == (["1"], ["2"])


def test_an_address_that_nobody_has_is_passed_over(new_process):
    client, worker = new_process().wait_for_changes(), new_process()
    worker.wakeups.notify({"nowhere": ["lost"], client.address(): ["found"]})
    assert client.next_heard() == ["found"]


def test_what_is_meant_for_the_former_owner_of_a_slot_does_not_reach_the_next(new_process):
    former = new_process()
    former_address = former.address()
    former.wakeups.close()
    client, worker = new_process().wait_for_changes(), new_process()
    assert client.slot() == former_address.partition(".")[0]
    worker.wakeups.notify({former_address: ["lost"]})
    worker.wakeups.notify({client.address(): ["found"]})
    assert client.next_heard() == ["found"]


def test_a_process_can_tell_itself(new_process):
    process = new_process().wait_for_changes()
    process.wakeups.notify({process.address(): ["mine"]})
    assert process.next_heard() == ["mine"]


def test_many_ids_arrive_whole_and_in_order(new_process):
    client, worker = new_process().wait_for_changes(), new_process()
    ids = [f"{number:036}" for number in range(1500)]
    worker.wakeups.notify({client.address(): ids})
    assert client.ids_heard_until(ids[-1]) == ids


def test_ids_that_are_not_ascii_arrive(new_process):
    client, worker = new_process().wait_for_changes(), new_process()
    worker.wakeups.notify({client.address(): ["übergröße", "次"]})
    assert client.next_heard() == ["übergröße", "次"]


def test_an_id_that_fits_in_no_message_is_passed_over(new_process):
    client, worker = new_process().wait_for_changes(), new_process()
    worker.wakeups.notify({client.address(): ["before", "x" * 100_000, "after"]})
    assert client.ids_heard_until("after") == ["before", "after"]


def test_an_inbox_that_overflows_is_told_to_look_at_everything(new_process):
    client, worker = new_process(), new_process()
    client.wakeups.set_waiting(True)
    for _ in range(5):
        worker.wakeups.notify({client.address(): [f"{number:036}" for number in range(1000)]})
    client.listen()
    assert client.next_heard() == []
    assert client.next_heard() == WORK
    worker.wakeups.notify({client.address(): ["after"]})
    heard = client.next_heard()
    while "after" not in heard:
        heard = client.next_heard()
    assert heard == ["after"]


def test_an_overflow_that_is_marked_after_the_inbox_was_read_wakes_the_reader_again(new_process, monkeypatch):
    client, worker = new_process(), new_process()
    client.wakeups.set_waiting(True)
    worker.address()
    board, inbox = worker.wakeups._board, client.wakeups._inbox
    mark_in_time = board.mark

    def mark_too_late(mark: int, slot: int, *, on: bool) -> None:
        inbox.read()
        mark_in_time(mark, slot, on=on)

    with monkeypatch.context() as patched:
        patched.setattr(board, "mark", mark_too_late)
        worker.wakeups.notify({client.address(): [f"{number:036}" for number in range(3000)]})
    client.listen()
    assert client.next_heard() == []


def test_many_threads_may_tell_one_process(new_process):
    client, worker = new_process().wait_for_changes(), new_process()
    address = client.address()

    def tell(thread_number: int) -> None:
        for number in range(100):
            worker.wakeups.notify({address: [f"{thread_number}-{number}"]})

    threads = [threading.Thread(target=tell, args=(thread_number,)) for thread_number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    ids: list[str] = []
    while len(ids) < 800:
        ids += client.next_heard()
    assert sorted(ids) == sorted(f"{thread}-{number}" for thread in range(8) for number in range(100))


def test_many_threads_may_open_the_same_wakeups(new_process):
    process = new_process()
    together = threading.Barrier(8)
    addresses: list[str] = []

    def open_it() -> None:
        together.wait(DEADLINE_SECONDS)
        addresses.append(process.address())

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert set(addresses) == {process.address()}
    assert len(addresses) == 8


# --- work for those that are idle ------------------------------------------------------------------------------------


def test_an_idle_process_hears_that_there_is_work_once(new_process):
    worker, client = new_process().be_idle(), new_process()
    assert client.wakeups.wake_workers(1) == 1
    assert worker.next_heard() == WORK
    assert client.wakeups.wake_workers(1) == 0
    worker.be_idle()
    assert client.wakeups.wake_workers(1) == 1
    assert worker.next_heard() == WORK


def test_a_process_that_found_work_is_not_told(new_process):
    worker, client = new_process().be_idle(), new_process()
    worker.wakeups.set_idle(False)
    assert client.wakeups.wake_workers(1) == 0


def test_nobody_is_told_when_nobody_was_ever_there(new_process):
    assert new_process().wakeups.wake_workers(1) == 0


def test_no_more_are_woken_than_there_is_work_for(new_process):
    workers, client = [new_process().be_idle() for _ in range(3)], new_process()
    assert client.wakeups.wake_workers(2) == 2
    assert client.wakeups.wake_workers(2) == 1
    assert [worker.next_heard() for worker in workers] == [WORK] * 3


def test_applications_that_share_a_file_do_not_wake_each_other(new_process):
    mine, other = new_process(app_id="mine").be_idle(), new_process(app_id="other")
    assert other.wakeups.wake_workers(1) == 0
    assert new_process(app_id="mine").wakeups.wake_workers(1) == 1
    assert mine.next_heard() == WORK


def test_the_idle_take_turns(new_process):
    workers, client = [new_process().be_idle() for _ in range(3)], new_process()
    woken: set[str] = set()
    for _ in workers:
        assert client.wakeups.wake_workers(1) == 1
        for worker in workers:
            # Only the one that was told is not idle, so marking all of them again must not choose it again.
            board = worker.wakeups._board
            if not board._bytes[wake_board.IDLE + int(worker.slot())]:
                woken.add(worker.address())
            worker.be_idle()
    assert len(woken) == 3


# --- listening -------------------------------------------------------------------------------------------------------


def test_callbacks_can_be_replaced(new_process):
    client, worker = new_process().wait_for_changes(), new_process()
    heard: queue.Queue[Sequence[str]] = queue.Queue()
    client.wakeups.listen(heard.put, client.hear_work)
    worker.wakeups.notify({client.address(): ["a"]})
    assert heard.get(timeout=DEADLINE_SECONDS) == ["a"]
    assert client.heard.empty()


def test_a_callback_that_fails_is_logged_and_the_next_wakeup_arrives(new_process, caplog):
    client, worker = new_process().wait_for_changes(), new_process()
    heard: queue.Queue[str] = queue.Queue()

    def fail_first(ids: Sequence[str]) -> None:
        heard.put(ids[0])
        if ids[0] == "first":
            raise ValueError("mine")

    client.wakeups.listen(fail_first, client.hear_work)
    with caplog.at_level(logging.ERROR):
        worker.wakeups.notify({client.address(): ["first"]})
        assert heard.get(timeout=DEADLINE_SECONDS) == "first"
        worker.wakeups.notify({client.address(): ["second"]})
        assert heard.get(timeout=DEADLINE_SECONDS) == "second"
    assert "mine" in caplog.text


def test_close_ends_the_thread_and_gives_the_slot_back(new_process):
    process = new_process().be_idle().wait_for_changes()
    slot, listener = process.slot(), process.wakeups._listener
    process.wakeups.close()
    process.wakeups.close()
    assert not listener.is_alive()
    successor = new_process()
    assert successor.slot() == slot
    assert successor.wakeups.wake_workers(1) == 0


def test_close_before_use_and_without_listening_is_fine(new_process):
    new_process().wakeups.close()
    process = new_process()
    process.address()
    process.wakeups.close()


def test_a_closed_one_opens_again_under_another_address(new_process):
    process, worker = new_process().wait_for_changes(), new_process()
    former = process.address()
    process.wakeups.close()
    worker.wakeups.notify({former: ["lost"]})
    process.wait_for_changes()
    assert process.address() != former
    worker.wakeups.notify({process.address(): ["found"]})
    assert process.next_heard() == ["found"]


def test_a_callback_may_close(new_process):
    process, worker = new_process(), new_process()
    process.wakeups.listen(lambda _ids: process.wakeups.close(), process.hear_work)
    process.wakeups.set_waiting(True)
    listener = process.wakeups._listener
    worker.wakeups.notify({process.address(): ["a"]})
    listener.join(DEADLINE_SECONDS)
    assert not listener.is_alive()


def test_close_with_a_full_inbox_is_fine(new_process):
    process, worker = new_process(), new_process()
    process.wakeups.set_waiting(True)
    worker.wakeups.notify({process.address(): [f"{number:036}" for number in range(3000)]})
    process.listen()
    listener = process.wakeups._listener
    process.wakeups.close()
    assert not listener.is_alive()


# --- where it is, and where it cannot be ----------------------------------------------------------------------------


def test_without_pipes_everything_goes_on_without_wakeups_and_it_is_said_once(new_process, monkeypatch, caplog):
    def unsupported(path: str, mode: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "no pipes here", path)

    monkeypatch.setattr(os, "mkfifo", unsupported)
    process = new_process()
    assert process.wakeups.can_wake
    with caplog.at_level(logging.WARNING):
        assert process.wakeups.address() is None
        process.be_idle().wait_for_changes()
        assert process.wakeups.wake_workers(1) == 0
        process.wakeups.notify({"0.00000000": ["a"]})
        process.wakeups.close()
    assert not process.wakeups.can_wake
    assert len(caplog.records) == 1
    assert "no pipes here" in caplog.text


def test_processes_that_name_the_file_differently_meet(new_process, tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    client = new_process(tmp_path / "link" / "pynenc.db").wait_for_changes()
    monkeypatch.chdir(tmp_path / "real")
    worker = new_process(Path("pynenc.db"))
    worker.wakeups.notify({client.address(): ["a"]})
    assert client.next_heard() == ["a"]


def test_a_process_without_a_slot_can_still_tell_others(new_process, monkeypatch):
    client = new_process().wait_for_changes()
    monkeypatch.setattr(wakeups, "SLOTS", 1)
    late = new_process()
    assert late.wakeups.address() is None
    assert not late.wakeups.can_wake
    late.wakeups.notify({client.address(): ["a"]})
    assert client.next_heard() == ["a"]
