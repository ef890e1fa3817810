"""The door around users' code that a runner calls in its own process: imports, filters, argument functions, decoding.

What comes out is a value or what was raised, ``SystemExit`` and the like included: nothing a user's code raises may
stop a runner (design law 10). Tasks have a door of their own (``pynenc.engine.execution.call``).
"""

import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Contained(NamedTuple, Generic[T]):
    """How a call ended."""

    value: T | None
    error: BaseException | None


def contained(call: Callable[[], T]) -> Contained[T]:
    """Make a call; whatever it raises is an answer.

    Raises:
        KeyboardInterrupt: in the main thread only, where it is somebody at the keyboard.
    """
    try:
        return Contained(call(), None)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise
        return Contained(None, error)


def words(error: BaseException) -> str:
    """An exception in words; its class alone if its own ``__str__`` raises."""
    described = contained(lambda: f"{type(error).__name__}: {error}")
    return type(error).__name__ if described.value is None else described.value
