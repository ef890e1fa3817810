"""SIGINT and SIGTERM, acted upon on a thread of their own.

A handler of signals runs on the main thread, between two instructions of whatever that is doing. If it wants a lock
that the main thread holds at this moment (of an event, of a log handler), both wait for ever. And it runs only when the
main thread gets to its next instruction: the system may interrupt any other thread, and a main thread that sleeps then
sleeps on. So the interpreter is asked to write each signal into a pipe as it comes, on whatever thread, and a thread
that reads it does the rest.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

_HANDLED = (signal.SIGINT, signal.SIGTERM)
#: No signal has this number.
_END = 0


class SignalThread:
    """Hands signals to a function, one after the other, while it runs. May be started again."""

    def __init__(self, act: Callable[[signal.Signals], None]) -> None:
        self._act = act
        #: What came before there was a thread.
        self._early: list[int] = []
        self._writer: int | None = None
        self._thread: threading.Thread | None = None

    def handle(self, signum: int, frame: FrameType | None = None) -> None:  # noqa: ARG002 - what handlers are called with
        """A signal came. May be called at any moment, and before the thread is started."""
        writer = self._writer
        if writer is None:
            self._early.append(signum)
        else:
            # Full: somebody has sent hundreds, and one of them is read.
            with suppress(OSError):
                os.write(writer, bytes((signum,)))

    def start(self) -> None:
        """Begin to act. Takes the signals of the process over if this is the main thread; no other can."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self._writer = writer
        self._thread = threading.Thread(target=self._main, args=(reader,), name="pynenc-signals", daemon=True)
        self._thread.start()
        if threading.current_thread() is threading.main_thread():
            _taken_over.begin(writer)
        while self._early:
            self.handle(self._early.pop(0))

    def stop(self) -> None:
        """Give the signals back, and end once everything that came was acted upon."""
        writer, self._writer = self._writer, None
        if writer is None or self._thread is None:
            return
        _taken_over.end(writer)
        # Blocking: the other side reads until this comes.
        os.set_blocking(writer, True)
        os.write(writer, bytes((_END,)))
        self._thread.join()
        self._thread = None
        os.close(writer)

    def _main(self, reader: int) -> None:
        with open(reader, "rb", buffering=0) as pipe:
            while (number := pipe.read(1)[0]) != _END:
                # Other signals, for which users have handlers, are told here too.
                if number in _HANDLED:
                    self._act(signal.Signals(number))


class _TakenOver:
    """The signals of this process, while a runner has them."""

    def __init__(self) -> None:
        self._by: int | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._told_before = -1

    def begin(self, writer: int) -> None:
        """Have the interpreter write what comes."""
        self._by = writer
        self._told_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._handlers = {number: signal.signal(number, _nothing) for number in _HANDLED}

    def end(self, writer: int) -> None:
        """Give them back, if this one has them."""
        if self._by != writer:
            return
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._told_before)
        self._by = None

    def forget_in_child(self) -> None:
        """A process that a task forks has the same pipe: signals to it must not stop its parent's runner."""
        if self._by is not None:
            self._told_before = -1
            self.end(self._by)


def _nothing(signum: int, frame: FrameType | None) -> None:
    """Handler of what the pipe tells: without one, the interpreter would not be asked."""


_taken_over = _TakenOver()
os.register_at_fork(after_in_child=_taken_over.forget_in_child)
