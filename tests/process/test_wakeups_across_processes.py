"""Wake-ups and the write lock between real processes, some of which are killed and some of which fork."""

import mmap
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pynenc.backends.sqlite import wakeups as wakeups_module
from pynenc.backends.sqlite.wake_board import WAITING
from pynenc.backends.sqlite.wakeups import SQLiteWakeups
from pynenc.backends.sqlite.write_lock import WriteLock

PROJECT = Path(wakeups_module.__file__).parents[3]

#: Does what it reads, a word a line, and writes a line for everything that happens.
LISTENER = """
import os, sys, threading
from pynenc.backends.sqlite.wakeups import SQLiteWakeups

say_one = threading.Lock()
def say(*words):
    with say_one:
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())

wakeups = SQLiteWakeups(sys.argv[1])
def listen():
    wakeups.listen(lambda ids: say("ids", *ids), lambda: say("work"))
    say("listening", wakeups.address(), os.getpid())

for line in sys.stdin:
    match line.split():
        case ["listen"]: listen()
        case ["idle"]: wakeups.set_idle(True); say("idle")
        case ["wait"]: wakeups.set_waiting(True); say("waiting")
        case ["notify", address, *ids]: wakeups.notify({address: ids}); say("notified")
        case ["wake"]: say("woke", wakeups.wake_workers(1))
        case ["fork"]:
            if os.fork() == 0:
                # The child listens where its parent listened, for its own ears, until it hears something.
                heard = threading.Event()
                wakeups.listen(lambda ids: (say("child-ids", *ids), heard.set()), heard.set)
                wakeups.set_waiting(True)
                say("child", wakeups.address())
                heard.wait(60)
                os._exit(0)
        case ["close"]: wakeups.close(); say("closed")
"""

#: Answers each number it finds in a file with a message to the address in its arguments, and never polls.
WORKER = """
import mmap, sys, threading
from pynenc.backends.sqlite.wakeups import SQLiteWakeups

wakeups, client, last = SQLiteWakeups(sys.argv[1]), sys.argv[3], int(sys.argv[4])
with open(sys.argv[2], "r+b") as file:
    stored = mmap.mmap(file.fileno(), 8)
woken = threading.Event()
wakeups.listen(lambda ids: None, woken.set)
done = 0
while done < last:
    woken.clear()
    wakeups.set_idle(True)
    found = int.from_bytes(stored[:8], "little")
    if found > done:
        wakeups.set_idle(False)
        done = found
        wakeups.notify({client: [str(done)]})
    else:
        woken.wait()
"""

LOCKER = """
import os, sys
from pynenc.backends.sqlite.write_lock import WriteLock

def say(word):
    os.write(1, word.encode() + b"\\n")

lock = WriteLock(sys.argv[1])
for line in sys.stdin:
    match line.split():
        case ["acquire"]: lock.acquire(); say("acquired")
        case ["release"]: say("releases"); lock.release()
        case ["fork"]:
            if os.fork() == 0:
                say("child")
                lock.acquire()
                say("child-acquired")
                os._exit(0)
"""


class Program:
    """Another process of ours, which is told what to do by lines and answers by lines."""

    def __init__(self, text: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", text, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self) -> list[str]:
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def ask(self, line: str) -> list[str]:
        self.tell(line)
        return self.hear()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Close its standard input; what it forked holds its output open no longer than it lives."""
        with self.process:
            pass


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "pynenc.db"


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start_one(text: str, *arguments: object) -> Program:
        started.append(Program(text, *arguments))
        return started[-1]

    yield start_one
    for program in started:
        program.kill()
        program.end()


@pytest.fixture
def own(db_path: Path) -> Iterator[SQLiteWakeups]:
    wakeups = SQLiteWakeups(db_path)
    yield wakeups
    wakeups.close()


@pytest.fixture
def new_listener(start: Callable[..., Program], db_path: Path) -> Callable[[], tuple[Program, str]]:
    def new() -> tuple[Program, str]:
        program = start(LISTENER, db_path)
        _, address, _ = program.ask("listen")
        return program, address

    return new


def slot_of(address: str) -> int:
    return int(address.partition(".")[0])


def test_another_process_hears_of_changes_and_of_work(new_listener, own):
    program, address = new_listener()
    program.ask("wait")
    own.notify({address: ["a", "b"]})
    assert program.hear() == ["ids", "a", "b"]
    assert own.wake_workers(1) == 0
    program.ask("idle")
    assert own.wake_workers(1) == 1
    assert program.hear() == ["work"]


def test_the_slot_of_a_killed_process_is_taken_by_the_next(new_listener):
    killed, former = new_listener()
    killed.kill()
    _, address = new_listener()
    assert slot_of(address) == slot_of(former)
    assert address != former


def test_a_killed_idle_process_is_passed_over_for_a_living_one(new_listener, own):
    killed, _ = new_listener()
    living, _ = new_listener()
    killed.ask("idle")
    living.ask("idle")
    killed.kill()
    assert own.wake_workers(1) == 1
    assert living.hear() == ["work"]
    assert own.wake_workers(1) == 0


def test_marks_of_a_killed_process_do_not_pass_to_the_next(new_listener, own):
    killed, _ = new_listener()
    killed.ask("idle")
    killed.ask("wait")
    killed.kill()
    successor, address = new_listener()
    assert own.wake_workers(1) == 0
    own.notify({address: ["not waiting"]})
    successor.ask("wait")
    own.notify({address: ["waiting"]})
    assert successor.hear() == ["ids", "waiting"]


def test_a_killed_process_that_waited_is_not_told_again(new_listener, own):
    killed, address = new_listener()
    killed.ask("wait")
    killed.kill()
    own.notify({address: ["lost"]})
    assert own._board is not None
    assert not own._board.take_mark(WAITING, slot_of(address))


def test_a_process_that_ends_without_closing_frees_its_slot(new_listener):
    ended, former = new_listener()
    ended.end()
    assert ended.process.returncode == 0
    _, address = new_listener()
    assert slot_of(address) == slot_of(former)


def test_a_forked_child_has_an_address_of_its_own(new_listener, own):
    parent, parent_address = new_listener()
    parent.ask("wait")
    word, child_address = parent.ask("fork")
    assert word == "child"
    assert slot_of(child_address) != slot_of(parent_address)
    own.notify({parent_address: ["for the parent"]})
    assert parent.hear() == ["ids", "for", "the", "parent"]
    own.notify({child_address: ["x"]})
    assert parent.hear() == ["child-ids", "x"]


def test_a_forked_child_does_not_keep_the_slot_of_its_killed_parent(new_listener, own):
    parent, parent_address = new_listener()
    parent.ask("wait")
    _, child_address = parent.ask("fork")
    parent.kill()
    _, next_address = new_listener()
    assert slot_of(next_address) == slot_of(parent_address)
    own.notify({child_address: ["x"]})
    assert parent.hear() == ["child-ids", "x"]


def test_no_wakeup_is_lost_between_a_submitter_and_a_worker(start, own, db_path, tmp_path):
    rounds = 3000
    (tmp_path / "stored").write_bytes(bytes(8))
    with (tmp_path / "stored").open("r+b") as file:
        stored = mmap.mmap(file.fileno(), 8)
    answers: queue.Queue[int] = queue.Queue()
    own.listen(lambda ids: [answers.put(int(changed_id)) for changed_id in ids], lambda: None)
    own.set_waiting(True)
    worker = start(WORKER, db_path, tmp_path / "stored", own.address(), rounds)
    for number in range(1, rounds + 1):
        stored[:8] = number.to_bytes(8, "little")
        own.wake_workers(1)
        assert answers.get(timeout=60) == number
    assert worker.process.wait() == 0


def test_a_killed_writer_frees_the_lock(start, db_path):
    program = start(LOCKER, db_path)
    assert program.ask("acquire") == ["acquired"]
    program.kill()
    with WriteLock(db_path):
        pass


def test_a_forked_child_queues_for_itself_and_keeps_no_lock_of_its_killed_parent(start, db_path):
    parent = start(LOCKER, db_path)
    assert parent.ask("acquire") == ["acquired"]
    assert parent.ask("fork") == ["child"]
    # Were the lock of the parent its child's too, the child would have it before the parent gives it up.
    assert parent.ask("release") == ["releases"]
    assert parent.hear() == ["child-acquired"]
    assert parent.ask("acquire") == ["acquired"]
    assert parent.ask("fork") == ["child"]
    parent.kill()
    assert parent.hear() == ["child-acquired"]
    with WriteLock(db_path):
        pass
