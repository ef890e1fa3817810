"""The app that the tests of the fork server load: its bootstraps, and what its children can do."""

import atexit
import contextlib
import multiprocessing.util
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

from pynenc.runner.child_process import ChildMain, ChildStart


def bootstrap(payload: bytes) -> ChildMain:
    assert payload in {b"", b"no handles", b"no processes"}
    if payload == b"no handles":
        del os.pidfd_open
    if payload == b"no processes":
        os.fork = _refuse
    return _main


def exits(_: bytes) -> ChildMain:
    sys.exit("no configuration here")


def dies(_: bytes) -> ChildMain:
    os._exit(3)


def hangs(_: bytes) -> ChildMain:
    while True:
        signal.pause()


def returns_nothing(_: bytes) -> None:
    return


def prints(_: bytes) -> ChildMain:
    sys.stdout.write("loaded\n")
    return lambda _: 0


def starts_threads(_: bytes) -> ChildMain:
    threading.Thread(target=threading.Event().wait, name="metrics-flusher", daemon=True).start()
    return _main


def leaves_exit_handlers(payload: bytes) -> ChildMain:
    log = Path(payload.decode())

    def note(who: str) -> None:
        with log.open("a") as file:
            file.write(f"{who}\n")

    def main(_: ChildStart) -> int:
        atexit.register(note, "child")
        return 0

    atexit.register(note, "server")
    return main


def has_numpy(_: bytes) -> ChildMain:
    seeded: list[int] = []
    module = ModuleType("numpy.random")
    module.seed = lambda: seeded.append(os.getpid())  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module

    def main(start: ChildStart) -> int:
        start.control.send({"seeded": seeded == [os.getpid()], "random": random.random()})
        return 0

    return main


def changes_signals(_: bytes) -> ChildMain:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return _main


def _refuse() -> int:
    raise BlockingIOError(11, "Resource temporarily unavailable")


def _main(start: ChildStart) -> int:
    return globals()[f"_{start.arguments['do']}"](start)


def _echo(start: ChildStart) -> int:
    while (message := start.control.receive()) is not None:
        if "stop" in message:
            status = message["stop"]
            assert isinstance(status, int)
            return status
        start.control.send(message)
    return 9


def _exit(start: ChildStart) -> int:
    status = start.arguments["status"]
    assert isinstance(status, int)
    return status


def _die(_: ChildStart) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def _fail(_: ChildStart) -> int:
    raise LookupError("a bug in the child")


def _leave(_: ChildStart) -> int:
    sys.exit("the child leaves")


def _describe(start: ChildStart) -> int:
    start.control.send(
        {
            "pid": os.getpid(),
            "path": sys.path,
            "argv": sys.argv,
            "directory": str(Path.cwd()),
            "input": sys.stdin.read(),
            "files": _open_files(),
            "signals": {
                number.name: _disposition(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
            },
            "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "threads": threading.active_count(),
        }
    )
    return 0


def _timed(start: ChildStart) -> int:
    start.control.send({"message": start.control.receive(0.01), "closed": start.control.closed})
    return _echo(start)


def _babble(start: ChildStart) -> int:
    os.write(start.control.fileno(), b"\xff" * 64)
    return _echo(start)


def _hang_up(start: ChildStart) -> int:
    start.control.send({"ready": True})
    start.control.close()
    signal.pause()
    return 0


def _be_deaf(start: ChildStart) -> int:
    start.control.send({"ready": True})
    signal.pause()
    return 0


def _leave_a_process(start: ChildStart) -> int:
    """Fork without exec, as a task that uses multiprocessing may, and die before that process does."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.read(reader, 1)  # the end of the pipe: its parent is gone
        time.sleep(60)
        os._exit(0)
    start.control.send({"process": pid})
    return 0


def _disposition(number: signal.Signals) -> int:
    handler = signal.getsignal(number)
    assert isinstance(handler, int), f"{handler} handles {number.name}"
    return handler


def _start_a_daemon(start: ChildStart) -> int:
    process = multiprocessing.get_context("fork").Process(target=signal.pause, daemon=True)
    process.start()
    start.control.send({"process": process.pid})
    start.control.receive()
    return 0


def _open_files() -> list[str]:
    files: list[str] = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            files.append(str(path.readlink()).partition(":")[0])
    return files
