"""Tasks that end in every way that is not good."""

import asyncio
import os
import signal
import sys
import threading
from typing import Any

from behaviour_app import app
from gates_and_notes import note, notes


class CannotTravelError(Exception):
    def __init__(self, message: str, lock: Any) -> None:
        super().__init__(message, lock)
        self.lock = lock


class HasNoWordsError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")

    __repr__ = __str__


class NoExceptionError(BaseException):
    pass


class RefusesToLoad:
    """Can be sent, and cannot be read."""

    def to_json(self) -> dict[str, str]:
        return {}

    @classmethod
    def from_json(cls, _data: dict[str, str]) -> "RefusesToLoad":
        raise ValueError("I refuse")


@app.task
def fails_badly(how: str) -> None:
    match how:
        case "cannot travel":
            raise CannotTravelError("see the lock", threading.Lock())
        case "has no words":
            raise HasNoWordsError
        case "no exception":
            raise NoExceptionError("below all of them")
        case "exit":
            sys.exit("I am done")
        case "exit without a word":
            sys.exit()
        case "interrupt":
            raise KeyboardInterrupt
        case "generator exit":
            raise GeneratorExit
        case "recursion":
            fails_badly.func(how)
        case "memory":
            raise MemoryError


@app.task
async def fails_badly_on_the_loop(how: str) -> None:
    await asyncio.sleep(0)
    match how:
        case "exit":
            sys.exit("I am done")
        case "interrupt":
            raise KeyboardInterrupt
        case "cancelled":
            raise asyncio.CancelledError
        case "cancels itself":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(1000)


@app.task
def returns_what_cannot_travel() -> Any:
    return threading.Lock()


@app.task
def takes(value: Any) -> str:
    return type(value).__name__


@app.task
def kills_its_process(journal: str, how: str) -> None:
    note(journal, os.getpid())
    match how:
        case "abort":
            os.abort()
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(0)


@app.task
def kills_its_process_at_first(journal: str) -> str:
    note(journal, os.getpid())
    if len(notes(journal)) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@app.task
def waits_for_a_killer(journal: str) -> str:
    return kills_its_process_at_first(journal).result


@app.task
def fine() -> str:
    return "fine"
