"""What a fresh worker process costs in time and memory, by the way it is made: the figures of decision 0005.

From the root of the repository: ``python -m benchmarks.fork_server_memory``. Memory is proportional set size (PSS): a
page that n processes share counts for 1/n in each, so the sum is what the machine really lends.
"""

import argparse
import gc
import importlib
import multiprocessing
import select
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Protocol, cast

import psutil

from pynenc.runner.child_process import ChildMain, ChildStart
from pynenc.runner.fork_server import ForkServer

#: What an app has imported before its first task runs.
APP_MODULES: Final = ("asyncio", "jsonpickle", "logging.config", "pydantic", "pydantic_settings", "sqlite3", "yaml")

#: Idle workers whose memory is measured.
WORKERS: Final = 8

#: How this module is called in other processes.
MODULE: Final = "benchmarks.fork_server_memory"


class Worker(Protocol):
    """A worker process that says when it runs, works when asked, and ends when its line does."""

    @property
    def pid(self) -> int | None:
        """Its process."""
        ...

    def work(self) -> None:
        """Have it work, and wait until it has."""

    def end(self) -> None:
        """End it, and wait until it is gone."""


class OurWorker:
    """A child of the fork server."""

    def __init__(self, server: ForkServer) -> None:
        self._child = server.fork({})
        self.pid = self._child.pid
        self._hear()

    def work(self) -> None:
        """Have it work, and wait until it has."""
        self._child.send({})
        self._hear()

    def end(self) -> None:
        """End it, and wait until it is gone."""
        self._child.close()
        self._child.wait(10)

    def _hear(self) -> None:
        while not self._child.receive():
            select.select([self._child], [], [])


class TheirWorker:
    """A process of multiprocessing."""

    def __init__(self, method: str) -> None:
        context = multiprocessing.get_context(method)
        self._line, theirs = context.Pipe()
        # The stubs know the process class of a context only where its name is written out.
        make = cast("Callable[..., BaseProcess]", getattr(context, "Process"))  # noqa: B009
        self._process = make(target=run_theirs, args=(theirs,))
        self._process.start()
        theirs.close()
        self.pid = self._process.pid
        self._line.recv()

    def work(self) -> None:
        """Have it work, and wait until it has."""
        self._line.send("work")
        self._line.recv()

    def end(self) -> None:
        """End it, and wait until it is gone."""
        self._line.close()
        self._process.join()


def load_app() -> None:
    """Import what an app imports."""
    for module in APP_MODULES:
        importlib.import_module(module)


def work() -> None:
    """Touch memory as a worker does that has run a few tasks, a collection included."""
    connection = sqlite3.connect(":memory:")
    connection.execute("create table task (id integer primary key, body text)")
    connection.executemany("insert into task (body) values (?)", [(str(number),) for number in range(1000)])
    connection.close()
    gc.collect()


def bootstrap(_: bytes) -> ChildMain:
    """Load the app in the fork server."""
    load_app()
    return run_ours


def run_ours(start: ChildStart) -> int:
    """Be a child of the fork server."""
    start.control.send({"running": True})
    while start.control.receive() is not None:
        work()
        start.control.send({"worked": True})
    return 0


def run_theirs(line: "Connection[str, str]") -> None:
    """Be a process of multiprocessing."""
    load_app()
    line.send("running")
    try:
        while line.recv():
            work()
            line.send("worked")
    except EOFError:
        return


def measure(start: Callable[[], Worker], count: int) -> str:
    """Return a line of figures about workers that are started like this."""
    start().end()  # the first one starts servers
    times: list[float] = []
    for _ in range(count):
        begin = time.perf_counter()
        worker = start()
        times.append((time.perf_counter() - begin) * 1000)
        worker.end()
    workers = [start() for _ in range(WORKERS)]
    for worker in workers:
        worker.work()
    pids = {worker.pid for worker in workers}
    sizes = {process.pid: pss_megabytes(process.pid) for process in psutil.Process().children(recursive=True)}
    for worker in workers:
        worker.end()
    of_workers = [size for pid, size in sizes.items() if pid in pids]
    return (
        f"{statistics.median(times):9.1f} {statistics.quantiles(times, n=20)[-1]:9.1f}"
        f"{statistics.median(of_workers):12.1f} {sum(sizes.values()):12.1f} {len(sizes) - len(of_workers):9}"
    )


def pss_megabytes(pid: int) -> float:
    """Return the proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"The kernel does not tell the proportional set size of process {pid}.")


def measure_ours(count: int) -> str:
    """Measure the fork server."""
    with ForkServer(f"{MODULE}:bootstrap", b"", name="benchmark") as server:
        server.start()
        return measure(lambda: OurWorker(server), count)


def measure_forkserver(count: int) -> str:
    """Measure the fork server of multiprocessing, the app loaded in it."""
    multiprocessing.set_forkserver_preload([*APP_MODULES, MODULE])
    return measure(lambda: TheirWorker("forkserver"), count)


def measure_spawn(count: int) -> str:
    """Measure new interpreters."""
    return measure(lambda: TheirWorker("spawn"), max(10, count // 10))


#: Each way to make workers is measured in a process of its own, so that its servers are all there is beside them.
WAYS: Final[dict[str, Callable[[int], str]]] = {
    "fork server": measure_ours,
    "multiprocessing forkserver": measure_forkserver,
    "multiprocessing spawn": measure_spawn,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="Compare ways to make worker processes.")
    parser.add_argument("--count", type=int, default=200, help="processes timed for each way (default: 200)")
    parser.add_argument("--way", choices=WAYS, help="measure this one alone")
    given = parser.parse_args()
    if given.way:
        print(f"{given.way:28}{WAYS[given.way](given.count)}")
        return
    print(f"{'':28} start p50 p95, ms    PSS, MB: {WORKERS} + servers   servers", flush=True)
    # Not `-m`: multiprocessing would import this module once more in each process, as its main module.
    program = f"from {MODULE} import main; main()"
    for way in WAYS:
        subprocess.run([sys.executable, "-c", program, "--way", way, "--count", str(given.count)], check=True)


if __name__ == "__main__":
    main()
