"""The thread that owns the connections of a process, and how others ask it."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any, Generic, TypeVar

_Answer = TypeVar("_Answer")

#: A step waits so long for an answer, then it goes on without: a ledger may be locked meanwhile.
STEP_SECONDS = 5.0
_END_SECONDS = 5.0


class _Loop(asyncio.SelectorEventLoop):
    """Remembers its sockets, so that a forked child can let go of them."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: set[int] = set()

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        self.sockets.add(_number(fd))
        super().add_reader(fd, callback, *args)

    def remove_reader(self, fd: Any) -> bool:
        self.sockets.discard(_number(fd))
        return super().remove_reader(fd)


def _number(fd: Any) -> int:
    return fd if isinstance(fd, int) else int(fd.fileno())


class _Question(Generic[_Answer]):
    """Something asked: either its answer reaches who asked, or it is undone."""

    def __init__(
        self, asked: Coroutine[Any, Any, _Answer], otherwise: _Answer, undo: Callable[[_Answer], None]
    ) -> None:
        self._otherwise = otherwise
        self._asked = asked
        self._undo = undo
        self._lock = threading.Lock()
        self._answered = self._given_up = False

    async def answer(self) -> _Answer:
        """On the loop."""
        found = await self._asked
        with self._lock:
            if not self._given_up:
                self._answered = True
                return found
        self._undo(found)
        return self._otherwise

    def give_up(self) -> bool:
        """Wait no longer; False: the answer is there already."""
        with self._lock:
            self._given_up = not self._answered
            return self._given_up


class EventLoop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = _Loop()
        #: The server has not answered a question in time: until it does, others are not even asked.
        self._stuck = 0
        self._posted: deque[Callable[[], object]] = deque()
        #: What is posted will be done: at a time to come, or at once.
        self._scheduled = self._at_once = False
        self._thread = threading.Thread(target=self._run, name="pynenc-rabbitmq", daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        """Have it do something beside everything else."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def post(self, action: Callable[[], object], *, later_seconds: float = 0.0) -> None:
        """Have it do something next. After the end it is not done: the sweep finds what was to be queued.

        ``later_seconds``: there is time until then, so that several actions are one wake-up of the thread.
        """
        self._posted.append(action)
        if later_seconds:
            if not self._scheduled:
                self._scheduled = True
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._loop.call_later, later_seconds, self._do_posted)
            return
        # Whoever has scheduled it does so before the thread looks at what is posted.
        if not self._at_once:
            self._at_once = self._scheduled = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._do_posted)

    def _do_posted(self) -> None:
        self._scheduled = self._at_once = False
        while self._posted:
            try:
                self._posted.popleft()()
            except Exception as error:  # noqa: BLE001 - design law 10: the others are not its business
                self._loop.call_exception_handler({"message": "A posted action failed", "exception": error})

    def ask(
        self,
        asked: Coroutine[Any, Any, _Answer],
        otherwise: _Answer,
        undo: Callable[[_Answer], None] = lambda _: None,
    ) -> _Answer:
        """Its answer, or ``otherwise`` when there is none in time; ``undo`` takes an answer that comes too late."""
        if threading.current_thread() is self._thread:
            asked.close()
            raise RuntimeError("the thread of the connections cannot wait for itself")
        if self._stuck or self._loop.is_closed():
            asked.close()
            return otherwise
        question = _Question(asked, otherwise, undo)
        future = asyncio.run_coroutine_threadsafe(self._answer(question), self._loop)
        try:
            return future.result(STEP_SECONDS)
        except FutureTimeoutError:
            if not question.give_up():
                return future.result(STEP_SECONDS)
            self._stuck += 1
            future.add_done_callback(self._unstuck)
            return otherwise

    async def _answer(self, question: _Question[_Answer]) -> _Answer:
        # What this thread has posted comes first.
        self._do_posted()
        return await question.answer()

    def _unstuck(self, _: object) -> None:
        self._stuck -= 1

    def end(self) -> None:
        """Stop it."""
        self.post(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(_END_SECONDS)

    def let_go(self) -> None:
        """In a forked child: the parent's sockets are to stay open there, and with nobody else."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in self._loop.sockets:
            with suppress(OSError):
                os.dup2(nowhere, descriptor)
        os.close(nowhere)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
