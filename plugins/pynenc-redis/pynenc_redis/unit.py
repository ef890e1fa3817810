"""Units of an application on Redis: one for each thread at a time, whose work is in ``session.py``."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from pynenc.ports.backend import UnitConflict
from pynenc_redis.connection import Server
from pynenc_redis.failures import translated
from pynenc_redis.keys import Keys
from pynenc_redis.session import Session

T = TypeVar("T")

#: How often a method that stands alone begins again; each time somebody else got something done.
MOST_CONFLICTS = 1_000


class RedisUnit:
    """Units of one application: one for each thread at a time."""

    def __init__(self, server: Server, keys: Keys) -> None:
        self.server = server
        self.keys = keys
        self._local = threading.local()

    def __call__(self) -> "RedisUnit":
        return self

    @property
    def session(self) -> Session | None:
        """The unit that this thread is in."""
        session: Session | None = getattr(self._local, "session", None)
        return session

    def __enter__(self) -> Session:
        if self.session is None:
            self._local.session = Session(self.server, self.keys)
            self._local.depth = 0
        self._local.depth += 1
        session: Session = self._local.session
        return session

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._local.depth -= 1
        if self._local.depth:
            return
        session: Session = self._local.session
        self._local.session = None
        if error is None:
            session.commit()
        else:
            session.rollback()

    def run(self, step: Callable[[Session], T]) -> T:
        """A step inside of the unit of this thread; without one, in a unit of its own, again until it is written."""
        if self.session is not None:
            return step(self.session)
        for _ in range(MOST_CONFLICTS):
            try:
                with self as session:
                    return step(session)
            except UnitConflict:
                continue
        raise translated(self.server.location, RuntimeError(f"{MOST_CONFLICTS} changes by others came first"))

    def close(self) -> None:
        """Give back the connections; the next use opens others."""
        self.server.close()
