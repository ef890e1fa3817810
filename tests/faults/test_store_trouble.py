"""The store fails for a while, or for good: said clearly, survived by the workers, and over when it is over."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import fault_tasks
import pytest
from harness import Scene

from pynenc.exceptions import StoreUnavailableError
from pynenc.invocation.status import InvocationStatus

S = InvocationStatus

#: Keeps everybody else from writing, as a program that knows nothing of Pynenc would, until it is told to stop.
LOCKER = """
import sqlite3
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
database.execute("ROLLBACK")
print("unlocked", flush=True)
"""


class Locker:
    """Another process that has locked the database."""

    def __init__(self, scene: Scene) -> None:
        self._process = scene.start_program(LOCKER)
        self._hear("locked")

    def unlock(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._hear("unlocked")

    def _hear(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == word


# --- locked -----------------------------------------------------------------------------------------------------------


def test_database_locked_for_less_than_the_lease(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(lease_seconds=20, num_processes=2)
    runner = scene.start_runner()
    held = scene.call(fault_tasks.hold, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    pids = scene.killer.workers(runner.pid)
    locker = Locker(scene)
    client = scene.start_program("print(fault_tasks.fibonacci(4).result)")
    fault_tasks.release("a")
    scene.last(3)
    assert held.status is S.RUNNING
    locker.unlock()
    assert held.result == "a"
    assert client.communicate(timeout=20)[0] == "3\n"
    assert scene.killer.workers(runner.pid) == pids
    assert not any(record.recoveries for record in scene.check().records.values())
    assert "ERROR" not in runner.log


def test_database_locked_for_longer_than_the_lease(make_scene: Callable[..., Scene]) -> None:
    """No runner could renew its lease; that is no reason to take everything away from those that live."""
    scene = make_scene(num_processes=2)
    runners = [scene.start_runner(), scene.start_runner()]
    held = [scene.call(fault_tasks.hold, "a") for _ in range(3)]
    scene.wait(lambda: fault_tasks.held("a") == 3, "the tasks to start")
    others = scene.call_all(fault_tasks.fibonacci, [(5,)])
    locker = Locker(scene)
    scene.stalled_pids.update(pid for runner in runners for pid in scene.killer.workers(runner.pid))
    scene.last(2 * scene.app.conf.lease_seconds)
    locker.unlock()
    fault_tasks.release("a")
    assert [i.result for i in held] == ["a"] * 3
    assert [i.result for i in others] == [5]
    assert fault_tasks.held("a") == 3
    scene.wait_for_all()
    scene.check()


# --- full -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


def call_until_full(scene: Scene) -> None:
    """Some calls still fit into pages that the log has already."""
    for number in range(1000):
        scene.call(fault_tasks.large, "x" * 1000 + str(number))


def test_full_disk(small_disk: Path, make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(sqlite_db_path=str(small_disk / "pynenc.db"), num_processes=2)
    runner = scene.start_runner()
    assert scene.call(fault_tasks.noop, 1).result == 1
    held = scene.call(fault_tasks.hold, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    workers = scene.killer.workers(runner.pid)
    ballast = fill(small_disk)
    with pytest.raises(StoreUnavailableError, match=r"disk is full.*Make room"):
        call_until_full(scene)
    fault_tasks.release("a")
    scene.wait(lambda: "disk is full" in runner.log, "the workers to find the disk full")
    scene.last(1)
    ballast.unlink()
    assert held.result == "a"
    assert scene.call(fault_tasks.fibonacci, 4).result == 3
    scene.wait_for_all()
    assert scene.killer.workers(runner.pid) == workers
    scene.stalled_pids.update(workers)
    scene.check()


def test_worker_starts_while_the_disk_is_full(small_disk: Path, make_scene: Callable[..., Scene]) -> None:
    """It cannot enter the board of runners, waits until it can, and nobody is started in its place."""
    scene = make_scene(sqlite_db_path=str(small_disk / "pynenc.db"), num_processes=2)
    runner = scene.start_runner()
    assert scene.call(fault_tasks.noop, 1).result == 1
    scene.wait(lambda: len(scene.killer.workers(runner.pid)) == 2, "both workers")
    ballast = fill(small_disk)

    def refused() -> bool:
        return "Entering the board of runners failed" in runner.log

    def entered() -> bool:
        entries = {each.pid for each in scene.app.engine.ledger.runners()}
        living = set(scene.killer.workers(runner.pid)).difference(scene.killer.died_at_ns)
        return len(living) == 2 and living <= entries

    while not refused():
        # Now and then the log begins anew, and has room for one more.
        with pytest.raises(StoreUnavailableError):
            call_until_full(scene)
        scene.killer.kill_a_worker(runner.pid)
        scene.wait(lambda: refused() or entered(), "its successor to be refused")
    workers = scene.killer.workers(runner.pid)
    assert len(workers) == 2
    scene.last(1)
    ballast.unlink()
    held = [scene.call(fault_tasks.hold, "a") for _ in range(2)]
    scene.wait(lambda: fault_tasks.held("a") == 2, "both workers to work")
    assert scene.killer.workers(runner.pid) == workers
    fault_tasks.release("a")
    assert [i.result for i in held] == ["a", "a"]
    scene.wait_for_all()
    scene.stalled_pids.update(workers)
    scene.check()


def test_worker_killed_while_the_disk_is_full(small_disk: Path, make_scene: Callable[..., Scene]) -> None:
    """The supervisor cannot write down that it is gone, and must not go, too."""
    scene = make_scene(sqlite_db_path=str(small_disk / "pynenc.db"), num_processes=2)
    runner = scene.start_runner()
    held = [scene.call(fault_tasks.hold, "a") for _ in range(2)]
    scene.wait(lambda: fault_tasks.held("a") == 2, "the tasks to start")
    ballast = fill(small_disk)
    with pytest.raises(StoreUnavailableError):
        call_until_full(scene)
    scene.killer.kill_a_worker(runner.pid)
    scene.wait(lambda: "died" in runner.log, "the supervisor to see it")
    scene.last(1)
    assert runner.returncode is None, runner.log
    ballast.unlink()
    fault_tasks.release("a")
    assert [i.result for i in held] == ["a", "a"]
    scene.wait_for_all()
    scene.stalled_pids.update(scene.killer.workers(runner.pid))
    scene.check()


def test_store_purged_under_a_running_runner(scene: Scene) -> None:
    """The runner is not on the board any more; what it claims from now on is its own all the same."""
    runner = scene.start_runner()
    assert scene.call(fault_tasks.noop, 1).result == 1
    scene.forget()
    scene.app.purge()
    held = scene.call(fault_tasks.hold, "a")
    scene.wait(lambda: fault_tasks.held("a"), "the task to start")
    scene.last(2 * scene.app.conf.lease_seconds)
    fault_tasks.release("a")
    assert held.result == "a"
    assert held.record.attempt == 1, runner.log
    scene.check()


# --- gone -------------------------------------------------------------------------------------------------------------


@pytest.mark.xfail(strict=True, reason="the file is not looked at again yet")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_database_deleted_under_a_running_runner(what: str, scene: Scene) -> None:
    runner = scene.start_runner()
    assert scene.call(fault_tasks.noop, 1).result == 1
    scene.forget()
    folder = Path(scene.database).parent
    if what == "folder":
        shutil.rmtree(folder)
    else:
        for path in folder.glob("pynenc.db*"):
            if path.is_file():
                path.unlink()
    scene.app.close()
    # A client that comes now makes a new file, and the runner finds it.
    assert scene.call(fault_tasks.noop, 2).result_within(8) == 2
    # Each process says so once for each of its threads that met it, and goes on.
    assert 0 < runner.log.count("was deleted or replaced") <= 10
    scene.check()
